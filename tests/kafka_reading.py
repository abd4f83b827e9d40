"""What the topics hold, for tests to count."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPICS, from_record


def records_in(settings: KafkaSettings, *topics: str) -> list[Any]:
    """Everything in these topics, oldest first within a partition."""
    consumer = KafkaConsumer(**client_options(settings), fetch_max_wait_ms=5)
    try:
        names = [settings.kafka_topic_prefix + topic for topic in topics]
        places = [
            TopicPartition(name, number)
            for name in names
            for number in consumer.partitions_for_topic(name)
        ]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: list[Any] = []
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=100).values():
                found += records
        return found
    finally:
        consumer.close()


def events_in(settings: KafkaSettings, upgrade_ids: Sequence[str]) -> list[UpgradeEvent]:
    """The events of these upgrades in all topics, duplicates included; what is none is left out."""
    found = []
    for record in records_in(settings, *TOPICS):
        with suppress(ValueError, KeyError):
            found.append(from_record(record.value))
    return [event for event in found if event.upgrade_id in upgrade_ids]
