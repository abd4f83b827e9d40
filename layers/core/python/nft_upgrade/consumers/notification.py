"""Congratulations when an upgrade is complete, by mail and push, to who does not watch it live.

A message cannot be part of a transaction. So it is claimed first, per event and channel, and the
claim is the last thing done before the send (docs/decisions/0034):

| what happens                                   | the record becomes                           |
|------------------------------------------------|----------------------------------------------|
| taken by the service                           | `sent`                                       |
| certainly not taken (throttled, no connection) | `unsent`; the batch comes again and is sent  |
| refused for good                               | `refused`                                    |
| answer lost                                    | `uncertain`, counted, not repeated           |
| process ends between claim and record          | `sending`, then `uncertain` when redelivered |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from nft_upgrade.consumers.ports import Meter, Notification, Notifications, NotificationStatus
from nft_upgrade.domain.contact import Contact, Device, LinkPurpose, make_link
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.letters import Letter, congratulation, with_unsubscribe
from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.ports import (
    Clock,
    Contacts,
    DeliveryRefused,
    DeliveryUnavailable,
    DeliveryUncertain,
    Mail,
    Mailer,
    Presence,
    Pusher,
)

NAME = "nft-notifications"
"""Also the Kafka consumer group."""
EMAIL = "email"
UNSUBSCRIBE_PATH = "/api/notifications/preferences/unsubscribe"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to one recipient; `silence` is why it is not used, or None."""

    name: str
    silence: str | None
    send: Callable[[], str]


class Notifier:
    """Writes to a user once per completed upgrade and channel."""

    def __init__(
        self,
        notifications: Notifications,
        contacts: Contacts,
        presence: Presence,
        mailer: Mailer,
        pusher: Pusher,
        catalogue: Catalogue,
        clock: Clock,
        meter: Meter,
        *,
        origin: str,
    ) -> None:
        """`origin`: scheme and host of the links in the mail."""
        self._notifications = notifications
        self._contacts = contacts
        self._presence = presence
        self._mailer = mailer
        self._pusher = pusher
        self._catalogue = catalogue
        self._clock = clock
        self._meter = meter
        self._origin = origin

    def take(self, event: UpgradeEvent) -> bool:
        """False: not a completion, or dealt with before. Raises DeliveryUnavailable to be retried,
        after every other channel had its turn."""
        if event.type is not EventType.UPGRADE_COMPLETED:
            return False
        is_news, held_up = False, None
        for channel in list(self._channels(event)):
            try:
                is_news |= self._deliver(event, channel)
            except DeliveryUnavailable as unavailable:
                held_up = unavailable
        if held_up:
            raise held_up
        return is_news

    # --- whom, and whether ---------------------------------------------------------------------

    def _channels(self, event: UpgradeEvent) -> Iterator[Channel]:
        letter = congratulation(event, self._catalogue, self._origin)
        contact = self._contacts.get(event.user_id)
        watching = "has an open stream" if self._was_watching(event) else None
        yield Channel(
            EMAIL,
            watching or self._mail_silence(contact),
            partial(self._mail, contact, letter),
        )
        push_silence = None if contact is None or contact.wants_push else "switched off"
        for device in self._contacts.devices(event.user_id):
            silence = watching or push_silence
            yield Channel(f"push#{device.id}", silence, partial(self._push, device, letter))

    def _was_watching(self, event: UpgradeEvent) -> bool:
        """When it happened or later: a late delivery must not depend on when it comes."""
        seen_until = self._presence.seen_until(event.user_id)
        return seen_until is not None and seen_until >= event.occurred_at

    def _mail_silence(self, contact: Contact | None) -> str | None:
        if contact is None or contact.address is None:
            return "no confirmed address"
        if not contact.wants_mail:
            return "switched off"
        return "suppressed" if self._contacts.is_suppressed(contact.address) else None

    # --- one channel ---------------------------------------------------------------------------

    def _deliver(self, event: UpgradeEvent, channel: Channel) -> bool:
        record = self._record(event, channel)
        there = self._notifications.begin(record)
        if there is NotificationStatus.SENDING:
            self._settle_uncertain(record, "The process ended while it was sent.")
        if there is not None:
            return False
        if channel.silence is None:
            self._send(record, channel)
        return True

    def _send(self, record: Notification, channel: Channel) -> None:
        try:
            message_id = channel.send()
        except DeliveryRefused as refused:
            self._meter.count("DeliveriesRefused", NAME)
            self._settle(record, NotificationStatus.REFUSED, reason=str(refused))
        except DeliveryUncertain as uncertain:
            self._settle_uncertain(record, str(uncertain))
        except DeliveryUnavailable as unavailable:
            self._settle(record, NotificationStatus.UNSENT, reason=str(unavailable))
            raise
        else:
            self._settle(record, NotificationStatus.SENT, message_id=message_id)

    def _settle_uncertain(self, record: Notification, reason: str) -> None:
        self._meter.count("DeliveriesUncertain", NAME)
        self._settle(record, NotificationStatus.UNCERTAIN, reason=reason)

    def _settle(
        self, record: Notification, status: NotificationStatus, **facts: str | None
    ) -> None:
        at = self._clock.now()
        self._notifications.settle(replace(record, status=status, at=at, **facts))  # type: ignore[arg-type]

    def _record(self, event: UpgradeEvent, channel: Channel) -> Notification:
        status = NotificationStatus.SKIPPED if channel.silence else NotificationStatus.SENDING
        return Notification(
            user_id=event.user_id,
            event_id=event.event_id,
            channel=channel.name,
            status=status,
            at=self._clock.now(),
            reason=channel.silence,
        )

    # --- how it is sent ------------------------------------------------------------------------

    def _mail(self, contact: Contact | None, letter: Letter) -> str:
        assert contact and contact.address  # else the channel is silent
        link = make_link(contact, LinkPurpose.UNSUBSCRIBE, contact.address)
        url = f"{self._origin}{UNSUBSCRIBE_PATH}?link={link}"
        full = with_unsubscribe(letter, url)
        return self._mailer.send(
            Mail(
                to=contact.address,
                subject=full.subject,
                text=full.text,
                html=full.html,
                unsubscribe_url=url,
            )
        )

    def _push(self, device: Device, letter: Letter) -> str:
        """A device that is refused is gone: the app was removed or its token replaced."""
        try:
            return self._pusher.push(
                device.endpoint, title=letter.subject, text=letter.text.split("\n")[0]
            )
        except DeliveryRefused:
            self._contacts.remove_device(device.user_id, device.id)
            raise
