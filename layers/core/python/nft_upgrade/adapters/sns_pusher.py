"""Push messages through Amazon SNS's platform endpoints (APNs, FCM)."""

import json
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


class SnsPusher:
    """`Pusher`."""

    def __init__(self, applications: Mapping[str, str]) -> None:
        """Platform name -> ARN of its platform application."""
        self._applications = applications

    def register(self, platform: str, device_token: str) -> str:
        """Idempotent at SNS for the same token.

        https://docs.aws.amazon.com/sns/latest/api/API_CreatePlatformEndpoint.html
        """
        application = self._applications.get(platform)
        if application is None:
            raise DeliveryRefused(f"There is no push for {platform}.")
        with_token = {"PlatformApplicationArn": application, "Token": device_token}
        try:
            return self._client.create_platform_endpoint(**with_token)["EndpointArn"]  # type: ignore[arg-type]
        except ClientError as error:
            raise told(error, REFUSALS) from error
        except BotoCoreError as error:
            raise DeliveryUnavailable(str(error)) from error

    def push(self, endpoint: str, *, title: str, text: str) -> str:
        message = json.dumps(_forms(title, text))
        try:
            answer = self._client.publish(
                TargetArn=endpoint, Message=message, MessageStructure="json"
            )
        except ClientError as error:
            raise told(error, REFUSALS) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise DeliveryUnavailable(str(error)) from error
        except BotoCoreError as error:
            raise DeliveryUncertain(str(error)) from error
        return answer["MessageId"]

    @cached_property
    def _client(self) -> "SNSClient":
        return boto3.client("sns", config=ONCE)


def _forms(title: str, text: str) -> dict[str, str]:
    """One message in each platform's own form; SNS takes the one that fits.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    apple = json.dumps({"aps": {"alert": {"title": title, "body": text}}})
    google = json.dumps(
        {"fcmV1Message": {"message": {"notification": {"title": title, "body": text}}}}
    )
    return {"default": text, "APNS": apple, "APNS_SANDBOX": apple, "GCM": google}
