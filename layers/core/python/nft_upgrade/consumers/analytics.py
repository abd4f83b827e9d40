"""Counts each event once, into every generation that needs it. The rules are in domain/stats.py."""

from nft_upgrade.consumers.intake import notice_gap
from nft_upgrade.consumers.ports import Meter
from nft_upgrade.consumers.stats_ports import Generations, StatsStore
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.stats import Count, Journey, UserStats, count

NAME = "nft-analytics"
"""Also the Kafka consumer group."""
ATTEMPTS = 8
"""Tries against other events of the same user being counted at the same moment."""


class Analytics:
    """The live consumer.

    Dies between two generations' writes: the batch comes again, and the one written says so.
    """

    def __init__(self, generations: Generations, meter: Meter) -> None:
        self._generations = generations
        self._meter = meter

    def take(self, event: UpgradeEvent) -> bool:
        """False: all had counted it. Raises VersionConflict when others are always faster."""
        # Read for every record, after it came: a record written after a rebuild began must be
        # counted into the generation being built, since the rebuild itself may not see it.
        pointer = self._generations.pointer()
        stores = [self._generations.store(number) for number in pointer.counted_into]
        counted = [count_into(store, event) for store in stores]
        self._notice_gap(counted[0])
        return any(counted)

    def _notice_gap(self, change: Count | None) -> None:
        if change is None:
            return
        event = change.event
        has_previous = change.journey.has(event.sequence - 1)
        notice_gap(event, has_previous=has_previous, consumer=NAME, meter=self._meter)


def count_into(store: StatsStore, event: UpgradeEvent) -> Count | None:
    """Count it once; None: it had been counted. Raises VersionConflict, see `Analytics.take`."""
    for _ in range(ATTEMPTS):
        journey = store.journey(event.upgrade_id) or Journey(upgrade_id=event.upgrade_id)
        stats = store.stats(event.user_id) or UserStats(user_id=event.user_id)
        change = count(event, journey, stats)
        if change is None:
            return None
        try:
            store.apply(change)
        except VersionConflict:
            continue
        return change
    raise VersionConflict(f"The statistics of {event.user_id} are too busy.")
