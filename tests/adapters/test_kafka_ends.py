"""Reading up to a known end: all of it, or an error when the brokers have gone."""

from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition

from nft_upgrade.adapters.kafka_ends import SILENT_POLLS, batches_to

PLACE = TopicPartition("letters", 0)


class Away(Exception):
    """What the caller wants to hear."""


@dataclass
class Answers:
    """A consumer whose brokers give `records` one by one, `silences` empty answers before each."""

    records: list[str]
    silences: int = 0
    polls: int = 0
    given: list[str] = field(default_factory=list)

    def position(self, place: TopicPartition) -> int | None:
        return len(self.given) or None

    def poll(self, *, timeout_ms: int) -> dict[TopicPartition, list[str]]:
        self.polls += 1
        if self.polls % (self.silences + 1) or not self.records:
            return {}
        self.given.append(self.records.pop(0))
        return {PLACE: self.given[-1:]}


def read(consumer: Answers, end: int) -> list[str]:
    batches = batches_to({PLACE: end}, consumer, away=Away())
    return [record for batch in batches for record in batch]


def test_nothing_is_asked_for_when_there_is_nothing() -> None:
    consumer = Answers(["later"])
    assert read(consumer, 0) == []
    assert consumer.polls == 0


def test_brokers_that_only_pause_are_waited_for() -> None:
    assert read(Answers(["a", "b", "c"], silences=SILENT_POLLS), 3) == ["a", "b", "c"]


def test_brokers_that_fall_silent_before_the_end_are_an_error() -> None:
    consumer = Answers(["a"])
    with pytest.raises(Away):
        read(consumer, 2)
    assert consumer.given == ["a"]
    assert consumer.polls == SILENT_POLLS + 2
