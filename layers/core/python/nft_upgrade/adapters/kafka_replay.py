"""The dead-letter topic, read from where the last replay stopped."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from nft_upgrade.adapters.kafka_dead_letters import letter_of
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.ports import DeadLetter
from nft_upgrade.messages import TOPIC_DEAD_LETTERS

logger = logging.getLogger(__name__)
GROUP = "nft-dead-letter-replay"
"""Holds the place up to which letters are dealt with; nobody is a member of it."""
BATCH = 100
POLL_MS = 500


class KafkaLetterBox:
    """`LetterBox`. Two operators at once would both replay; the consumers drop the second."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    @contextmanager
    def open(self) -> Iterator["OpenBox"]:
        consumer = KafkaConsumer(
            **client_options(self._settings),
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=self._settings.kafka_fetch_max_wait_ms,
            max_poll_records=BATCH,
            metrics_enabled=False,
        )
        try:
            yield OpenBox(consumer, self._settings.kafka_topic_prefix + TOPIC_DEAD_LETTERS)
        finally:
            consumer.close(autocommit=False)


class OpenBox:
    """`OpenLetterBox`."""

    def __init__(self, consumer: KafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        numbers = consumer.partitions_for_topic(topic) or ()
        self._places = [TopicPartition(topic, number) for number in numbers]
        self._ends: dict[TopicPartition, int] = {}

    def letters(self) -> Iterator[Sequence[DeadLetter]]:
        self._consumer.assign(self._places)
        self._ends = self._consumer.end_offsets(self._places)
        while any(self._consumer.position(place) < end for place, end in self._ends.items()):
            polled = self._consumer.poll(timeout_ms=POLL_MS)
            records = [each for place in polled for each in polled[place]]
            here = [each for each in records if each.offset < self._ends[_place(each)]]
            yield [letter for each in here if (letter := _letter(each))]

    def settle(self) -> None:
        """Not simply the positions: they may be past letters that were put back meanwhile."""
        self._consumer.commit(
            {
                place: OffsetAndMetadata(min(self._consumer.position(place), end), "", -1)
                for place, end in self._ends.items()
            }
        )


def _place(record: object) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)  # type: ignore[attr-defined]


def _letter(record: object) -> DeadLetter | None:
    """None for what is no letter: somebody else wrote into our topic."""
    try:
        return letter_of(record)
    except (ValueError, KeyError):
        logger.exception("%s holds what is no dead letter", _place(record))
        return None
