"""One stream and what it is made of, as the hub keeps it. Times are as the hub's."""

from dataclasses import dataclass
from typing import Protocol

EVICTED_PREFIX = "evicted."
"""An id of it and a sequence marks the end of a stream that gave way to a newer one."""
NOT_STARTED = -1


class Outlet(Protocol):
    """One response body, as the hub sees it."""

    def write(self, data: bytes) -> bool:
        """False when what is still unsent exceeds the bound."""

    def end(self, data: bytes) -> None:
        """Send `data`, then the end of the stream."""

    def abort(self) -> None:
        """Cut, now: what is unsent is dropped."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event, encoded. `is_last`: the upgrade has ended with it."""

    sequence: int
    status: str
    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """`per_user` and `total` streams; `heartbeat`, `lifetime` in seconds."""

    total: int
    per_user: int
    heartbeat: float
    lifetime: float


class Stream:
    """One listener of one upgrade; `sequence` is the last one sent."""

    __slots__ = (
        "ends_at",
        "expires_at",
        "message_key",
        "opened_at",
        "outlet",
        "sequence",
        "status",
        "upgrade_id",
        "waiting",
    )

    def __init__(
        self,
        outlet: Outlet,
        *,
        user_id: str,
        upgrade_id: str,
        expires_at: float,
        opened_at: float = 0.0,
    ) -> None:
        """`expires_at`: when the session ends, in the hub's seconds; `opened_at` in seconds since
        1970, for comparison with other processes' streams."""
        self.outlet: Outlet | None = outlet
        self.message_key = user_id.encode()
        self.upgrade_id = upgrade_id
        self.expires_at = expires_at
        self.opened_at = opened_at
        self.ends_at = 0.0
        self.sequence = NOT_STARTED
        self.status = ""
        self.waiting: tuple[Frame, ...] = ()

    @property
    def is_started(self) -> bool:
        return self.sequence != NOT_STARTED

    @property
    def is_open(self) -> bool:
        return self.outlet is not None


def is_evicted(last_id: str | None) -> bool:
    """Whether a Last-Event-ID says that its stream gave way to a newer one."""
    if last_id is None or not last_id.startswith(EVICTED_PREFIX):
        return False
    sequence = last_id.removeprefix(EVICTED_PREFIX)
    return sequence.isascii() and sequence.isdigit()
