"""`Instruments` on one machine: the relay and the brokers are asked themselves."""

import logging
import re
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

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
            return Readings(self._streams(), self._behind())

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

    def _behind(self) -> dict[str, int | None]:
        if self._kafka is None or not self._groups:
            return dict.fromkeys(self._groups)
        try:
            # Not a consumer: that one waits for ever for a broker that is away.
            with closing(_connected(self._kafka)) as admin:
                return dict(self._behind_by_group(admin, self._kafka.kafka_topic_prefix))
        except (KafkaError, OSError) as error:
            log.warning("Kafka: %s", error)
            return dict.fromkeys(self._groups)

    def _behind_by_group(self, admin: Any, prefix: str) -> Iterator[tuple[str, int]]:
        named = {prefix + topic for topics in self._groups.values() for topic in topics}
        places = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in admin.describe_topics(sorted(named))
            for partition in topic["partitions"]
        ]
        ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        for group, topics in self._groups.items():
            own = [place for place in places if place.topic.removeprefix(prefix) in topics]
            taken = admin.list_group_offsets({group: own})[group]
            yield group, sum(ends[place].offset - max(taken[place].offset, 0) for place in own)


def _connected(settings: KafkaSettings) -> Any:
    """An admin client; KafkaError when no broker answers. kafka-python then leaves the client that
    it made running, with its thread and sockets: a page that polls would add one each time."""
    made: list[Any] = []

    def client(**options: Any) -> Any:
        made.append(KafkaNetClient(**options))
        return made[0]

    milliseconds = int(SECONDS * 1000)
    try:
        return KafkaAdminClient(
            **client_options(settings),
            kafka_client=client,
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        )
    except KafkaError:
        for each in made:
            each.close()
        raise
