"""A rebuild gives the same figures, misses nothing that happens meanwhile, and shows no mix."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.consumers.rebuild import EVERY, Rebuild, RebuildReport
from nft_upgrade.consumers.stats_ports import HistoryIncomplete, Pointer
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.stats import Counts
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


class Killed(BaseException):
    """The process is gone."""


class MortalStore:
    """A store of `Mortal`."""

    def __init__(self, life: "Mortal", number: int) -> None:
        self._life, self._number = life, number

    def read(self, *ids: Any) -> Any:
        return self._life.step("read", lambda store: store.read(*ids), self._number)

    def apply(self, counts: Counts) -> Any:
        return self._life.step("apply", lambda store: store.apply(counts), self._number)


class Mortal:
    """`Generations` as one process sees them: before or after its n-th call it is killed, and
    nothing that it would do then is done."""

    def __init__(self, generations: FakeGenerations, dies_at: int, *, after: bool) -> None:
        self._generations, self._dies_at, self._after = generations, dies_at, after
        self.calls = 0

    def step(self, name: str, act: Callable[[Any], Any], number: int | None = None) -> Any:
        self.calls += 1
        if self.calls > self._dies_at or (self.calls == self._dies_at and not self._after):
            raise Killed
        target = self._generations if number is None else self._generations.store(number)
        answer = act(target)
        if self.calls == self._dies_at:
            raise Killed
        return answer

    def pointer(self) -> Any:
        return self.step("pointer", lambda generations: generations.pointer())

    def begin(self) -> Any:
        return self.step("begin", lambda generations: generations.begin())

    def switch(self, number: int) -> None:
        self.step("switch", lambda generations: generations.switch(number))

    def abandon(self, number: int) -> None:
        self.step("abandon", lambda generations: generations.abandon(number))

    def store(self, number: int) -> Any:
        return MortalStore(self, number)


STEPS = 3 + 2 * 3
"""Calls of a rebuild of 54 events: pointer, begin, three parts of two each, switch."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, STEPS + 1))
def test_a_rebuild_that_was_killed_anywhere_is_taken_over_by_the_next(
    dies_at: int, after: bool
) -> None:
    live = Live()
    events = [event for n in range(6) for event in story(f"up-{n}", f"wallet-{n}")]
    live.take(events[:50])
    mortal: Any = Mortal(live.generations, dies_at, after=after)
    with pytest.raises(Killed):
        Rebuild(mortal, FakeHistory(events[:50])).run()
    live.take(events[50:52])
    assert len(live.generations.current) == 52  # readers never see a part
    seen = live.generations.pointer().building
    report = Rebuild(live.generations, FakeHistory(events[:52])).run()
    assert report.took_over == seen
    live.take(events[52:])
    assert live.generations.pointer() == Pointer(report.generation, None, report.generation)
    assert len(live.generations.current) == len(events)
    fresh = Live()
    fresh.take(events)
    assert live.generations.current == fresh.generations.current


def test_the_steps_above_are_all_of_a_rebuilds() -> None:
    events = [event for n in range(6) for event in story(f"up-{n}", f"wallet-{n}")]
    mortal: Any = Mortal(FakeGenerations(), STEPS + 1, after=False)
    Rebuild(mortal, FakeHistory(events)).run()
    assert mortal.calls == STEPS


def test_an_interrupted_rebuild_takes_its_generation_back() -> None:
    live = Live()

    class Interrupted(FakeHistory):
        def events(self) -> Iterator[UpgradeEvent]:
            yield from self.kept
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rebuild(live.generations, Interrupted(story())).run()
    assert live.generations.pointer() == Pointer(current=0, last=1)
