"""Push messages through Amazon SNS's platform endpoints (APNs, FCM)."""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from nft_upgrade.adapters.ses_mailer import ONCE, told
from nft_upgrade.ports import DeliveryRefused, DeliveryUnavailable, DeliveryUncertain

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

REFUSALS = frozenset(
    {
        "EndpointDisabled",
        "EndpointDisabledException",
        "InvalidParameter",
        "InvalidParameterException",
        "NotFound",
        "NotFoundException",
    }
)
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
SUSPENSIONS = frozenset({"PlatformApplicationDisabled", "PlatformApplicationDisabledException"})
"""One app store's credentials ran out: SNS switches off that application alone, until an operator
gives it new ones."""

EXISTING = re.compile(r"Endpoint (arn:[^ ]+) already exists with the same [Tt]oken")
"""A disabled endpoint may not be returned as the same; then only the message has its ARN."""


class SnsPusher:
    """`Pusher`."""

    def __init__(self, applications: Mapping[str, str]) -> None:
        """Platform name -> ARN of its platform application."""
        self._applications = applications

    def register(self, platform: str, device_token: str) -> str:
        """Enabled again, whatever disabled it: SNS disables an endpoint for good when the push
        service refuses its token once, and does not enable it by itself.

        https://docs.aws.amazon.com/sns/latest/api/API_SetEndpointAttributes.html
        """
        application = self._applications.get(platform)
        if application is None:
            raise DeliveryRefused(f"There is no push for {platform}.")
        try:
            return self._enabled(application, device_token)
        except ClientError as error:
            raise _told(error) from error
        except BotoCoreError as error:
            raise DeliveryUnavailable(str(error)) from error

    def _enabled(self, application: str, device_token: str) -> str:
        """Made anew when it was deleted in between, once."""
        endpoint = self._endpoint(application, device_token)
        try:
            self._enable(endpoint, device_token)
        except self._client.exceptions.NotFoundException:
            endpoint = self._endpoint(application, device_token)
            self._enable(endpoint, device_token)
        return endpoint

    def _endpoint(self, application: str, device_token: str) -> str:
        """The token's endpoint, made if there is none."""
        try:
            made = self._client.create_platform_endpoint(
                PlatformApplicationArn=application, Token=device_token
            )
        except self._client.exceptions.InvalidParameterException as error:
            found = EXISTING.search(error.response["Error"]["Message"])
            if found is None:
                raise
            return found[1]
        return made["EndpointArn"]

    def _enable(self, endpoint: str, device_token: str) -> None:
        attributes = {"Enabled": "true", "Token": device_token}
        self._client.set_endpoint_attributes(EndpointArn=endpoint, Attributes=attributes)

    def push(self, endpoint: str, *, title: str, text: str) -> str:
        message = json.dumps(_forms(title, text))
        try:
            answer = self._client.publish(
                TargetArn=endpoint, Message=message, MessageStructure="json"
            )
        except ClientError as error:
            raise _told(error) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise DeliveryUnavailable(str(error)) from error
        except BotoCoreError as error:
            raise DeliveryUncertain(str(error)) from error
        return answer["MessageId"]

    @cached_property
    def _client(self) -> "SNSClient":
        return boto3.client("sns", config=ONCE)


def _told(error: ClientError) -> DeliveryRefused | DeliveryUnavailable | DeliveryUncertain:
    return told(error, refusals=REFUSALS, suspensions=SUSPENSIONS)


def _forms(title: str, text: str) -> dict[str, str]:
    """One message in each platform's own form; SNS takes the one that fits.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    apple = json.dumps({"aps": {"alert": {"title": title, "body": text}}})
    google = json.dumps(
        {"fcmV1Message": {"message": {"notification": {"title": title, "body": text}}}}
    )
    return {"default": text, "APNS": apple, "APNS_SANDBOX": apple, "GCM": google}
