"""Levels, counts and times per user. Every rule here is a count or a maximum, so that the order
in which events come does not matter."""

from dataclasses import replace
from datetime import datetime

from nft_upgrade.consumers.intake import notice_gap
from nft_upgrade.consumers.ports import Meter, StatsStore, UserStats
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import EventType, UpgradeEvent

NAME = "nft-analytics"
"""Also the Kafka consumer group."""
ATTEMPTS = 8
"""Tries against other events of the same user being counted at the same moment."""

_COUNTED_AS = {
    EventType.UPGRADE_INITIATED: "upgrades_opened",
    EventType.BURN_CONFIRMED: "burns_confirmed",
    EventType.UPGRADE_COMPLETED: "upgrades_completed",
    EventType.UPGRADE_CANCELLED: "upgrades_given_up",
    EventType.UPGRADE_EXPIRED: "upgrades_given_up",
    EventType.UPGRADE_FAILED: "upgrades_given_up",
    EventType.MINT_FAILED_RETRYABLE: "mint_failures",
}


class Analytics:
    """Counts each event once."""

    def __init__(self, store: StatsStore, meter: Meter) -> None:
        self._store = store
        self._meter = meter

    def take(self, event: UpgradeEvent) -> bool:
        """False: it had been counted. Raises VersionConflict when others are always faster."""
        if self._store.was_counted(event.upgrade_id, event.sequence):
            return False
        self._notice_gap(event)
        for _ in range(ATTEMPTS):
            before = self._store.stats(event.user_id) or UserStats(user_id=event.user_id)
            try:
                return self._store.count(event, counted(before, event))
            except VersionConflict:
                continue
        raise VersionConflict(f"The statistics of {event.user_id} are too busy.")

    def _notice_gap(self, event: UpgradeEvent) -> None:
        has_previous = self._store.was_counted(event.upgrade_id, event.sequence - 1)
        notice_gap(event, has_previous=has_previous, consumer=NAME, meter=self._meter)


def counted(stats: UserStats, event: UpgradeEvent) -> UserStats:
    """The row with one more event in it."""
    after = replace(
        stats,
        version=stats.version + 1,
        last_event_at=_later(stats.last_event_at, event.occurred_at),
    )
    if name := _COUNTED_AS.get(event.type):
        after = replace(after, **{name: getattr(stats, name) + 1})
    if event.type is EventType.UPGRADE_INITIATED:
        opened_at = _later(stats.last_opened_at, event.occurred_at)
        return replace(_risen(after, event.current_level, None), last_opened_at=opened_at)
    if event.type is EventType.UPGRADE_COMPLETED:
        completed_at = _later(stats.last_completed_at, event.occurred_at)
        after = replace(after, last_completed_at=completed_at)
        return _risen(after, event.target_level, event.occurred_at)
    return after


def _risen(stats: UserStats, level: int, at: datetime | None) -> UserStats:
    """At least `level`; of a level reached twice the earlier time counts."""
    if level > stats.level:
        return replace(stats, level=level, reached_at=at)
    if level == stats.level and at is not None:
        return replace(stats, reached_at=min(at, stats.reached_at or at))
    return stats


def _later(known: datetime | None, moment: datetime) -> datetime:
    return max(known, moment) if known else moment
