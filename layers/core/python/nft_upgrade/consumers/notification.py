"""Congratulations by e-mail when an upgrade is complete.

A mail cannot be part of a transaction. So an event is claimed first: nobody is congratulated twice,
and if the process ends between the mail and its record, the claim stays as `sending` for an
operator to see. A mail that was certainly not sent gives its claim back and is tried again.
"""

from dataclasses import replace

from nft_upgrade.consumers.ports import (
    Contacts,
    Mailer,
    MailRefused,
    MailUnavailable,
    Meter,
    Notification,
    Notifications,
    NotificationStatus,
)
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.ports import Clock

NAME = "nft-notifications"
"""Also the Kafka consumer group."""


class Notifier:
    """Writes to a user once per completed upgrade."""

    def __init__(
        self,
        notifications: Notifications,
        contacts: Contacts,
        mailer: Mailer,
        catalogue: Catalogue,
        clock: Clock,
        meter: Meter,
        *,
        origin: str,
    ) -> None:
        """`origin`: scheme and host of the links in the mail."""
        self._notifications = notifications
        self._contacts = contacts
        self._mailer = mailer
        self._catalogue = catalogue
        self._clock = clock
        self._meter = meter
        self._origin = origin

    def take(self, event: UpgradeEvent) -> bool:
        """False: not a completion, or dealt with before. Raises MailUnavailable to be retried."""
        if event.type is not EventType.UPGRADE_COMPLETED:
            return False
        address = self._contacts.address(event.user_id)
        if address is None:
            return self._notifications.claim(self._skipped(event))
        claim = self._claim_of(event)
        if not self._notifications.claim(claim):
            return False
        self._notifications.settle(self._sent(claim, event, address))
        return True

    def _sent(self, claim: Notification, event: UpgradeEvent, address: str) -> Notification:
        subject, text = congratulation(event, self._catalogue, self._origin)
        try:
            message_id = self._mailer.send(to=address, subject=subject, text=text)
        except MailRefused as refused:
            self._meter.count("MailsRefused", NAME)
            return replace(claim, status=NotificationStatus.REFUSED, reason=str(refused))
        except MailUnavailable:
            self._notifications.release(claim)
            raise
        return replace(claim, status=NotificationStatus.SENT, message_id=message_id)

    def _claim_of(self, event: UpgradeEvent) -> Notification:
        return Notification(
            user_id=event.user_id,
            event_id=event.event_id,
            status=NotificationStatus.SENDING,
            at=self._clock.now(),
        )

    def _skipped(self, event: UpgradeEvent) -> Notification:
        return replace(
            self._claim_of(event), status=NotificationStatus.SKIPPED, reason="no address on file"
        )


def congratulation(event: UpgradeEvent, catalogue: Catalogue, origin: str) -> tuple[str, str]:
    """Subject and text."""
    name = catalogue[event.target_level].name
    lines = (
        f"Congratulations: your NFT is now level {event.target_level}, {name}.",
        "",
        f"NFT: {event.new_nft_id}",
        f"Mint transaction: {event.mint_signature}",
        f"Burn transaction: {event.burn_signature}",
        "",
        f"See it at {origin}",
    )
    return f"You reached level {event.target_level}: {name}", "\n".join(lines)
