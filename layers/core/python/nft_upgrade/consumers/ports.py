"""What the consumers need from the outside, as Protocols; analytics: stats_ports.py."""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from nft_upgrade.domain.events import UpgradeEvent


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event as recorded; its `previous_hash` and `hash` chain the entries of an upgrade."""

    event: UpgradeEvent
    recorded_at: datetime


class AuditTrail(Protocol):
    """Append-only: no entry is ever changed or removed."""

    def entry(self, upgrade_id: str, sequence: int) -> AuditEntry | None:
        """Strongly consistent."""

    def append(self, entry: AuditEntry) -> bool:
        """False: there is one at that place already, which stays as it is."""

    def entries(self, upgrade_id: str) -> Sequence[AuditEntry]:
        """By sequence; strongly consistent."""


class AuditArchive(Protocol):
    """A second copy under object lock."""

    def keep(self, entry: AuditEntry) -> None:
        """Write it once; the same entry again is the same as once."""


class Ledger(Protocol):
    """A consumer's own small projection: rows of facts by name, each event taken once. For
    consumers that need no store of their own."""

    def has(self, upgrade_id: str, sequence: int) -> bool:
        """Whether this event was taken; strongly consistent."""

    def facts(self, name: str) -> Mapping[str, Any]:
        """A row's facts (JSON); empty for one that nothing was written to."""

    def change(
        self,
        event: UpgradeEvent,
        name: str,
        make: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> bool:
        """Replace the row by what `make` makes of it and mark the event taken, both or neither;
        False: it was taken before. `make` may be called again when another event was faster.

        Raises VersionConflict when others are always faster.
        """


class NotificationStatus(StrEnum):
    """What became of one message."""

    SENDING = "sending"
    """Claimed, and the send began."""
    SENT = "sent"
    UNSENT = "unsent"
    """Certainly not sent; the next delivery of the event tries again."""
    UNCERTAIN = "uncertain"
    """The process ended, or the answer was lost, between the claim and the record: not repeated."""
    SKIPPED = "skipped"
    """Nobody to write to, or nobody who wants or needs it; `reason` says which."""
    REFUSED = "refused"
    """The service will not take it, now or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message for one event on one channel: `email`, or `push#<device>`."""

    user_id: str
    event_id: str
    channel: str
    status: NotificationStatus
    at: datetime
    reason: str | None = None
    message_id: str | None = None
    """The service's own id."""


class Notifications(Protocol):
    """What was done for each event."""

    def begin(self, notification: Notification) -> NotificationStatus | None:
        """Write the first record, or replace an `unsent` one. None: written; else what is there."""

    def settle(self, notification: Notification) -> None:
        """Replace the record by its outcome."""

    def notifications(self, user_id: str) -> Sequence[Notification]:
        """In the order of event ids, then channels."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record a consumer could not take, whole, so that nothing is lost by going on."""

    consumer: str
    topic: str
    partition: int
    offset: int
    value: str
    """As received: base64."""
    reason: str
    at: datetime
    kind: str = "broken"
    """`broken`, `unknown_version`, `unknown_type` or `refused` (docs/events.md)."""
    key: str | None = None
    """As received: base64."""

    @property
    def letter_id(self) -> str:
        """The same for the same record of the same consumer, however often it is buried. An
        embedded broker counts its offsets from 0 after a restart: the value tells such apart."""
        place = f"{self.consumer}|{self.topic}|{self.partition}|{self.offset}|{self.value}"
        return sha256(place.encode()).hexdigest()[:16]

    @property
    def original(self) -> bytes:
        """The value itself; what was no base64 is kept as it came."""
        try:
            return b64decode(self.value, validate=True)
        except binascii.Error:
            return self.value.encode()


class DeadLettersUnavailable(Exception):
    """Not acknowledged: the record must be delivered again, or it would be lost."""


class DeadLetters(Protocol):
    """Where they wait for an operator."""

    def bury(self, letter: DeadLetter) -> None:
        """Returns once it is safe; raises DeadLettersUnavailable when it may not be. Who reads
        them drops what comes twice, by `letter_id`."""


class Meter(Protocol):
    """Counts what operators are alarmed by."""

    def count(self, name: str, consumer: str) -> None: ...
