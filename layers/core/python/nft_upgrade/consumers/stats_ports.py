"""What analytics needs from the outside, as Protocols.

All figures lie in a *generation*. Readers see the current one and no other; a rebuild fills a new
one while events go on being counted into both, and then becomes the current one by a single write.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.stats import Count, DayStats, First, Journey, LeaderboardPage, UserStats


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which generation is read, and which one is being built."""

    current: int = 0
    building: int | None = None
    last: int = 0
    """The highest number given out: an abandoned generation is never taken up again."""

    @property
    def counted_into(self) -> tuple[int, ...]:
        """Where a new event must be counted."""
        return (self.current,) if self.building is None else (self.current, self.building)


class StatsStore(Protocol):
    """The figures of one generation."""

    def journey(self, upgrade_id: str) -> Journey | None:
        """Strongly consistent; None for an upgrade of which nothing was counted."""

    def stats(self, user_id: str) -> UserStats | None:
        """Strongly consistent; None for a user nothing was counted for."""

    def apply(self, count: Count) -> None:
        """Write all of it or nothing. A `first` that another holds with an earlier place changes
        nothing. Raises VersionConflict when journey or user are not at their version - 1."""

    def days(self, first: date, last: date) -> list[DayStats]:
        """Each day from first to last, also those on which nothing happened."""

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        """Users with a completed upgrade: highest level first, then who reached it earlier.
        Eventually consistent. ValueError: bad cursor."""

    def firsts(self) -> list[First]:
        """By level; eventually consistent."""


class Generations(Protocol):
    """The pointer and what it points to."""

    def pointer(self) -> Pointer:
        """Strongly consistent: whoever reads a record written after `begin` sees `building`."""

    def store(self, generation: int) -> StatsStore: ...

    def begin(self) -> int:
        """A fresh, empty generation to build; one that another is building is given up."""

    def switch(self, generation: int) -> None:
        """Make the built one current. Raises VersionConflict when it is not being built."""

    def abandon(self, generation: int) -> None:
        """Count into it no more; nothing happens when it is not being built."""

    def drop(self, generation: int) -> int:
        """Delete what lies in it; how many items that were. ValueError: it is in use."""


class EventHistory(Protocol):
    """Every event there was, in any order, perhaps more than once."""

    def events(self) -> Iterator[UpgradeEvent]:
        """What was committed before the call, and perhaps more. Raises HistoryIncomplete."""


class HistoryIncomplete(Exception):
    """Some of it is gone: numbers made of it would be too low."""
