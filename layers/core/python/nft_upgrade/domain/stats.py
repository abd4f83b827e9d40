"""What is counted about upgrades, as rules that do not care in which order events come.

Every figure is a count, a sum, a minimum or a maximum over a set of events, so late, repeated and
reordered records give the same numbers. A duration belongs to the day (UTC) in which its later step
happened, whichever of the two events is counted last.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from nft_upgrade.domain.events import EventType, UpgradeEvent, iso
from nft_upgrade.domain.histogram import bucket_of, quantile


class Milestone(StrEnum):
    """What happens at most once in an upgrade's life."""

    OPENED = "opened"
    BURNED = "burned"
    COMPLETED = "completed"


class Step(StrEnum):
    """What is timed, from one milestone to another."""

    OPENED_TO_BURNED = "opened_to_burned"
    BURNED_TO_COMPLETED = "burned_to_completed"
    OPENED_TO_COMPLETED = "opened_to_completed"


ENDS: Mapping[Step, tuple[Milestone, Milestone]] = {
    Step.OPENED_TO_BURNED: (Milestone.OPENED, Milestone.BURNED),
    Step.BURNED_TO_COMPLETED: (Milestone.BURNED, Milestone.COMPLETED),
    Step.OPENED_TO_COMPLETED: (Milestone.OPENED, Milestone.COMPLETED),
}
MILESTONE_OF = {
    EventType.UPGRADE_INITIATED: Milestone.OPENED,
    EventType.BURN_CONFIRMED: Milestone.BURNED,
    EventType.UPGRADE_COMPLETED: Milestone.COMPLETED,
}
FUNNEL = {
    EventType.UPGRADE_INITIATED: "opened",
    EventType.BURN_CONFIRMED: "burned",
    EventType.UPGRADE_COMPLETED: "completed",
    EventType.UPGRADE_FAILED: "failed",
    EventType.UPGRADE_CANCELLED: "cancelled",
    EventType.UPGRADE_EXPIRED: "expired",
    EventType.MINT_FAILED_RETRYABLE: "mint_failures",
}
"""The counters of a day. A late burn counts as burned after it counted as cancelled or expired."""
_USER_COUNT = {
    EventType.UPGRADE_INITIATED: "upgrades_opened",
    EventType.BURN_CONFIRMED: "burns_confirmed",
    EventType.UPGRADE_COMPLETED: "upgrades_completed",
    EventType.UPGRADE_CANCELLED: "upgrades_given_up",
    EventType.UPGRADE_EXPIRED: "upgrades_given_up",
    EventType.UPGRADE_FAILED: "upgrades_given_up",
    EventType.MINT_FAILED_RETRYABLE: "mint_failures",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Which events of one upgrade were counted, and when its milestones were.

    All sequences up to `through` and those in `beyond`; `version` is their number.
    """

    upgrade_id: str
    through: int = 0
    beyond: frozenset[int] = frozenset()
    at: Mapping[Milestone, datetime] = field(default_factory=dict)
    version: int = 0

    def has(self, sequence: int) -> bool:
        return 0 < sequence <= self.through or sequence in self.beyond

    def plus(self, event: UpgradeEvent) -> "Journey":
        """With one more event in it."""
        through, beyond = self.through, self.beyond | {event.sequence}
        while through + 1 in beyond:
            through += 1
        milestone = MILESTONE_OF.get(event.type)
        at = {milestone: event.occurred_at} if milestone else {}
        return replace(
            self,
            through=through,
            beyond=frozenset(each for each in beyond if each > through),
            at={**at, **self.at},
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long one user took for one step, over all upgrades; milliseconds."""

    count: int
    total_ms: int
    shortest_ms: int

    @property
    def mean_ms(self) -> int:
        return round(self.total_ms / self.count)

    def plus(self, milliseconds: int) -> "StepTimes":
        shortest = min(self.shortest_ms, milliseconds)
        return StepTimes(self.count + 1, self.total_ms + milliseconds, shortest)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStats:
    """What is known about one user. Times are None until it happened.

    `level` is the highest seen, `reached` when an upgrade first led to a level, `version` the
    number of events counted.
    """

    user_id: str
    level: int = 0
    reached: Mapping[int, datetime] = field(default_factory=dict)
    times: Mapping[Step, StepTimes] = field(default_factory=dict)
    upgrades_opened: int = 0
    burns_confirmed: int = 0
    upgrades_completed: int = 0
    upgrades_given_up: int = 0
    mint_failures: int = 0
    last_opened_at: datetime | None = None
    last_completed_at: datetime | None = None
    last_event_at: datetime | None = None
    version: int = 0

    @property
    def ranked_level(self) -> int:
        """The highest level reached by an upgrade; 0: none."""
        return max(self.reached, default=0)

    @property
    def reached_at(self) -> datetime | None:
        """When the user first reached `ranked_level`."""
        return self.reached.get(self.ranked_level)


@dataclass(frozen=True, slots=True)
class First:
    """Who was the first of all users to reach a level by an upgrade."""

    level: int
    user_id: str
    upgrade_id: str
    at: datetime

    @property
    def place(self) -> str:
        """Sorts by time; of two in the same millisecond the older request's id decides."""
        return f"{iso(self.at)}#{self.upgrade_id}"


@dataclass(frozen=True, slots=True)
class Badge:
    """`first_upgrade`, `top_level`, or `first_to_level_<n>`."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one event changes: its upgrade's journey, its user's row, days, perhaps a first."""

    event: UpgradeEvent
    journey: Journey
    stats: UserStats
    days: Mapping[date, Mapping[str, int]]
    """By how much each counter of each day grows."""
    first: First | None = None


@dataclass(frozen=True, slots=True)
class DayStats:
    """One day's counters (UTC), merged from wherever they were counted."""

    day: date
    counters: Mapping[str, int]

    def count(self, name: str) -> int:
        """One of the values of `FUNNEL`."""
        return self.counters.get(name, 0)

    def quantile(self, step: Step, share: float) -> int | None:
        """Milliseconds, within 5 %; None on a day when nobody finished the step."""
        buckets = {
            int(name.split("#")[1]): count
            for name, count in self.counters.items()
            if name.startswith(f"{step}#")
        }
        return quantile(buckets, share)


@dataclass(frozen=True, slots=True)
class RankedUser:
    """A place on the leaderboard, from 1."""

    position: int
    stats: UserStats


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """Best first; `next_cursor` is opaque, None on the last page."""

    rows: Sequence[RankedUser]
    next_cursor: str | None


def count(event: UpgradeEvent, journey: Journey, stats: UserStats) -> Count | None:
    """The effect of one event; None when it was counted before."""
    if journey.has(event.sequence):
        return None
    after = journey.plus(event)
    took = _finished_steps(journey, after)
    return Count(
        event=event,
        journey=after,
        stats=_user_plus(stats, event, took),
        days=_days(event, after, took),
        first=_first(event),
    )


def badges(stats: UserStats, firsts: Sequence[First], *, top: int) -> Sequence[Badge]:
    """A user's badges, oldest first; `top` is the final level."""
    earned = [
        Badge(f"first_to_level_{first.level}", first.at)
        for first in firsts
        if first.user_id == stats.user_id
    ]
    if stats.reached:
        earned.append(Badge("first_upgrade", min(stats.reached.values())))
    if top in stats.reached:
        earned.append(Badge("top_level", stats.reached[top]))
    return sorted(earned, key=lambda badge: (badge.at, badge.name))


def _finished_steps(before: Journey, after: Journey) -> dict[Step, int]:
    """The steps whose second end this event supplied, with their milliseconds."""
    return {
        step: _milliseconds(after.at[start], after.at[end])
        for step, (start, end) in ENDS.items()
        if {start, end} <= set(after.at) and not {start, end} <= set(before.at)
    }


def _milliseconds(start: datetime, end: datetime) -> int:
    """Never negative: two machines' clocks differ."""
    return max(0, round((end - start).total_seconds() * 1000))


def _days(
    event: UpgradeEvent, journey: Journey, took: Mapping[Step, int]
) -> Mapping[date, Mapping[str, int]]:
    days: dict[date, Counter[str]] = {}
    if name := FUNNEL.get(event.type):
        days.setdefault(_day(event.occurred_at), Counter())[name] += 1
    for step, milliseconds in took.items():
        ended_on = _day(journey.at[ENDS[step][1]])
        days.setdefault(ended_on, Counter())[f"{step}#{bucket_of(milliseconds):03d}"] += 1
    return days


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _first(event: UpgradeEvent) -> First | None:
    if event.type is not EventType.UPGRADE_COMPLETED:
        return None
    return First(event.target_level, event.user_id, event.upgrade_id, event.occurred_at)


def _user_plus(stats: UserStats, event: UpgradeEvent, took: Mapping[Step, int]) -> UserStats:
    after = replace(
        stats,
        version=stats.version + 1,
        last_event_at=_later(stats.last_event_at, event.occurred_at),
        times=_times_plus(stats.times, took),
    )
    if name := _USER_COUNT.get(event.type):
        after = replace(after, **{name: getattr(stats, name) + 1})
    if event.type is EventType.UPGRADE_INITIATED:
        opened_at = _later(stats.last_opened_at, event.occurred_at)
        level = max(stats.level, event.current_level)
        return replace(after, last_opened_at=opened_at, level=level)
    if event.type is EventType.UPGRADE_COMPLETED:
        return _risen(after, event.target_level, event.occurred_at)
    return after


def _times_plus(
    times: Mapping[Step, StepTimes], took: Mapping[Step, int]
) -> Mapping[Step, StepTimes]:
    return {
        **times,
        **{
            step: times[step].plus(ms) if step in times else StepTimes(1, ms, ms)
            for step, ms in took.items()
        },
    }


def _risen(stats: UserStats, level: int, at: datetime) -> UserStats:
    """Of a level reached twice the earlier time counts."""
    earliest = min(at, stats.reached.get(level, at))
    return replace(
        stats,
        level=max(stats.level, level),
        reached={**stats.reached, level: earliest},
        last_completed_at=_later(stats.last_completed_at, at),
    )


def _later(known: datetime | None, moment: datetime) -> datetime:
    return max(known, moment) if known else moment
