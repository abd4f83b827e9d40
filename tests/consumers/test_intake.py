"""Records nobody can read become dead letters; everything else is delivered again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from nft_upgrade.adapters.event_schema import read_event
from nft_upgrade.consumers.intake import Intake, IntakeReport, Poison
from nft_upgrade.consumers.ports import DeadLettersUnavailable
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import to_record
from tests.fakes.events import (
    START,
    FakeDeadLetters,
    FakeMeter,
    FixedClock,
    merged,
    msk_event,
    poison_event,
    story,
)


class Consumer:
    """Takes everything but what it is told not to."""

    def __init__(self, *, outages: int = 0, poison: str | None = None) -> None:
        self.taken: list[UpgradeEvent] = []
        self.dead_letters = FakeDeadLetters()
        self.meter = FakeMeter()
        self.take_all: Callable[[Sequence[UpgradeEvent]], Sequence[bool]] | None = None
        self._outages = outages
        self._poison = poison

    def has(self, upgrade_id: str, sequence: int) -> bool:
        return (upgrade_id, sequence) in {(each.upgrade_id, each.sequence) for each in self.taken}

    def take(self, event: UpgradeEvent) -> bool:
        if event.event_id == self._poison:
            raise Poison("cannot take this one")
        if self._outages:
            self._outages -= 1
            raise StorageUnavailable("down")
        if self.has(event.upgrade_id, event.sequence):
            return False
        self.taken.append(event)
        return True

    @property
    def intake(self) -> Intake:
        return Intake(
            "nft-test",
            read=read_event,
            take=self.take,
            dead_letters=self.dead_letters,
            meter=self.meter,
            clock=FixedClock(),
            has=self.has,
            take_all=self.take_all,
        )


def test_all_records_of_a_batch_are_taken_in_the_order_of_their_sequence() -> None:
    consumer = Consumer()
    assert consumer.intake.handle(msk_event(reversed(story()))) == IntakeReport(9, 0)
    assert consumer.taken == story()


@pytest.mark.parametrize("text", ["not JSON", "[]", "{}", "null", '{"eventId":"a:1"}', "\xff"])
def test_an_unreadable_record_does_not_stop_those_behind_it(text: str) -> None:
    consumer = Consumer()
    payload = merged(poison_event(text), msk_event(story()))
    assert consumer.intake.handle(payload) == IntakeReport(taken=9, dead=1)
    (letter,) = consumer.dead_letters.letters("nft-test")
    assert letter.value == payload["records"]["nft-upgrade-progress-0"][0]["value"]
    assert (letter.topic, letter.offset, letter.at) == ("nft-upgrade-progress", 99, START)
    assert consumer.meter.counts["DeadLetters"] == 1


def test_a_tombstone_is_a_dead_letter() -> None:
    record = {"topic": "nft-upgrade-progress", "partition": 0, "offset": 1}
    consumer = Consumer()
    consumer.intake.handle({"records": {"nft-upgrade-progress-0": [record]}})
    assert len(consumer.dead_letters.letters("nft-test")) == 1


def test_an_event_whose_content_was_changed_on_the_way_is_a_dead_letter() -> None:
    forged = replace(story()[0], user_id="thief")
    consumer = Consumer()
    assert consumer.intake.handle(msk_event([forged])).dead == 1
    assert not consumer.taken
    assert "hash" in consumer.dead_letters.letters("nft-test")[0].reason


def test_a_record_of_another_schema_version_is_a_dead_letter() -> None:
    value = {**json.loads(to_record(story()[0]).value), "schemaVersion": 2}
    consumer = Consumer()
    consumer.intake.handle(poison_event(json.dumps(value)))
    assert "$.schemaVersion" in consumer.dead_letters.letters("nft-test")[0].reason


def test_what_a_consumer_can_never_take_does_not_stop_it() -> None:
    consumer = Consumer(poison="up-1:2")
    assert consumer.intake.handle(msk_event(story())).dead == 1
    assert [event.sequence for event in consumer.taken] == [1, 3, 4, 5, 6, 7, 8, 9]


class Careless(Consumer):
    """Fails at one event as code does that nobody made for it; takes batches at once."""

    def __init__(self, error: Exception, *, at_once: bool) -> None:
        super().__init__()
        self._error = error
        self.take_all = self._take_all if at_once else None

    def take(self, event: UpgradeEvent) -> bool:
        if event.sequence == 2:
            raise self._error
        return super().take(event)

    def _take_all(self, events: Sequence[UpgradeEvent]) -> Sequence[bool]:
        return [self.take(event) for event in events]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("error", [ValueError("no"), TypeError("no"), KeyError("no"), Poison("no")])
def test_an_event_that_code_cannot_cope_with_holds_up_nobody(
    error: Exception, at_once: bool
) -> None:
    consumer = Careless(error, at_once=at_once)
    assert consumer.intake.handle(msk_event(story())).dead == 1
    assert [event.sequence for event in consumer.taken] == [1, 3, 4, 5, 6, 7, 8, 9]
    (letter,) = consumer.dead_letters.letters("nft-test")
    assert (letter.kind, letter.reason[-4:].strip("' :")) == ("refused", "no")


def test_an_outage_stops_a_batch_that_is_taken_at_once() -> None:
    consumer = Careless(StorageUnavailable("down"), at_once=True)
    with pytest.raises(StorageUnavailable):
        consumer.intake.handle(msk_event(story()))
    assert not consumer.dead_letters.buried


def test_an_outage_is_raised_so_that_the_batch_comes_again() -> None:
    consumer = Consumer(outages=1)
    with pytest.raises(StorageUnavailable):
        consumer.intake.handle(msk_event(story()))
    assert not consumer.dead_letters.buried
    consumer.intake.handle(msk_event(story()))
    assert consumer.taken == story()


def test_a_batch_whose_dead_letter_is_not_safe_comes_again() -> None:
    consumer = Consumer()
    consumer.dead_letters.is_down = True
    batch = merged(poison_event(), msk_event(story()))
    with pytest.raises(DeadLettersUnavailable):
        consumer.intake.handle(batch)
    assert consumer.meter.counts["DeadLetters"] == 0
    consumer.dead_letters.is_down = False
    assert consumer.intake.handle(batch).dead == 1


def test_a_letter_says_what_kind_of_fault_it_is() -> None:
    newer = {**json.loads(to_record(story()[0]).value), "schemaVersion": 2}
    consumer = Consumer(poison="up-1:2")
    consumer.intake.handle(
        merged(poison_event(), poison_event(json.dumps(newer)), msk_event(story()[:2]))
    )
    kinds = [letter.kind for letter in consumer.dead_letters.letters("nft-test")]
    assert kinds == ["broken", "unknown_version", "refused"]


def test_gaps_are_noticed_for_a_consumer_that_says_what_it_has() -> None:
    consumer = Consumer()
    events = [event for event in story() if event.sequence not in {3, 4}]
    consumer.intake.handle(msk_event(events))
    assert consumer.meter.counts == {"SequenceGaps": 1}


def test_what_changed_nothing_is_counted() -> None:
    consumer = Consumer()
    for _ in range(2):
        consumer.intake.handle(msk_event(story()))
    assert consumer.taken == story()
    assert consumer.meter.counts == {"Duplicates": 9}


def test_the_same_poison_delivered_twice_is_one_dead_letter() -> None:
    consumer = Consumer()
    for _ in range(2):
        consumer.intake.handle(poison_event())
    assert len(consumer.dead_letters.letters("nft-test")) == 1
