"""The outbox's way into Kafka, with kafka-python. docs/events.md has topics and records."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import SCHEMA_VERSION, to_record

NOT_SENT = "not sent: an earlier event of the same user was not acknowledged"
OUT_OF_TIME = "not sent: the time for this batch is over"


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """What every kafka-python client needs to reach the brokers.

    AWS_MSK_IAM is built into kafka-python 3: it signs with botocore's credentials, again on each
    re-authentication, and takes the region from AWS_DEFAULT_REGION alone.
    """
    return {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "ssl_cafile": settings.kafka_ssl_cafile,
        "api_version": _version(settings.kafka_api_version),
    }


def producer_options(settings: KafkaSettings, delivery_seconds: float) -> dict[str, Any]:
    """What every producer of ours is told: nothing counts as written before all replicas that must
    have it do, nothing is written twice by a retry, and nobody waits longer than he was given."""
    milliseconds = int(delivery_seconds * 1000)
    return {
        **client_options(settings),
        # Explicit: a conflicting option would otherwise switch it off with a log line.
        "enable_idempotence": True,
        "acks": "all",
        "delivery_timeout_ms": milliseconds,
        "request_timeout_ms": milliseconds // 2,
        "max_block_ms": milliseconds // 2,
        "bootstrap_timeout_ms": milliseconds // 2,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def _version(text: str | None) -> tuple[int, ...] | None:
    return tuple(int(part) for part in text.split(".")) if text else None


def headers(event: UpgradeEvent, trace_id: str | None) -> list[tuple[str, bytes]]:
    """What a consumer may route or drop by without reading the value.

    `trace_id` is the publishing call's, for an event that does not name the one that made it.
    """
    facts = {
        "eventId": event.event_id,
        "eventType": event.type.value,
        "schemaVersion": str(SCHEMA_VERSION),
        "traceId": event.trace_id or trace_id,
    }
    return [(name, fact.encode()) for name, fact in facts.items() if fact is not None]


class KafkaPublisher:
    """`Publisher` over one idempotent producer, connected on first use.

    1. Order is kept per user, across topics: Kafka orders one partition only, so an event is sent
       when the one before it is acknowledged. A batch therefore goes in rounds, each holding at
       most one event of every user.
    2. An error does not mean "not written"; the consumers drop what they have seen.
    3. After an error the producer is thrown away, as kafka-python advises: the next batch begins
       with a new producer id rather than with a sequence the broker may refuse.
    4. One batch at a time: callers in other threads wait, so that none finds its producer closed.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        delivery_seconds: float = 8.0,
        trace_id: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`delivery_seconds` must lie well below a third of the function's timeout: a batch takes
        at most two and a half times as long."""
        self._settings = settings
        self._seconds = delivery_seconds
        self._trace_id = trace_id
        self._producer: KafkaProducer | None = None
        self._one_batch = threading.Lock()

    def publish(self, events: Sequence[UpgradeEvent]) -> Mapping[str, str | None]:
        """See `Publisher`; never raises for Kafka's errors."""
        with self._one_batch:
            return self._publish(events)

    def close(self) -> None:
        """Drop the connection; the next `publish` makes a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):  # it flushes first, and says so when that takes too long
                producer.close(timeout=1)

    def _publish(self, events: Sequence[UpgradeEvent]) -> Mapping[str, str | None]:
        ends = time.monotonic() + self._seconds
        results: dict[str, str | None] = {}
        stopped: dict[str, str] = {}
        for round_ in rounds(events):
            held = [event for event in round_ if event.user_id in stopped]
            results |= {event.event_id: stopped[event.user_id] for event in held}
            outcome = self._send([event for event in round_ if event.user_id not in stopped], ends)
            results |= outcome
            stopped |= {e.user_id: NOT_SENT for e in round_ if outcome.get(e.event_id)}
        if any(results.values()):
            self.close()
        return results

    def _send(self, events: Sequence[UpgradeEvent], ends: float) -> dict[str, str | None]:
        """Send all at once and wait for each acknowledgement."""
        sent = [(event.event_id, self._start(event, ends)) for event in events]
        return {event_id: self._outcome(handle) for event_id, handle in sent}

    def _start(self, event: UpgradeEvent, ends: float) -> Any:
        """The record's future, or the error that kept it from being sent."""
        if time.monotonic() > ends:  # without brokers every single call takes its time to fail
            return KafkaTimeoutError(OUT_OF_TIME)
        record = to_record(event)
        try:
            return self._connected().send(
                self._settings.kafka_topic_prefix + record.topic,
                key=record.message_key,
                value=record.value,
                headers=headers(event, self._trace_id()),
            )
        except KafkaError as error:
            return error

    def _outcome(self, handle: Any) -> str | None:
        if isinstance(handle, KafkaError):
            return _text(handle)
        try:
            handle.get(timeout=self._seconds + 1)
        except KafkaError as error:
            return _text(error)
        return None

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(**producer_options(self._settings, self._seconds))
        return self._producer


def rounds(events: Sequence[UpgradeEvent]) -> list[list[UpgradeEvent]]:
    """The n-th event of every user in the n-th list."""
    seen: defaultdict[str, int] = defaultdict(int)
    result: list[list[UpgradeEvent]] = []
    for event in events:
        number = seen[event.user_id]
        seen[event.user_id] += 1
        if number == len(result):
            result.append([])
        result[number].append(event)
    return result


def _text(error: KafkaError) -> str:
    kind = "timed out" if isinstance(error, KafkaTimeoutError) else type(error).__name__
    return f"{kind}: {error}"
