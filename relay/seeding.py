"""Where every log is read from at the start, and what that proves to the ring. Asks nobody.

Reading begins with the last minute of every log, or with as much of it as the ring holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from relay.ring import EVERYTHING

SEED_SECONDS = 60.0
"""So far back is read at the start: several of the ring's margins, so that a busy log's resumes are
answered from memory in the first second. The ends of all partitions alone would not do: one share
each covers seconds of the busiest and days of the others."""

Places = Mapping[TopicPartition, int]


@dataclass(frozen=True)
class Seed:
    """`pending` logs tell with their first record what they hide, the others hide nothing that was
    created after `floor` (seconds since 1970)."""

    places: Places
    pending: frozenset[TopicPartition]
    floor: float


def seed(
    begins: Places, ends: Places, found: Mapping[TopicPartition, Any], *, room: int, now: float
) -> Seed:
    """`found` is what the broker said of the time `SEED_SECONDS` before `now`: per log an object
    with an `offset`, or None; asked after `ends`, so that what came meanwhile is read in any case.
    `room`: records that the ring holds."""
    if any(found.values()):
        return _by_time(ends, found, room=room, floor=now - SEED_SECONDS)
    return _by_share(begins, ends, room=room, now=now)


def _by_time(ends: Places, found: Mapping[TopicPartition, Any], *, room: int, floor: float) -> Seed:
    """Should it not fit: from every log the same part, so about the same time."""
    wanted = {p: min(found[p].offset, end) if found[p] else end for p, end in ends.items()}
    counts = {p: ends[p] - place for p, place in wanted.items()}
    part = min(1.0, room / max(1, sum(counts.values())))
    places = {p: ends[p] - int(count * part) for p, count in counts.items()}
    return Seed(places, frozenset(p for p in places if places[p] > wanted[p]), floor)


def _by_share(begins: Places, ends: Places, *, room: int, now: float) -> Seed:
    """No log has a record of late, or the broker knows no times: an equal share of each.

    A log read from its very first record hides nothing; one that is empty by now may have hidden
    anything until now; the others tell with their first record."""
    share = room // max(1, len(ends))
    places = {p: max(begins[p], end - share) for p, end in ends.items()}
    inside = {p for p, place in places.items() if place}
    emptied = {p for p in inside if places[p] == ends[p]}
    return Seed(places, frozenset(inside - emptied), now if emptied else EVERYTHING)
