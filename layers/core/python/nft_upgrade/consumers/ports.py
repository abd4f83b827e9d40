"""What the consumers need from the outside, as Protocols."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from nft_upgrade.domain.events import UpgradeEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStats:
    """What analytics knows about one user. Times are None until it happened.

    `reached_at` is when the user first held `level`; `version` counts the events counted.
    """

    user_id: str
    level: int = 0
    reached_at: datetime | None = None
    upgrades_opened: int = 0
    burns_confirmed: int = 0
    upgrades_completed: int = 0
    upgrades_given_up: int = 0
    mint_failures: int = 0
    last_opened_at: datetime | None = None
    last_completed_at: datetime | None = None
    last_event_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """Best first; `next_cursor` is opaque, None on the last page."""

    rows: Sequence[UserStats]
    next_cursor: str | None


class StatsStore(Protocol):
    """One row per user, and what has been counted."""

    def stats(self, user_id: str) -> UserStats | None:
        """Strongly consistent; None for a user nothing was counted for."""

    def was_counted(self, upgrade_id: str, sequence: int) -> bool:
        """Strongly consistent."""

    def count(self, event: UpgradeEvent, after: UserStats) -> bool:
        """Write the row and "counted" in one transaction; False: it was counted before.

        Raises VersionConflict when the row is not at `after.version - 1` any more.
        """

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        """Users with a completed upgrade: highest level first, then who reached it earlier.
        Eventually consistent. ValueError: bad cursor."""


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


class DeadLetters(Protocol):
    """Where they wait for an operator."""

    def bury(self, letter: DeadLetter) -> None:
        """The same record again is the same as once."""

    def letters(self, consumer: str) -> Sequence[DeadLetter]:
        """All of one consumer's."""


class Meter(Protocol):
    """Counts what operators are alarmed by."""

    def count(self, name: str, consumer: str) -> None: ...
