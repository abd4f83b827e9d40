"""Analytics counts each event once, in whatever order it comes, wherever it must be counted."""

import random

import pytest

from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.domain.errors import StorageUnavailable, VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.stats import Count, UserStats
from tests.fakes.events import START, STEP, FakeMeter, story
from tests.fakes.stats import FakeGenerations, FakeStatsStore


def counted(events: list[UpgradeEvent]) -> tuple[UserStats, FakeStatsStore, FakeMeter]:
    generations, meter = FakeGenerations(), FakeMeter()
    analytics = Analytics(generations, meter)
    for event in events:
        analytics.take(event)
    stats = generations.current.stats("wallet-1")
    assert stats is not None
    return stats, generations.current, meter


def test_a_completed_upgrade_raises_the_users_level_and_counts() -> None:
    stats, _, _ = counted(story())
    assert (stats.level, stats.upgrades_opened, stats.upgrades_completed) == (2, 1, 1)
    assert (stats.burns_confirmed, stats.mint_failures) == (1, 1)
    assert stats.reached_at == stats.last_completed_at == START + 8 * STEP


def test_the_same_event_twice_counts_once() -> None:
    once, _, _ = counted(story())
    twice, store, _ = counted([event for event in story() for _ in range(2)])
    assert twice == once
    assert len(store) == len(story())


def test_who_counted_an_event_before_says_so() -> None:
    analytics = Analytics(FakeGenerations(), FakeMeter())
    assert analytics.take(story()[0])
    assert not analytics.take(story()[0])


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_events_does_not_change_the_result(seed: int) -> None:
    events = [*story(), *story("up-2", level=2, at=START + 100 * STEP)]
    in_order = counted(events)[1]
    random.Random(seed).shuffle(events)
    assert counted(events)[1] == in_order


def test_a_level_reached_twice_counts_from_the_first_time() -> None:
    late = story("up-2", at=START + 100 * STEP)
    stats, _, _ = counted([*late, *story()])
    assert stats.reached_at == START + 8 * STEP


def test_a_rival_count_of_the_same_user_is_not_overwritten() -> None:
    generations = FakeGenerations()
    rival = UserStats(user_id="wallet-1", level=4, mint_failures=3, version=1)
    generations.current.rivals = [rival]
    Analytics(generations, FakeMeter()).take(story()[0])
    stats = generations.current.stats("wallet-1")
    assert stats is not None
    assert (stats.version, stats.level, stats.mint_failures) == (2, 4, 3)
    assert stats.upgrades_opened == 1


def test_a_user_who_is_always_counted_elsewhere_is_an_error_to_retry() -> None:
    generations = FakeGenerations()
    generations.current.rivals = [
        UserStats(user_id="wallet-1", version=n) for n in range(50, 0, -1)
    ]
    with pytest.raises(VersionConflict):
        Analytics(generations, FakeMeter()).take(story()[0])


def test_an_event_that_overtakes_its_predecessor_is_noticed() -> None:
    events = story()
    _, _, meter = counted([events[0], events[2], events[1]])
    assert meter.counts["SequenceGaps"] == 1


def test_events_in_order_are_no_gap() -> None:
    _, _, meter = counted(story())
    assert not meter.counts


def test_while_a_generation_is_built_events_are_counted_into_both() -> None:
    generations = FakeGenerations()
    analytics = Analytics(generations, FakeMeter())
    before, after = story()[0], story()[1]
    analytics.take(before)
    built = generations.store(generations.begin())
    assert analytics.take(after)
    assert (len(generations.current), len(built)) == (2, 1)
    assert analytics.take(before)  # delivered again: new to the generation being built
    assert (len(generations.current), len(built)) == (2, 2)


class DyingStore(FakeStatsStore):
    """The process ends instead of the first write."""

    is_dead = False

    def apply(self, count: Count) -> None:
        if not self.is_dead:
            self.is_dead = True
            raise StorageUnavailable("gone")
        super().apply(count)


def test_a_death_between_two_generations_is_made_good_by_the_next_delivery() -> None:
    generations = FakeGenerations()
    analytics = Analytics(generations, FakeMeter())
    generations.stores[generations.begin()] = DyingStore()
    with pytest.raises(StorageUnavailable):
        analytics.take(story()[0])
    assert analytics.take(story()[0])
    assert [len(store) for store in generations.stores.values()] == [1, 1]
