"""`Instruments` on one machine: the relay and the brokers are asked themselves."""

import logging
import re
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.ports import Readings

SECONDS = 2.0
_STREAMS = re.compile(r"^relay_streams (\d+)$", re.MULTILINE)
log = logging.getLogger(__name__)


class DirectInstruments:
    """`relay`: URL of its `/metrics`; `kafka`: None where there is none to ask; `groups`: consumer
    group -> its topics. One reading at a time."""

    def __init__(
        self,
        relay: str | None,
        kafka: KafkaSettings | None,
        groups: Mapping[str, Sequence[str]],
    ) -> None:
        self._relay = relay
        self._kafka = kafka
        self._groups = groups
        self._mutex = threading.Lock()

    def read(self) -> Readings:
        with self._mutex:
            behind = {group: self._behind(group) for group in self._groups}
            return Readings(self._streams(), behind)

    def _streams(self) -> int | None:
        if self._relay is None:
            return None
        try:
            with urllib.request.urlopen(self._relay, timeout=SECONDS) as answer:
                found = _STREAMS.search(answer.read().decode())
        except (OSError, ValueError) as error:
            log.warning("relay: %s", error)
            return None
        return int(found[1]) if found else None

    def _behind(self, group: str) -> int | None:
        if self._kafka is None:
            return None
        try:
            with closing(self._member(self._kafka, group)) as consumer:
                return sum(self._places_behind(consumer, group))
        except (KafkaError, OSError) as error:
            log.warning("%s: %s", group, error)
            return None

    def _places_behind(self, consumer: Any, group: str) -> Iterator[int]:
        assert self._kafka
        names = [self._kafka.kafka_topic_prefix + topic for topic in self._groups[group]]
        places = [
            TopicPartition(name, number)
            for name in names
            for number in consumer.partitions_for_topic(name) or ()
        ]
        milliseconds = int(SECONDS * 1000)
        for place, end in consumer.end_offsets(places, timeout_ms=milliseconds).items():
            yield end - (consumer.committed(place, timeout_ms=milliseconds) or 0)

    def _member(self, settings: KafkaSettings, group: str) -> Any:
        """It subscribes to nothing, so it never joins the group that it asks about."""
        milliseconds = int(SECONDS * 1000)
        return KafkaConsumer(
            **client_options(settings),
            group_id=group,
            enable_auto_commit=False,
            metrics_enabled=False,
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        )
