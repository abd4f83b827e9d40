"""Every event from Kafka's topics, from their first offset to their end at the start."""

from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from nft_upgrade.adapters.kafka_ends import batches_to
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.stats_ports import HistoryIncomplete
from nft_upgrade.domain.events import UpgradeEvent, event_hash
from nft_upgrade.messages import TOPICS


class KafkaHistory:
    """`EventHistory`, without a consumer group. Raises KafkaError when no broker answers.

    The topics keep seven days: a partition that does not begin at offset 0 has lost records.
    """

    def __init__(self, settings: KafkaSettings, read: Callable[[bytes], UpgradeEvent]) -> None:
        """`read` raises ValueError for what is no event; such a record is no event here either."""
        self._settings = settings
        self._read = read

    def events(self) -> Iterator[UpgradeEvent]:
        consumer = KafkaConsumer(
            **client_options(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=self._settings.kafka_fetch_max_wait_ms,
            metrics_enabled=False,
        )
        try:
            yield from self._events(consumer)
        finally:
            consumer.close(autocommit=False)

    def _events(self, consumer: Any) -> Iterator[UpgradeEvent]:
        places = [place for topic in TOPICS for place in self._partitions(consumer, topic)]
        ends = consumer.end_offsets(places)
        _require_all(consumer.beginning_offsets(places), ends)
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        away = HistoryIncomplete("The brokers stopped answering before the end.")
        for records in batches_to(ends, consumer, away=away):
            yield from self._readable(records)

    def _partitions(self, consumer: Any, topic: str) -> list[TopicPartition]:
        name = self._settings.kafka_topic_prefix + topic
        return [TopicPartition(name, n) for n in consumer.partitions_for_topic(name) or ()]

    def _readable(self, records: list[Any]) -> Iterator[UpgradeEvent]:
        for record in records:
            try:
                event = self._read(record.value or b"")
            except (ValueError, KeyError, TypeError):
                continue  # the live consumer has put it aside with its reason
            if event.hash == event_hash(event):
                yield event


def _require_all(beginnings: dict[Any, int], ends: dict[Any, int]) -> None:
    if not ends:
        raise HistoryIncomplete("There are no topics.")
    cut = [f"{place.topic}-{place.partition}" for place, first in beginnings.items() if first]
    if cut:
        raise HistoryIncomplete(f"Retention has dropped records of {', '.join(sorted(cut))}.")
