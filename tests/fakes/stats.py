"""The ports of analytics holding their state in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from nft_upgrade.consumers.analytics import count_into
from nft_upgrade.consumers.stats_ports import Pointer
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.stats import (
    Count,
    DayStats,
    First,
    Journey,
    LeaderboardPage,
    RankedUser,
    UserStats,
)


@dataclass
class FakeStatsStore:
    """`StatsStore`; equal when all figures are. Each of `rivals` is put in place before a write."""

    journeys: dict[str, Journey] = field(default_factory=dict)
    rows: dict[str, UserStats] = field(default_factory=dict)
    held: dict[int, First] = field(default_factory=dict)
    counters: dict[date, Counter[str]] = field(default_factory=dict)
    rivals: list[UserStats] = field(default_factory=list)

    def journey(self, upgrade_id: str) -> Journey | None:
        return self.journeys.get(upgrade_id)

    def stats(self, user_id: str) -> UserStats | None:
        return self.rows.get(user_id)

    def apply(self, count: Count) -> None:
        if self.rivals:
            rival = self.rivals.pop()
            self.rows[rival.user_id] = rival
        journey, stats = count.journey, count.stats
        _require(self.journeys.get(journey.upgrade_id), journey.version)
        _require(self.rows.get(stats.user_id), stats.version)
        self.journeys[journey.upgrade_id] = journey
        self.rows[stats.user_id] = stats
        for day, counters in count.days.items():
            self.counters.setdefault(day, Counter()).update(counters)
        if count.first:
            held = self.held.get(count.first.level, count.first)
            earlier = min(held, count.first, key=lambda first: first.place)
            self.held[count.first.level] = earlier

    def days(self, first: date, last: date) -> list[DayStats]:
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [DayStats(day, self.counters.get(day, {})) for day in days]

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        start = int(cursor) if cursor is not None else 0
        ranked = sorted(
            (row for row in self.rows.values() if row.reached_at),
            key=lambda row: (-row.ranked_level, row.reached_at),
        )
        page = ranked[start : start + limit]
        rows = [RankedUser(start + n, row) for n, row in enumerate(page, 1)]
        return LeaderboardPage(rows, str(start + limit) if ranked[start + limit :] else None)

    def firsts(self) -> list[First]:
        return [self.held[level] for level in sorted(self.held)]

    def __len__(self) -> int:
        """How many events were counted."""
        return sum(journey.version for journey in self.journeys.values())


class FakeGenerations:
    """`Generations`."""

    def __init__(self) -> None:
        self.at = Pointer()
        self.stores: dict[int, FakeStatsStore] = {}

    def pointer(self) -> Pointer:
        return self.at

    def store(self, generation: int) -> FakeStatsStore:
        return self.stores.setdefault(generation, FakeStatsStore())

    @property
    def current(self) -> FakeStatsStore:
        return self.store(self.at.current)

    def begin(self) -> int:
        number = self.at.last + 1
        self.at = Pointer(self.at.current, number, number)
        return number

    def switch(self, generation: int) -> None:
        if self.at.building != generation:
            raise VersionConflict("another rebuild")
        self.at = Pointer(generation, None, self.at.last)

    def abandon(self, generation: int) -> None:
        if self.at.building == generation:
            self.at = replace(self.at, building=None)

    def drop(self, generation: int) -> int:
        if generation in self.at.counted_into or generation > self.at.last:
            raise ValueError("in use")
        dropped = self.stores.pop(generation, FakeStatsStore())
        parts = (dropped.journeys, dropped.rows, dropped.held, dropped.counters)
        return sum(len(part) for part in parts)


class FakeStatistics:
    """`Statistics` over one store; `take` counts events into it."""

    def __init__(self) -> None:
        self.store = FakeStatsStore()

    def take(self, events: Iterable[UpgradeEvent]) -> None:
        for event in events:
            count_into(self.store, event)

    def with_firsts(self, user_id: str) -> tuple[UserStats | None, Sequence[First]]:
        return self.store.stats(user_id), self.store.firsts()

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        return self.store.leaderboard(limit=limit, cursor=cursor)


class FakeHistory:
    """`EventHistory`."""

    def __init__(self, events: Iterable[UpgradeEvent]) -> None:
        self.kept = list(events)

    def events(self) -> Iterator[UpgradeEvent]:
        yield from self.kept


def _require(item: Journey | UserStats | None, version: int) -> None:
    if (item.version if item else 0) != version - 1:
        raise VersionConflict("moved")
