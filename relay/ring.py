"""Recent records in memory, so that a storm of reconnects does not become a storm of reads.

A resume after sequence n may be answered from here only when everything after n is here or still
to come as a record. What proves it (docs/decisions/0038):

1. `floor` is a moment: every record that was created after it and has been read is in the ring.
   Dropping a record, skipping offsets or beginning inside a log raises it.
2. An event is published after it is committed, and committed after the one before it. So if event
   n or n + 1 says that it occurred after the floor (and a margin for clocks that differ and for a
   publisher's retries), every later event was published after the floor too.
3. Whoever asks has joined the hub before: a record that comes into the ring after the look is
   delivered to the stream.
4. Topics are read at different speeds, so an event may be here before the one it follows. It was
   not delivered to who asks now, and is not read twice: beyond a gap the table must be asked.

One thread writes (the consumer's), another reads; each reads or replaces whole tuples only.
"""

import math
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence

from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import from_record

MARGIN_SECONDS = 10.0
"""A publisher's longest retry (8 s, adapters/kafka_events.py), by which a record may be behind a
younger one in its log; and 2 s for the clocks of writers and publishers, which the platform keeps
within milliseconds of each other. More would not be safer for free: a ring that spans less than the
margin proves nothing."""
BYTES_PER_RECORD = 1024
"""Room is counted so: with the default capacity a ring takes at most 64 MiB of values."""
FLOOR_AGE_LIMIT = 86_400.0
MOST_PER_USER = 256
"""Beyond it, looking through a user's records would take longer than asking the table."""
EVERYTHING = -math.inf
NOTHING = math.inf


class Ring:
    """At most `capacity` records of a KiB each on average, by message key; the oldest is dropped
    first. 65,536 are two minutes at 500 records a second."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._by_user: dict[bytes | None, tuple[bytes, ...]] = {}
        self._order: deque[tuple[bytes | None, float]] = deque()
        self._bytes = 0
        self._floor = NOTHING
        self._pending: set[Hashable] = set()

    def __len__(self) -> int:
        return len(self._order)

    @property
    def floor(self) -> float:
        """Seconds since 1970; what was created after that moment and has been read is here."""
        return NOTHING if self._pending else self._floor

    def span(self, now: float) -> float:
        """Seconds from the floor to `now`, a day at most; below the margin nothing is proven."""
        return min(max(0.0, now - self.floor), FLOOR_AGE_LIMIT)

    # --- the consumer's thread ----------------------------------------------------------------

    def restart(self, pending: Iterable[Hashable] = (), *, floor: float = NOTHING) -> None:
        """Forget everything: records may have been missed. `pending` are the logs that are read
        from somewhere inside: until the first record of each is seen, nothing is proven."""
        self._floor = NOTHING
        self._by_user = {}
        self._order.clear()
        self._bytes = 0
        self._pending = set(pending)
        self._floor = floor

    def see_first(self, log: Hashable, created_at: float) -> None:
        """The first record of one of the pending logs."""
        if log in self._pending:
            self.raise_floor(created_at)
            self._pending.discard(log)

    def raise_floor(self, to: float) -> None:
        """Records created before `to` may be missing."""
        self._floor = max(self._floor, to)

    def add(self, message_key: bytes | None, value: bytes, created_at: float) -> None:
        """A record as it was read; `created_at` is its time stamp, in seconds since 1970."""
        if not self.capacity:
            return
        self._bytes += len(value)
        while self._order and self._is_full():
            self._drop_oldest()
        self._order.append((message_key, created_at))
        self._by_user[message_key] = (*self._by_user.get(message_key, ()), value)

    def _is_full(self) -> bool:
        return len(self._order) >= self.capacity or self._bytes > self.capacity * BYTES_PER_RECORD

    def _drop_oldest(self) -> None:
        message_key, created_at = self._order.popleft()
        # First the floor: a reader must not find the record gone and the floor where it was.
        self.raise_floor(created_at)
        first, *rest = self._by_user[message_key]
        self._bytes -= len(first)
        if rest:
            self._by_user[message_key] = tuple(rest)
        else:
            del self._by_user[message_key]

    # --- the event loop -----------------------------------------------------------------------

    def after(self, user_id: str, upgrade_id: str, position: int) -> Sequence[UpgradeEvent] | None:
        """The upgrade's events from `position` (that one included, if it is here) to the newest
        known; None where the ring cannot prove that none is missing, now or later.

        So None also beyond a gap. The event in the gap still comes as a record, but those after it
        have been read already and do not come again: topics are read at different speeds, and
        `completed` may be ahead of `progress`.
        """
        values = self._by_user.get(user_id.encode(), ())
        if len(values) > MOST_PER_USER:
            return None
        events = _events(values, upgrade_id)
        known = list(_run(events, position if position in events else position + 1))
        if not known or known[-1].sequence < max(events):
            return None
        # Any of event n and n + 1 will do. The floor last: what is dropped meanwhile has raised it.
        proofs = [
            event.occurred_at.timestamp() for event in known if event.sequence <= position + 1
        ]
        return known if max(proofs) >= self.floor + MARGIN_SECONDS else None


def _events(values: Sequence[bytes], upgrade_id: str) -> Mapping[int, UpgradeEvent]:
    marker = upgrade_id.encode()
    events: dict[int, UpgradeEvent] = {}
    for value in values:
        if marker in value:
            event = _event(value)
            if event is not None and event.upgrade_id == upgrade_id:
                events[event.sequence] = event
    return events


def _event(value: bytes) -> UpgradeEvent | None:
    try:
        return from_record(value)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _run(events: Mapping[int, UpgradeEvent], first: int) -> Sequence[UpgradeEvent]:
    run = []
    while first in events:
        run.append(events[first])
        first += 1
    return run
