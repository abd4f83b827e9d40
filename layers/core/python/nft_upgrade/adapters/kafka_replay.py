"""The dead-letter topic, read from where the last replay stopped."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from nft_upgrade.adapters.kafka_dead_letters import letter_of
from nft_upgrade.adapters.kafka_ends import POLL_MS, batches_to
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.ports import DeadLetter, DeadLettersUnavailable
from nft_upgrade.consumers.replaying import ReplayPlace
from nft_upgrade.messages import TOPIC_DEAD_LETTERS

logger = logging.getLogger(__name__)
BATCH = 100
PATIENT_POLLS = 10
"""Empty answers after which the record before our place counts as not there."""
Mark = tuple[int, str]
"""The offset behind the last letter that was dealt with, and that record's fingerprint."""


class KafkaLetterBox:
    """`LetterBox`. Two operators at once would both replay; the consumers drop the second.

    The place is kept by `place` and not as a consumer group's offsets, which brokers forget after a
    week in which nobody commits (`offsets.retention.minutes`), while letters stay for a month. The
    last record before the place is kept with it: in a topic that was made anew another record is
    there, or none, and everything is read from the beginning. That repeats, which is harmless.
    """

    def __init__(self, settings: KafkaSettings, place: ReplayPlace) -> None:
        self._settings = settings
        self._place = place

    @contextmanager
    def open(self) -> Iterator["OpenBox"]:
        consumer = KafkaConsumer(
            **client_options(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=self._settings.kafka_fetch_max_wait_ms,
            max_poll_records=BATCH,
            metrics_enabled=False,
        )
        topic = self._settings.kafka_topic_prefix + TOPIC_DEAD_LETTERS
        try:
            yield OpenBox(consumer, topic, self._place)
        finally:
            consumer.close(autocommit=False)


class OpenBox:
    """`OpenLetterBox`."""

    def __init__(self, consumer: KafkaConsumer, topic: str, place: ReplayPlace) -> None:
        self._consumer = consumer
        self._place = place
        numbers = consumer.partitions_for_topic(topic) or ()
        self._partitions = [TopicPartition(topic, number) for number in numbers]
        self._marks = marks_of(place.get())
        self._ends: dict[TopicPartition, int] = {}

    def letters(self) -> Iterator[Sequence[DeadLetter]]:
        self._ends = self._consumer.end_offsets(self._partitions)
        starts = {each: self._start(each) for each in self._partitions}
        self._consumer.assign(self._partitions)
        for each, offset in starts.items():
            self._consumer.seek(each, offset)
        away = DeadLettersUnavailable("Kafka gives no more letters, though there are some.")
        for records in batches_to(self._ends, self._consumer, away=away):
            here = [each for each in records if each.offset < self._ends[_place(each)]]
            self._marks |= {each.partition: (each.offset + 1, _fingerprint(each)) for each in here}
            yield [letter for each in here if (letter := _letter(each))]

    def settle(self) -> None:
        """Only as far as given out: there may be letters behind that were put back meanwhile."""
        self._place.put(json.dumps(self._marks))

    def _start(self, partition: TopicPartition) -> int:
        """Behind what is dealt with, as far as that is still the same topic; else the beginning."""
        beginning = int(self._consumer.beginning_offsets([partition])[partition])
        offset, fingerprint = self._marks.get(partition.partition, (0, ""))
        if not beginning < offset <= self._ends[partition]:
            return beginning
        if self._fingerprint_at(partition, offset - 1) == fingerprint:
            return offset
        logger.warning("%s is not the topic it was: read from its beginning", partition)
        return beginning

    def _fingerprint_at(self, partition: TopicPartition, offset: int) -> str | None:
        self._consumer.assign([partition])
        self._consumer.seek(partition, offset)
        for _ in range(PATIENT_POLLS):
            records = self._consumer.poll(timeout_ms=POLL_MS, max_records=1).get(partition)
            if records:
                return _fingerprint(records[0]) if records[0].offset == offset else None
        return None


def marks_of(text: str | None) -> dict[int, Mark]:
    """By partition; empty before the first replay."""
    facts: Mapping[str, Any] = json.loads(text) if text else {}
    return {int(number): (int(offset), str(print_)) for number, (offset, print_) in facts.items()}


def _fingerprint(record: Any) -> str:
    """Tells a record from any other at the same offset of another life of the topic."""
    return hashlib.sha256(f"{record.timestamp}|".encode() + (record.value or b"")).hexdigest()[:16]


def _place(record: Any) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


def _letter(record: object) -> DeadLetter | None:
    """None for what is no letter: somebody else wrote into our topic."""
    try:
        return letter_of(record)
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.exception("%s holds what is no dead letter", _place(record))
        return None
