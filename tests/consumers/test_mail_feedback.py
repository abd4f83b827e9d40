"""Hard bounces and complaints end all mail to an address; everything else changes nothing."""

import json
from typing import Any

import pytest

from nft_upgrade.consumers.mail_feedback import MailFeedback
from tests.fakes.events import FakeMeter, FixedClock
from tests.fakes.notification import FakeContacts

TO = "Ape@example.org"


def bounce(kind: str, **more: Any) -> dict[str, Any]:
    recipients = [{"emailAddress": TO, "status": "5.1.1"}]
    return {"eventType": "Bounce", "bounce": {"bounceType": kind, "bouncedRecipients": recipients}}


def complaint(**more: Any) -> dict[str, Any]:
    recipients = [{"emailAddress": TO}]
    return {"eventType": "Complaint", "complaint": {"complainedRecipients": recipients, **more}}


def sns_event(*messages: object) -> dict[str, Any]:
    records = [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(m)}} for m in messages]
    return {"Records": records}


@pytest.mark.parametrize(
    ("message", "is_suppressed"),
    [
        (bounce("Permanent"), True),
        (bounce("Transient"), False),
        (bounce("Undetermined"), False),
        (complaint(), True),
        (complaint(complaintFeedbackType="abuse"), True),
        (complaint(complaintFeedbackType="not-spam"), False),
        ({"eventType": "Delivery", "delivery": {"recipients": [TO]}}, False),
    ],
)
def test_what_suppresses_an_address(message: dict[str, Any], is_suppressed: bool) -> None:
    contacts = FakeContacts()
    MailFeedback(contacts, FakeMeter(), FixedClock()).handle(sns_event(message))
    assert contacts.is_suppressed("ape@example.org") is is_suppressed


def test_a_message_of_another_kind_does_not_stop_those_behind_it() -> None:
    contacts, meter = FakeContacts(), FakeMeter()
    told = sns_event("no object", {"eventType": "Bounce"}, 7, complaint())
    assert MailFeedback(contacts, meter, FixedClock()).handle(told) == 1
    assert contacts.is_suppressed(TO)
    assert meter.counts["AddressesSuppressed"] == 1
