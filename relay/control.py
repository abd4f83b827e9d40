"""Sends what a census tells, from a thread of its own: a producer may block, the loop must not."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.messages import TOPIC_CONTROL

log = logging.getLogger(__name__)

SEND_SECONDS = 3.0
BACKLOG = 64
"""Batches that may wait; a census tells whole lists, so what is dropped is told again."""


def control_producer(settings: KafkaSettings) -> Any:
    """A producer for records that are worth little by themselves; raises KafkaError."""
    milliseconds = int(SEND_SECONDS * 1000)
    return KafkaProducer(
        **client_options(settings),
        enable_idempotence=False,
        acks=1,
        retries=0,
        delivery_timeout_ms=milliseconds,
        request_timeout_ms=milliseconds // 2,
        max_block_ms=milliseconds // 2,
        bootstrap_timeout_ms=milliseconds,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


class Announcer:
    """The thread. `on_failure` is called in it when something was not sent."""

    def __init__(
        self, connect: Callable[[], Any], *, topic_prefix: str, on_failure: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._topic = topic_prefix + TOPIC_CONTROL
        self._on_failure = on_failure
        self._waiting: queue.Queue[Sequence[bytes] | None] = queue.Queue(BACKLOG)
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._producer: Any = None
        self._is_failing = False

    def start(self) -> None:
        self._thread.start()

    def tell(self, records: Sequence[bytes]) -> None:
        """From any thread; never blocks."""
        try:
            self._waiting.put_nowait(records)
        except queue.Full:
            self._on_failure()

    def stop(self, seconds: float = 3.0) -> None:
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        while (records := self._waiting.get()) is not None:
            try:
                self._send(records)
                self._is_failing = False
            except Exception as error:  # noqa: BLE001 - the thread must not end for any cause
                self._failed(error)
        self._close()

    def _send(self, records: Sequence[bytes]) -> None:
        if self._producer is None:
            self._producer = self._connect()
        sent = [self._producer.send(self._topic, value=value) for value in records]
        for handle in sent:
            handle.get(timeout=SEND_SECONDS)

    def _failed(self, error: Exception) -> None:
        if not self._is_failing:
            log.warning("control: %s: %s", type(error).__name__, error)
        self._is_failing = True
        self._close()
        self._on_failure()

    def _close(self) -> None:
        producer, self._producer = self._producer, None
        try:
            if producer is not None:
                producer.close(timeout=1)
        except KafkaError as error:
            log.debug("control: %s", error)
