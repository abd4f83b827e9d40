"""Mail through Amazon SES."""

from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from nft_upgrade.ports import (
    DeliveryRefused,
    DeliverySuspended,
    DeliveryUnavailable,
    DeliveryUncertain,
    Mail,
)

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import MessageTypeDef, SendEmailRequestTypeDef

REFUSALS = frozenset({"BadRequestException"})
"""An address as SES takes none. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
says all that SendEmail answers; what is in neither set is throttling, which passes."""
SUSPENSIONS = frozenset(
    {
        "AccountSuspendedException",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",
        "NotFoundException",
        "SendingPausedException",
    }
)
"""Our own fault, so no mail is lost by it: the account may not send, its domain or sender is not
verified, the configuration set is gone. In the sandbox an unverified recipient is `MessageRejected`
as well; else it is content, which is ours too.
https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html"""
SERVER_FAULT = 500
"""From here on an HTTP status does not say whether the mail was taken."""
# One attempt: botocore's own retry after a timeout could send the mail a second time.
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10)


class SesMailer:
    """`Mailer`."""

    def __init__(self, sender: str, configuration_set: str | None = None) -> None:
        """`sender`: an address SES has verified. `configuration_set` names where SES tells of
        bounces and complaints."""
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, mail: Mail) -> str:
        try:
            return self._client.send_email(**self._request(mail))["MessageId"]
        except ClientError as error:
            raise told(error, refusals=REFUSALS, suspensions=SUSPENSIONS) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise DeliveryUnavailable(str(error)) from error
        except BotoCoreError as error:
            raise DeliveryUncertain(str(error)) from error

    def _request(self, mail: Mail) -> "SendEmailRequestTypeDef":
        request: SendEmailRequestTypeDef = {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": [mail.to]},
            "Content": {"Simple": _message(mail)},
        }
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        return request

    @cached_property
    def _client(self) -> "SESV2Client":
        return boto3.client("sesv2", config=ONCE)


def told(
    error: ClientError, *, refusals: frozenset[str], suspensions: frozenset[str]
) -> DeliveryRefused | DeliveryUnavailable | DeliveryUncertain:
    """AWS's answer as ours."""
    code = error.response["Error"]["Code"]
    if code in refusals:
        return DeliveryRefused(code)
    if code in suspensions:
        return DeliverySuspended(code)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return DeliveryUncertain(code) if status >= SERVER_FAULT else DeliveryUnavailable(code)


def _message(mail: Mail) -> "MessageTypeDef":
    message: MessageTypeDef = {
        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
        "Body": {
            "Text": {"Data": mail.text, "Charset": "UTF-8"},
            "Html": {"Data": mail.html, "Charset": "UTF-8"},
        },
    }
    if mail.unsubscribe_url:
        # RFC 8058, section 2; SES signs both headers with DKIM, as section 4 wants.
        message["Headers"] = [
            {"Name": "List-Unsubscribe", "Value": f"<{mail.unsubscribe_url}>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ]
    return message
