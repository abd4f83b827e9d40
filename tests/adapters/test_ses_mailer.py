"""Mail through SES: sent, refused for good, or to be tried again."""

import json

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from nft_upgrade.adapters.ses_mailer import SesMailer
from nft_upgrade.ports import (
    DeliveryRefused,
    DeliverySuspended,
    DeliveryUnavailable,
    DeliveryUncertain,
    Mail,
)
from tests.fixtures.aws import AwsEndpoint

MAIL = Mail(
    to="user@example.org",
    subject="Hello",
    text="Grüße",
    html="<p>Grüße</p>",
    unsubscribe_url="https://nft.example/out?link=1",
)


def answered_with(code: str) -> SesMailer:
    """A mailer whose SES answers with an error."""
    mailer = SesMailer("no-reply@nft.example")
    stub = Stubber(mailer._client)
    stub.add_client_error("send_email", code)
    stub.activate()
    return mailer


def test_a_mail_from_the_verified_sender_is_sent(aws: AwsEndpoint) -> None:
    assert SesMailer("no-reply@nft.example").send(MAIL)


def test_a_sender_nobody_verified_waits_for_an_operator(aws: AwsEndpoint) -> None:
    with pytest.raises(DeliverySuspended, match="MessageRejected"):
        SesMailer("stranger@nft.example").send(MAIL)


DECISIONS = {
    "AccountSuspendedException": DeliverySuspended,
    "BadRequestException": DeliveryRefused,
    "LimitExceededException": DeliveryUnavailable,
    "MailFromDomainNotVerifiedException": DeliverySuspended,
    "MessageRejected": DeliverySuspended,
    "NotFoundException": DeliverySuspended,
    "SendingPausedException": DeliverySuspended,
    "TooManyRequestsException": DeliveryUnavailable,
}
"""The recipient is at fault in one of them alone."""


@pytest.mark.parametrize(("code", "decision"), [*DECISIONS.items(), ("New", DeliveryUnavailable)])
def test_each_answer_of_ses_is_told_apart(
    aws: AwsEndpoint, code: str, decision: type[Exception]
) -> None:
    with pytest.raises(Exception, match=code) as told:
        answered_with(code).send(MAIL)
    assert told.type is decision


def test_every_error_that_ses_declares_has_a_decision(aws: AwsEndpoint) -> None:
    operation = SesMailer("a@nft.example")._client.meta.service_model.operation_model("SendEmail")
    assert {shape.name for shape in operation.error_shapes} == set(DECISIONS)


def test_no_service_at_all_may_pass(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(DeliveryUnavailable):
        SesMailer("no-reply@nft.example").send(MAIL)


def test_a_lost_answer_is_neither(aws: AwsEndpoint) -> None:
    """The mail may be on its way: whoever tried it again would send it twice."""
    mailer = SesMailer("no-reply@nft.example")

    def time_out(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="ses")

    mailer._client.meta.events.register("before-send.sesv2.SendEmail", time_out)
    with pytest.raises(DeliveryUncertain):
        mailer.send(MAIL)


def test_the_way_out_is_in_the_headers_that_mail_programs_read(aws: AwsEndpoint) -> None:
    mailer = SesMailer("no-reply@nft.example", "feedback")
    seen: list[str] = []

    def look(request: object, **_: object) -> None:
        seen.append(request.body.decode())  # type: ignore[attr-defined]

    mailer._client.meta.events.register("before-send.sesv2.SendEmail", look)
    mailer.send(MAIL)
    sent = json.loads(seen[0])
    assert sent["ConfigurationSetName"] == "feedback"
    assert sent["Content"]["Simple"]["Headers"] == [
        {"Name": "List-Unsubscribe", "Value": "<https://nft.example/out?link=1>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]
