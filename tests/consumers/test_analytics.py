"""Analytics counts each event once, in whatever order it comes."""

import random

import pytest

from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.consumers.ports import UserStats
from nft_upgrade.domain.errors import VersionConflict
from tests.fakes.events import START, STEP, FakeMeter, FakeStats, story


def counted(events: list) -> tuple[UserStats | None, FakeStats, FakeMeter]:  # type: ignore[type-arg]
    store, meter = FakeStats(), FakeMeter()
    analytics = Analytics(store, meter)
    for event in events:
        analytics.take(event)
    return store.stats("wallet-1"), store, meter


def test_a_completed_upgrade_raises_the_users_level_and_counts() -> None:
    stats, _, _ = counted(story())
    assert stats is not None
    assert (stats.level, stats.upgrades_opened, stats.upgrades_completed) == (2, 1, 1)
    assert (stats.burns_confirmed, stats.mint_failures) == (1, 1)
    assert stats.reached_at == stats.last_completed_at == START + 8 * STEP


def test_the_same_event_twice_counts_once() -> None:
    once, _, _ = counted(story())
    twice, store, _ = counted([event for event in story() for _ in range(2)])
    assert twice == once
    assert len(store.counted) == len(story())


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_events_does_not_change_the_result(seed: int) -> None:
    events = [*story(), *story("up-2", level=2, at=START + 100 * STEP)]
    in_order, _, _ = counted(events)
    random.Random(seed).shuffle(events)
    assert counted(events)[0] == in_order


def test_a_level_reached_twice_counts_from_the_first_time() -> None:
    late = story("up-2", at=START + 100 * STEP)
    stats, _, _ = counted([*late, *story()])
    assert stats is not None
    assert stats.reached_at == START + 8 * STEP


def test_a_rival_count_of_the_same_user_is_not_overwritten() -> None:
    store = FakeStats()
    store.rivals = [UserStats(user_id="wallet-1", level=4, mint_failures=3, version=1)]
    Analytics(store, FakeMeter()).take(story()[0])
    stats = store.stats("wallet-1")
    assert stats is not None
    assert (stats.version, stats.level, stats.mint_failures) == (2, 4, 3)
    assert stats.upgrades_opened == 1


def test_a_user_who_is_always_counted_elsewhere_is_an_error_to_retry() -> None:
    store = FakeStats()
    store.rivals = [UserStats(user_id="wallet-1", version=n) for n in range(50, 0, -1)]
    with pytest.raises(VersionConflict):
        Analytics(store, FakeMeter()).take(story()[0])


def test_an_event_that_overtakes_its_predecessor_is_noticed() -> None:
    events = story()
    _, _, meter = counted([events[0], events[2], events[1]])
    assert meter.counts["SequenceGaps"] == 1


def test_events_in_order_are_no_gap() -> None:
    _, _, meter = counted(story())
    assert not meter.counts
