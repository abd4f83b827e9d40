"""What SES tells of mail that was sent: hard bounces and complaints end all mail to an address.

Who may tell us is decided by grants: the topic takes messages from SES for our own configuration
set alone, and the function is called by that topic alone.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from nft_upgrade.consumers.notification import NAME
from nft_upgrade.consumers.ports import Meter
from nft_upgrade.ports import Clock, Contacts

logger = logging.getLogger(__name__)
PERMANENT = "Permanent"
NOT_SPAM = "not-spam"


class MailFeedback:
    """Suppresses addresses. The same message twice is the same as once."""

    def __init__(self, contacts: Contacts, meter: Meter, clock: Clock) -> None:
        self._contacts = contacts
        self._meter = meter
        self._clock = clock

    def handle(self, payload: Mapping[str, Any]) -> int:
        """`payload`: Lambda's event of an SNS subscription; how many addresses were suppressed.

        A message that is none of SES's is logged and dropped: it would be none the next time.
        """
        count = 0
        for record in payload["Records"]:
            try:
                bad = list(bad_addresses(json.loads(record["Sns"]["Message"])))
            except (ValueError, KeyError, TypeError, AttributeError):
                logger.exception("not a message of SES")
                continue
            for address, reason in bad:
                self._contacts.suppress(address, reason, at=self._clock.now())
                self._meter.count("AddressesSuppressed", NAME)
                count += 1
        return count


def bad_addresses(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Address and reason.

    Shape: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html;
    a soft bounce (`Transient`, `Undetermined`) passes, SES itself tries again.
    """
    kind = message.get("eventType") or message.get("notificationType")
    if kind == "Bounce" and message["bounce"]["bounceType"] == PERMANENT:
        for recipient in message["bounce"]["bouncedRecipients"]:
            yield str(recipient["emailAddress"]), "bounced"
    elif kind == "Complaint" and message["complaint"].get("complaintFeedbackType") != NOT_SPAM:
        for recipient in message["complaint"]["complainedRecipients"]:
            yield str(recipient["emailAddress"]), "complained"
