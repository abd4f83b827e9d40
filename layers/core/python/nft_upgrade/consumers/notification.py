"""Congratulations when an upgrade is complete, to who does not watch it live.

A message cannot be part of a transaction. So it is claimed first, per event and channel, and the
claim is the last thing done before the send (docs/decisions/0034):

| what happens                                   | the record becomes                           |
|------------------------------------------------|----------------------------------------------|
| taken by the service                           | `sent`                                       |
| certainly not taken (throttled, no connection) | `unsent`; the batch comes again and is sent  |
| refused for good                               | `refused`                                    |
| answer lost                                    | `uncertain`, counted, not repeated           |
| process ends between claim and record          | `sending`, then `uncertain` when redelivered |

Mail and push are two consumers, each with its own place in the topic, so that one never waits for
the other (docs/decisions/0045). What an outlet cannot send for longer than its patience, or before
somebody mends it, becomes a dead letter; the record stays `unsent`, so that replaying it sends.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from nft_upgrade.consumers.intake import Poison
from nft_upgrade.consumers.ports import Meter, Notification, Notifications, NotificationStatus
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.letters import Letter, congratulation
from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.ports import (
    Clock,
    DeliveryRefused,
    DeliverySuspended,
    DeliveryUnavailable,
    DeliveryUncertain,
    Ids,
    Presence,
)

NAME = "nft-notifications"
"""Mail; also the Kafka consumer group."""
PUSH_NAME = "nft-notifications-push"
UNDELIVERED = "undelivered"
"""The kind of such a dead letter."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to one recipient; `silence` is why it is not used, or None. `close` is called when
    the recipient turned out to be gone, after that was written down."""

    name: str
    silence: str | None
    send: Callable[[], str]
    close: Callable[[], None] = lambda: None


class Outlet(Protocol):
    """Mail, or push."""

    @property
    def name(self) -> str:
        """The consumer's."""

    @property
    def patience(self) -> timedelta:
        """How long what is certainly unsent is tried again and holds up those behind it."""

    def channels(self, event: UpgradeEvent, letter: Letter) -> Iterator[Channel]:
        """To everything that this user has; the letter is not yet sent."""


class Notifier:
    """Writes to a user once per completed upgrade and channel of one outlet."""

    def __init__(
        self,
        outlet: Outlet,
        notifications: Notifications,
        presence: Presence,
        catalogue: Catalogue,
        clock: Clock,
        ids: Ids,
        meter: Meter,
        *,
        origin: str,
    ) -> None:
        """`origin`: scheme and host of the links."""
        self._outlet = outlet
        self._notifications = notifications
        self._presence = presence
        self._catalogue = catalogue
        self._clock = clock
        self._ids = ids
        self._meter = meter
        self._origin = origin

    def take(self, event: UpgradeEvent) -> bool:
        """False: a completion that was dealt with before. After every channel had its turn it
        raises DeliveryUnavailable, to be called again, or Poison when it is not worth that."""
        if event.type is not EventType.UPGRADE_COMPLETED:
            return True
        is_news, given_up, held_up = False, [], []
        for channel in self._channels(event):
            try:
                is_news |= self._deliver(event, channel)
            except _GivenUp as failed:
                given_up.append(f"{channel.name}: {failed}")
            except DeliveryUnavailable as unavailable:
                held_up.append(unavailable)
        if held_up:
            raise held_up[0]
        if given_up:
            raise Poison("; ".join(given_up), kind=UNDELIVERED)
        return is_news

    # --- whom, and whether ---------------------------------------------------------------------

    def _channels(self, event: UpgradeEvent) -> list[Channel]:
        """All that is read is read before the first is sent."""
        letter = congratulation(event, self._catalogue, self._origin)
        channels = list(self._outlet.channels(event, letter))
        if channels and self._was_watching(event):
            return [replace(each, silence="has an open stream") for each in channels]
        return channels

    def _was_watching(self, event: UpgradeEvent) -> bool:
        """At the moment it happened. A stream opened later is most likely another upgrade's, and
        shows nothing of this one; a late delivery must not depend on when it comes."""
        watch = self._presence.watch(event.user_id)
        return watch is not None and watch.covers(event.occurred_at)

    # --- one channel ---------------------------------------------------------------------------

    def _deliver(self, event: UpgradeEvent, channel: Channel) -> bool:
        record = self._record(event, channel)
        there = self._begin(record)
        if there and there.status is NotificationStatus.UNSENT:
            record = replace(record, since=there.since)
            there = self._begin(record, instead_of=there)
        if there and there.status is NotificationStatus.SENDING:
            self._settle_uncertain(there, "The process ended while it was sent.")
        if there is None and channel.silence is None:
            self._send(record, channel)
        return there is None

    def _begin(
        self, record: Notification, *, instead_of: Notification | None = None
    ) -> Notification | None:
        """A claim whose answer is lost for good is taken back as far as possible: while this
        process lives it knows that nothing was sent."""
        try:
            return self._notifications.begin(record, instead_of=instead_of)
        except StorageUnavailable:
            with suppress(StorageUnavailable):
                self._settle(record, NotificationStatus.UNSENT, "The claim's answer was lost.")
            raise

    def _send(self, record: Notification, channel: Channel) -> None:
        try:
            message_id = channel.send()
        except DeliveryRefused as refused:
            self._meter.count("DeliveriesRefused", self._outlet.name)
            self._settle(record, NotificationStatus.REFUSED, str(refused))
            channel.close()
        except DeliveryUncertain as uncertain:
            self._settle_uncertain(record, str(uncertain))
        except DeliveryUnavailable as unavailable:
            self._settle(record, NotificationStatus.UNSENT, str(unavailable))
            if self._is_over(record, unavailable):
                raise _GivenUp(str(unavailable)) from unavailable
            raise
        else:
            sent = replace(record, message_id=message_id)
            self._settle(sent, NotificationStatus.SENT)

    def _is_over(self, record: Notification, why: DeliveryUnavailable) -> bool:
        """Whether trying again soon is pointless, or was tried for long enough."""
        if isinstance(why, DeliverySuspended):
            return True
        return self._clock.now() - record.since >= self._outlet.patience

    def _settle_uncertain(self, record: Notification, reason: str) -> None:
        self._meter.count("DeliveriesUncertain", self._outlet.name)
        self._settle(record, NotificationStatus.UNCERTAIN, reason)

    def _settle(
        self, record: Notification, status: NotificationStatus, reason: str | None = None
    ) -> None:
        at = self._clock.now()
        self._notifications.settle(replace(record, status=status, at=at, reason=reason))

    def _record(self, event: UpgradeEvent, channel: Channel) -> Notification:
        status = NotificationStatus.SKIPPED if channel.silence else NotificationStatus.SENDING
        now = self._clock.now()
        return Notification(
            user_id=event.user_id,
            event_id=event.event_id,
            channel=channel.name,
            status=status,
            at=now,
            reason=channel.silence,
            claim=self._ids.new(),
            since=now,
        )


class _GivenUp(Exception):
    """Unsent, and not tried again by itself."""
