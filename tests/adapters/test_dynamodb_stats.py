"""Analytics in DynamoDB: once, together, spread over partitions and read as one."""

import random
import threading
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_stats import DynamoDbGenerations, DynamoDbStats
from nft_upgrade.consumers.analytics import Analytics, count_into
from nft_upgrade.consumers.stats_ports import Pointer
from nft_upgrade.domain.errors import StorageUnavailable, VersionConflict
from nft_upgrade.domain.stats import Journey, Milestone, RankedUser, Step, UserStats, count
from tests.fakes.event_streams import FIRST_DAY, deliveries, histories
from tests.fakes.events import START, STEP, FakeMeter, story
from tests.fakes.stats import FakeStatistics
from tests.fixtures.aws import AwsEndpoint

DAYS = (FIRST_DAY.date(), FIRST_DAY.date() + timedelta(days=7))


@pytest.fixture(scope="module")
def generations(aws: AwsEndpoint) -> DynamoDbGenerations:
    return DynamoDbGenerations(Database("nft-upgrade-"))


@pytest.fixture
def name() -> str:
    """Ids of this test's own: the table is the session's."""
    return uuid4().hex[:12]


def fresh() -> int:
    """A generation that no other test writes to; no pointer leads there."""
    return 10**9 + uuid4().int % 10**9


def at_once(tasks: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_figures_come_back_as_they_were_written(generations: DynamoDbGenerations) -> None:
    store, fake = generations.store(fresh()), FakeStatistics()
    events = [*story(), *story("up-2", level=2, at=START + 100 * STEP)]
    fake.take(events)
    assert store.stats("wallet-1") is None
    assert store.journey("up-1") is None
    for event in reversed(events):
        assert count_into(store, event)
    assert store.stats("wallet-1") == fake.store.stats("wallet-1")
    assert store.journey("up-1") == fake.store.journey("up-1")
    assert store.firsts() == fake.store.firsts()
    days = (date(2026, 10, 31), date(2026, 11, 2))
    assert store.days(*days) == fake.store.days(*days)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_histories_give_the_figures_of_the_rules(
    generations: DynamoDbGenerations, data: st.DataObject
) -> None:
    store, fake = generations.store(fresh()), FakeStatistics()
    events = data.draw(histories())
    fake.take(events)
    for event in data.draw(deliveries(events)):
        count_into(store, event)
    assert store.days(*DAYS) == fake.store.days(*DAYS)
    assert store.firsts() == fake.store.firsts()
    assert {u: store.stats(u) for u in fake.store.rows} == fake.store.rows
    assert {u: store.journey(u) for u in fake.store.journeys} == fake.store.journeys


def test_eight_deliveries_of_every_event_at_once_count_once(
    generations: DynamoDbGenerations,
) -> None:
    store, events, fake = generations.store(fresh()), story(), FakeStatistics()
    fake.take(events)

    def deliver() -> None:
        for event in events:
            while True:
                try:
                    count_into(store, event)
                    break
                except VersionConflict:
                    continue

    at_once([deliver] * 8)
    assert store.stats("wallet-1") == fake.store.stats("wallet-1")
    assert store.days(START.date(), START.date()) == fake.store.days(START.date(), START.date())


def test_a_count_from_an_old_row_is_refused_whole(generations: DynamoDbGenerations) -> None:
    store = generations.store(fresh())
    first, second, *_ = story()
    count_into(store, first)
    stale = count(second, Journey(upgrade_id="up-1"), UserStats(user_id="wallet-1"))
    assert stale is not None
    with pytest.raises(VersionConflict):
        store.apply(stale)
    assert store.journey("up-1") == Journey(
        upgrade_id="up-1",
        through=1,
        at={Milestone.OPENED: START},
        version=1,
    )


def test_an_earlier_first_that_comes_late_takes_the_badge(
    generations: DynamoDbGenerations,
) -> None:
    store = generations.store(fresh())
    for upgrade_id, wallet, minutes in (("b", "w-b", 9), ("a", "w-a", 2), ("c", "w-c", 5)):
        for event in story(upgrade_id, wallet, at=START + timedelta(minutes=minutes)):
            count_into(store, event)
    (first,) = store.firsts()
    assert (first.user_id, first.at) == ("w-a", START + timedelta(minutes=2) + 8 * STEP)


def test_counters_of_many_upgrades_spread_and_are_read_as_one(
    generations: DynamoDbGenerations,
) -> None:
    store = generations.store(fresh())
    for number in range(40):
        count_into(store, story(f"up-{number}", f"wallet-{number}")[0])
    days = store.days(START.date() - timedelta(days=9), START.date())
    assert [day.count("opened") for day in days] == [0] * 9 + [40]
    partitions = {
        item.projection
        for item in store._items.scan(store._items.projection.startswith(f"{store._prefix}day"))
    }
    assert len(partitions) > 8


# --- leaderboard --------------------------------------------------------------------------


def test_pages_of_the_leaderboard_are_one_order_over_all_partitions(
    generations: DynamoDbGenerations,
) -> None:
    store, fake = generations.store(fresh()), FakeStatistics()
    draw = random.Random(7)
    for number in range(25):
        at = START + timedelta(minutes=draw.randrange(10**6))
        events = story(f"up-{number}", f"wallet-{number}", level=draw.randrange(1, 5), at=at)
        fake.take(events)
        for event in (events[0], events[-1]):
            count_into(store, event)
    users: list[RankedUser] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        page = store.leaderboard(limit=4, cursor=cursor)
        users += page.rows
        cursor, pages = page.next_cursor, pages + 1
    assert pages == 7
    assert [row.position for row in users] == list(range(1, 26))
    expected = fake.leaderboard(limit=100, cursor=None).rows
    assert [row.stats.user_id for row in users] == [row.stats.user_id for row in expected]
    assert all(a.stats.ranked_level >= b.stats.ranked_level for a, b in pairwise(users))


def test_who_never_completed_an_upgrade_is_not_on_the_leaderboard(
    generations: DynamoDbGenerations,
) -> None:
    store = generations.store(fresh())
    count_into(store, story()[0])
    page = store.leaderboard(limit=10, cursor=None)
    assert (list(page.rows), page.next_cursor) == ([], None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "YQ==",
        "\u00e9",
        "WyJhIl0",
        "WyJhIiwiMSJd",
        "WyIxI3gjdyIsIjEiXQ",
        "WyIxIzIjIiwiMSJd",
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(
    generations: DynamoDbGenerations, cursor: str
) -> None:
    with pytest.raises(ValueError):
        generations.store(0).leaderboard(limit=1, cursor=cursor)


# --- generations --------------------------------------------------------------------------


@pytest.fixture
def own(aws: AwsEndpoint, name: str) -> DynamoDbGenerations:
    """Generations whose pointer no other test moves: tables of their own."""
    from local.aws_resources import create_tables

    create_tables(aws.url, f"{name}-")
    return DynamoDbGenerations(Database(f"{name}-"))


def test_a_generation_is_built_beside_the_current_one_and_then_replaces_it(
    own: DynamoDbGenerations, name: str
) -> None:
    readers = DynamoDbStats(Database(f"{name}-"))
    analytics = Analytics(own, FakeMeter())
    assert own.pointer() == Pointer()
    analytics.take(story()[0])
    building = own.begin()
    assert own.pointer() == Pointer(current=0, building=building, last=building)
    analytics.take(story()[1])
    assert own.store(building).stats("wallet-1") is not None
    seen = readers.stats("wallet-1")
    assert seen is not None and seen.version == 2
    own.switch(building)
    seen = readers.stats("wallet-1")
    assert seen is not None and seen.version == 1
    assert own.pointer() == Pointer(current=building, last=building)


def test_two_rebuilds_at_once_end_with_one_that_is_whole(own: DynamoDbGenerations) -> None:
    first, second = own.begin(), own.begin()
    with pytest.raises(VersionConflict):
        own.switch(first)
    own.abandon(first)
    assert own.pointer().building == second
    own.switch(second)
    assert own.pointer() == Pointer(current=second, last=second)


def test_a_generation_in_use_is_not_dropped_and_another_leaves_nothing(
    own: DynamoDbGenerations,
) -> None:
    for event in story():
        count_into(own.store(0), event)
    building = own.begin()
    for generation in (0, building, building + 1):
        with pytest.raises(ValueError):
            own.drop(generation)
    count_into(own.store(building), story()[0])
    own.switch(building)
    assert own.drop(0) == 4  # journey, user, first, day
    assert own.store(0).stats("wallet-1") is None
    assert own.store(building).stats("wallet-1") is not None


def test_a_table_that_is_not_there_is_storage_unavailable(aws: AwsEndpoint) -> None:
    missing = DynamoDbGenerations(Database("nobody-"))
    for read in (
        missing.pointer,
        lambda: missing.store(0).days(START.date(), START.date()),
        lambda: missing.store(0).leaderboard(limit=1, cursor=None),
        missing.store(0).firsts,
    ):
        with pytest.raises(StorageUnavailable):
            read()


def test_a_median_is_read_from_the_table(generations: DynamoDbGenerations) -> None:
    store = generations.store(fresh())
    for event in story():
        count_into(store, event)
    (day,) = store.days(START.date(), START.date())
    assert day.quantile(Step.OPENED_TO_COMPLETED, 0.5) == pytest.approx(8000, rel=0.05)
