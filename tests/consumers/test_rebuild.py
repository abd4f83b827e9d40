"""A rebuild gives the same figures, misses nothing that happens meanwhile, and shows no mix."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.consumers.rebuild import EVERY, Rebuild, RebuildReport
from nft_upgrade.consumers.stats_ports import HistoryIncomplete, Pointer
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from tests.fakes.event_streams import deliveries, histories
from tests.fakes.events import FakeMeter, story
from tests.fakes.stats import FakeGenerations, FakeHistory


class Live:
    """The live consumer over generations, and a history that is read while it works."""

    def __init__(self) -> None:
        self.generations = FakeGenerations()
        self.analytics = Analytics(self.generations, FakeMeter())

    def take(self, events: list[UpgradeEvent]) -> None:
        for event in events:
            self.analytics.take(event)


@given(st.data())
def test_whatever_was_delivered_how_a_rebuild_gives_the_same_figures(data: st.DataObject) -> None:
    live = Live()
    events = data.draw(histories())
    live.take(data.draw(deliveries(events)))
    before = live.generations.current
    report = Rebuild(live.generations, FakeHistory(data.draw(deliveries(events)))).run()
    assert report.counted == len(events)
    assert live.generations.current == before
    assert live.generations.current is not before


@given(st.data())
def test_events_taken_while_it_reads_are_in_both_generations(data: st.DataObject) -> None:
    live = Live()
    events = data.draw(histories())
    old = data.draw(st.integers(0, len(events)))
    live.take(events[:old])

    class Meanwhile(FakeHistory):
        def events(self) -> Iterator[UpgradeEvent]:
            for number, event in enumerate(self.kept):
                yield event
                live.take(events[old + number : old + number + 1])
            live.take(events[old:])

    before = live.generations.current
    Rebuild(live.generations, Meanwhile(events[:old])).run()
    assert len(before) == len(live.generations.current) == len(events)
    assert live.generations.current == before


def test_readers_see_the_old_figures_until_the_new_ones_are_whole() -> None:
    live = Live()
    live.take(story())
    seen = []

    class Watched(FakeHistory):
        def events(self) -> Iterator[UpgradeEvent]:
            for event in self.kept:
                yield event
                seen.append(len(live.generations.current))

    Rebuild(live.generations, Watched(story())).run()
    assert set(seen) == {len(story())}
    assert live.generations.pointer() == Pointer(current=1, last=1)


def test_an_incomplete_history_changes_nothing() -> None:
    live = Live()
    live.take(story())

    class Incomplete(FakeHistory):
        def events(self) -> Iterator[UpgradeEvent]:
            yield from self.kept
            raise HistoryIncomplete("retention")

    with pytest.raises(HistoryIncomplete):
        Rebuild(live.generations, Incomplete(story()[:3])).run()
    assert live.generations.pointer() == Pointer(current=0, last=1)
    assert len(live.generations.current) == len(story())


def test_a_rebuild_that_another_overtook_changes_nothing() -> None:
    live = Live()

    class Overtaken(FakeHistory):
        def events(self) -> Iterator[UpgradeEvent]:
            yield from self.kept
            live.generations.begin()

    with pytest.raises(VersionConflict):
        Rebuild(live.generations, Overtaken(story())).run()
    assert live.generations.pointer() == Pointer(current=0, building=2, last=2)


def test_what_an_abandoned_rebuild_left_is_not_counted_by_the_next() -> None:
    live = Live()
    half_built = live.generations.begin()
    live.take(story()[:2])
    live.generations.abandon(half_built)
    Rebuild(live.generations, FakeHistory(story())).run()
    assert live.generations.pointer().current == 2
    assert len(live.generations.current) == len(story())


def test_it_says_how_far_it_is() -> None:
    told: list[int] = []
    history = FakeHistory(story() * 300)
    report = Rebuild(FakeGenerations(), history, told.append).run()
    assert report == RebuildReport(generation=1, read=2700, counted=9)
    assert told == [EVERY, 2 * EVERY]
