"""Counts each event once, into every generation that needs it. The rules are in domain/stats.py."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from nft_upgrade.consumers.intake import notice_gap
from nft_upgrade.consumers.ports import Meter
from nft_upgrade.consumers.stats_ports import Generations, StatsStore
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.stats import Count, Counts, count_together

NAME = "nft-analytics"
"""Also the Kafka consumer group."""
ATTEMPTS = 8
"""Tries against other events of the same user being counted at the same moment."""
TOGETHER = 20
"""Events in one transaction: with journey, user and two days each, and a first per level, they
stay below the 100 items that DynamoDB takes."""


class Analytics:
    """The live consumer.

    Dies between two generations' writes, or two transactions: the batch comes again, and what is
    written says so.
    """

    def __init__(self, generations: Generations, meter: Meter) -> None:
        self._generations = generations
        self._meter = meter

    def take(self, event: UpgradeEvent) -> bool:
        """One event; see `take_all`."""
        return self.take_all([event])[0]

    def take_all(self, events: Sequence[UpgradeEvent]) -> Sequence[bool]:
        """For each whether it was new. Raises VersionConflict when others are always faster."""
        # Read for every batch, after it came: a record written after a rebuild began must be
        # counted into the generation being built, since the rebuild itself may not see it.
        pointer = self._generations.pointer()
        stores = [self._generations.store(number) for number in pointer.counted_into]
        counted = [count_all(store, events) for store in stores]
        for change in counted[0]:
            has_previous = change.journey.has(change.event.sequence - 1)
            notice_gap(change.event, has_previous=has_previous, consumer=NAME, meter=self._meter)
        return _are_new(events, {each.event.event_id for part in counted for each in part})


def count_all(store: StatsStore, events: Iterable[UpgradeEvent]) -> list[Count]:
    """Count each once, many in a transaction; without those that had been counted."""
    return [change for part in _parts(events) for change in _count_part(store, part)]


def count_into(store: StatsStore, event: UpgradeEvent) -> Count | None:
    """Count it once; None: it had been counted. Raises VersionConflict, see `Analytics.take`."""
    for _ in range(ATTEMPTS):
        counts = _counts(store, [event])
        if not counts.counted:
            return None
        try:
            store.apply(counts)
        except VersionConflict:
            continue
        return counts.counted[0]
    raise VersionConflict(f"The statistics of {event.user_id} are too busy.")


def _count_part(store: StatsStore, events: Sequence[UpgradeEvent]) -> Sequence[Count]:
    counts = _counts(store, events)
    if not counts.counted:
        return ()
    try:
        store.apply(counts)
    except VersionConflict:  # by another event of one of the users: the others need not wait
        return [change for event in events if (change := count_into(store, event))]
    return counts.counted


def _counts(store: StatsStore, events: Sequence[UpgradeEvent]) -> Counts:
    journeys, users = store.read(
        {event.upgrade_id for event in events}, {event.user_id for event in events}
    )
    return count_together(events, journeys, users)


def _parts(events: Iterable[UpgradeEvent]) -> Iterator[Sequence[UpgradeEvent]]:
    rest = iter(events)
    while part := list(islice(rest, TOGETHER)):
        yield part


def _are_new(events: Sequence[UpgradeEvent], counted: set[str]) -> Sequence[bool]:
    """A record that is twice in a batch is new once."""
    left = set(counted)
    answers = []
    for event in events:
        answers.append(event.event_id in left)
        left.discard(event.event_id)
    return answers
