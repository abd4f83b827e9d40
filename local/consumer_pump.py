"""Kafka -> a consumer function, as Lambda's event source mapping does it: one group per function,
batches in the MSK event shape, offsets committed after the function took the batch."""

import base64
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.messages import TOPICS

BATCH = 100
POLL_MS = 500
FETCH_WAIT_MS = 200
"""The embedded broker lets a new record wait so long; a real one answers at once."""
SESSION_MS = 6_000
"""The embedded broker forgets a member only when its session ends, even one that said goodbye."""
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
ARN = "arn:aws:kafka:us-east-1:123456789012:cluster/local/1"

Handler = Callable[[Mapping[str, Any]], Any]


class ConsumerPump:
    """One consumer group in one thread."""

    def __init__(
        self,
        group: str,
        handler: Handler,
        stop: threading.Event,
        settings: KafkaSettings,
        topics: Sequence[str] = TOPICS,
    ) -> None:
        self._group = group
        self._handler = handler
        self._stop = stop
        self._settings = settings
        self._topics = [settings.kafka_topic_prefix + topic for topic in topics]
        self.is_polling = threading.Event()

    def run(self) -> None:
        """Until `stop` is set; a broker that does not answer is asked again."""
        while not self._stop.is_set():
            try:
                self._consume()
            except KafkaError as error:
                print(f"{self._group}: {error}", flush=True)
                self._stop.wait(1.0)

    def _consume(self) -> None:
        consumer = KafkaConsumer(
            *self._topics,
            **client_options(self._settings),
            group_id=self._group,
            client_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_poll_records=BATCH,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            metrics_enabled=False,
        )
        try:
            while not self._stop.is_set():
                batch = consumer.poll(timeout_ms=POLL_MS)
                if consumer.assignment():
                    self.is_polling.set()
                if batch and self._hand_over(msk_event(batch, self._settings)):
                    consumer.commit()
        finally:
            consumer.close(autocommit=False)

    def _hand_over(self, event: Mapping[str, Any]) -> bool:
        """Again and again until the function takes it; False when the process ends first."""
        attempt = 0
        while not self._stop.is_set():
            try:
                self._handler(event)
            except Exception:  # noqa: BLE001 - as Lambda: whatever a function raises fails the batch
                traceback.print_exc()
                self._stop.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
                attempt += 1
            else:
                return True
        return False


def msk_event(batch: Mapping[Any, Sequence[Any]], settings: KafkaSettings) -> dict[str, Any]:
    """A poll's records as Lambda hands over MSK's.

    https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html
    """
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": ARN,
        "bootstrapServers": settings.kafka_bootstrap_servers,
        "records": {
            f"{place.topic}-{place.partition}": [_record(record) for record in records]
            for place, records in batch.items()
        },
    }


def _record(record: Any) -> dict[str, Any]:
    facts = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestampType": "CREATE_TIME" if record.timestamp_type == 0 else "LOG_APPEND_TIME",
        "headers": [{name: list(value)} for name, value in record.headers],
    }
    if record.key is not None:
        facts["key"] = base64.b64encode(record.key).decode()
    if record.value is not None:
        facts["value"] = base64.b64encode(record.value).decode()
    return facts
