"""Mail through Amazon SES."""

from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from nft_upgrade.consumers.ports import MailRefused, MailUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

REFUSALS = frozenset(
    {"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"}
)
"""https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html: the rest is throttling
and pauses, which pass."""
# One attempt: botocore's own retry after a timeout could send the mail a second time.
_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10)


class SesMailer:
    """`Mailer`. A read timeout is neither of its errors: the mail may be on its way."""

    def __init__(self, sender: str) -> None:
        """`sender`: an address SES has verified."""
        self._sender = sender

    def send(self, *, to: str, subject: str, text: str) -> str:
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject, "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                    }
                },
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise (MailRefused if code in REFUSALS else MailUnavailable)(code) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise MailUnavailable(str(error)) from error
        return answer["MessageId"]

    @cached_property
    def _client(self) -> "SESV2Client":
        return boto3.client("sesv2", config=_ONCE)
