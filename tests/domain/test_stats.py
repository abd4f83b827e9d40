"""The rules of counting: sums over sets of events, whatever their order."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.stats import (
    FUNNEL,
    MILESTONE_OF,
    Badge,
    First,
    Journey,
    Step,
    StepTimes,
    UserStats,
    badges,
    count,
)
from nft_upgrade.domain.upgrade import EDGES, Status
from tests.fakes.event_streams import deliveries, histories
from tests.fakes.events import START, STEP, story
from tests.fakes.stats import FakeStatistics, FakeStatsStore


def counted(events: list[UpgradeEvent]) -> FakeStatsStore:
    statistics = FakeStatistics()
    statistics.take(events)
    return statistics.store


def of_one_user(events: list[UpgradeEvent]) -> UserStats:
    stats = counted(events).stats("wallet-1")
    assert stats is not None
    return stats


@given(st.data())
def test_late_repeated_and_reordered_events_give_the_same_figures(data: st.DataObject) -> None:
    events = data.draw(histories())
    assert counted(data.draw(deliveries(events))) == counted(events)


@given(histories())
def test_every_event_is_counted_on_its_own_day_and_no_other(events: list[UpgradeEvent]) -> None:
    store = counted(events)
    assert len(store) == len(events)
    names = Counter((e.occurred_at.date(), FUNNEL[e.type]) for e in events if e.type in FUNNEL)
    kept = {
        (day, name): number
        for day, counters in store.counters.items()
        for name, number in counters.items()
        if "#" not in name
    }
    assert kept == names


@given(histories())
def test_a_duration_is_counted_once_on_the_day_its_step_ended(events: list[UpgradeEvent]) -> None:
    ended: Counter[tuple[date, str]] = Counter()
    for _, those in groupby(events, key=lambda event: event.upgrade_id):
        at = {event.type: event.occurred_at for event in those}
        if EventType.BURN_CONFIRMED in at:
            ended[at[EventType.BURN_CONFIRMED].date(), Step.OPENED_TO_BURNED] += 1
        if EventType.UPGRADE_COMPLETED in at:
            done = at[EventType.UPGRADE_COMPLETED].date()
            ended.update([(done, Step.BURNED_TO_COMPLETED), (done, Step.OPENED_TO_COMPLETED)])
    kept: Counter[tuple[date, str]] = Counter()
    for day, counters in counted(events).counters.items():
        for name, number in counters.items():
            if "#" in name:
                kept[day, Step(name.split("#")[0])] += number
    assert kept == ended


def test_an_upgrade_over_midnight_is_counted_on_two_days() -> None:
    events = story(at=datetime(2026, 11, 1, 23, 59, 57, tzinfo=UTC))
    first, second = counted(events).days(date(2026, 11, 1), date(2026, 11, 2))
    assert (first.count("opened"), first.count("burned"), first.count("completed")) == (1, 0, 0)
    assert (second.count("opened"), second.count("burned"), second.count("completed")) == (0, 1, 1)
    assert second.count("mint_failures") == 1
    assert first.quantile(Step.OPENED_TO_COMPLETED, 0.5) is None
    assert second.quantile(Step.OPENED_TO_COMPLETED, 0.5) == pytest.approx(8000, rel=0.05)
    assert second.quantile(Step.BURNED_TO_COMPLETED, 0.95) == pytest.approx(4000, rel=0.05)


def test_the_day_is_that_of_utc() -> None:
    tokyo = datetime.fromisoformat("2026-11-02T08:00:00+09:00")
    assert list(counted(story(at=tokyo)).counters) == [date(2026, 11, 1)]


def test_times_per_step_are_added_up_over_a_users_upgrades() -> None:
    events = [*story(), *story("up-2", level=2, at=START + 100 * STEP)]
    times = of_one_user(events).times
    assert times[Step.OPENED_TO_BURNED] == StepTimes(2, 8000, 4000)
    assert times[Step.BURNED_TO_COMPLETED].mean_ms == 4000


def test_clocks_that_differ_never_make_a_time_negative() -> None:
    journey = Journey(upgrade_id="up-1", at={MILESTONE_OF[EventType.BURN_CONFIRMED]: START})
    opened = story(at=START + timedelta(hours=1))[0]
    change = count(opened, journey, UserStats(user_id="wallet-1"))
    assert change is not None
    assert change.stats.times[Step.OPENED_TO_BURNED] == StepTimes(1, 0, 0)


def test_a_level_bought_elsewhere_does_not_take_the_user_off_the_board() -> None:
    bought = story("up-2", level=4, at=START + 100 * STEP)[:1]
    stats = of_one_user([*story(), *bought])
    assert (stats.level, stats.ranked_level, stats.reached_at) == (4, 2, START + 8 * STEP)


def test_badges_are_the_users_firsts() -> None:
    store = counted([*story("up-2", "wallet-2"), *story(at=START - STEP)])
    stats = store.stats("wallet-1")
    assert stats is not None
    at = START + 7 * STEP
    assert badges(stats, store.firsts(), top=2) == [
        Badge("first_to_level_2", at),
        Badge("first_upgrade", at),
        Badge("top_level", at),
    ]
    second = store.stats("wallet-2")
    assert second is not None
    assert [badge.name for badge in badges(second, store.firsts(), top=5)] == ["first_upgrade"]


def test_of_two_in_the_same_millisecond_the_older_request_is_first() -> None:
    older, younger = story("up-1", "wallet-1"), story("up-2", "wallet-2")
    first = [First(2, "wallet-1", "up-1", START + 8 * STEP)]
    assert counted([*younger, *older]).firsts() == first
    assert counted([*older, *younger]).firsts() == first


@pytest.mark.parametrize("milestone", [Status.BURN_CONFIRMED, Status.COMPLETED])
def test_no_upgrade_passes_a_milestone_twice(milestone: Status) -> None:
    """Journeys keep one time per milestone: an edge back would make durations ambiguous."""
    seen, todo = set[Status](), set(EDGES[milestone])
    while todo:
        status = todo.pop()
        seen.add(status)
        todo |= EDGES[status] - seen
    assert milestone not in seen
