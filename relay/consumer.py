"""Kafka's records, all of them, without a group: one consumer per process, in a thread of its own.

Kafka wakes streams up; the table is the truth. So this side may lose its broker, or begin at the
end of the log, as long as it says so: every (re)connection is reported, and the streams are then
checked against the table.

1. Reading begins a minute before the end, or later (relay/seeding.py), and every event record goes
   into the ring. Positions are asked for and set, not left to a lazy seek: `is_caught_up` means
   that all is read that was there when the places were fixed. Not that nothing is left to read:
   under steady load something always is.
2. What relays tell each other (relay/census.py) is read from its end on; a relay without that
   topic is ready all the same.
3. A partition that appears later is read from its beginning. An offset that no longer exists goes
   to the earliest one: a topic made anew is then read whole, and what was seen is dropped anyway;
   what was skipped is found in the table.
4. kafka-python does not tell a quiet broker from a dead one. Asking for the ends of the log every
   few seconds does, and is the lag at the same time.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.messages import TOPIC_CONTROL, TOPICS
from relay.logs import about_record
from relay.ring import Ring
from relay.seeding import SEED_SECONDS, seed

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
PROBE_TIMEOUT_MS = 1500
METADATA_MAX_AGE_MS = 10_000
"""So long may a new partition stay unnoticed."""
POLL_MS = 500
LINGER_SECONDS = 0.002
"""After records came, so that the next fetch brings several: a fetch costs more than a record. What
comes alone is not delayed by it."""
PATIENCE = 4
"""Failed probes in a row after which a new consumer starts over from the bootstrap servers: a
cluster may come back under other addresses."""
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

RawRecord = tuple[bytes | None, bytes]
"""Message key (the user id) and value."""


@dataclass(slots=True)
class SourceState:
    """What is known of Kafka just now; written by the consumer's thread, read by anybody."""

    is_connected: bool = False
    is_caught_up: bool = False
    partitions: int = 0
    lag: int = 0
    records: int = 0
    reconnects: int = 0


def kafka_consumer(settings: KafkaSettings) -> Any:
    """A group-less consumer; raises KafkaError while no broker answers."""
    return KafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        # The broker that comes back is met within a second, not within kafka-python's 30.
        reconnect_backoff_max_ms=1000,
        bootstrap_timeout_ms=10_000,
        metrics_enabled=False,
        # In pure Python it is a quarter of what a record costs. TLS guards the way, and a record
        # that is wrong all the same shows as no event or as a gap, which the table fills.
        check_crcs=False,
    )


class Consumer:
    """The thread. `hand_over` and `on_connect` are called in it."""

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        topic_prefix: str,
        state: SourceState,
        listens: Callable[[bytes | None], bool],
        hand_over: Callable[[Sequence[RawRecord]], None],
        on_connect: Callable[[], None],
        ring: Ring | None = None,
        on_control: Callable[[Sequence[bytes]], None] = lambda values: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`listens(message_key)` says whether a record is wanted; `state` is kept current.
        `on_control` gets what other relays tell; `wall`: seconds since 1970."""
        self._connect = connect
        self._topics = [topic_prefix + topic for topic in TOPICS]
        self._control = topic_prefix + TOPIC_CONTROL
        self._ring = Ring(0) if ring is None else ring
        self._on_control = on_control
        self._expected: dict[TopicPartition, int] = {}
        self._goal: Mapping[TopicPartition, int] = {}
        self._wall = wall
        self._listens = listens
        self._hand_over = hand_over
        self._on_connect = on_connect
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._failures = 0
        self.state = state

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 3.0) -> None:
        self._stopping.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._consume()
            except (KafkaError, OSError) as error:
                log.warning("kafka: %s: %s", type(error).__name__, error)
            except Exception:  # one consumer per process: it must not end for any cause
                log.exception("kafka: unexpected")
            self._lost()
            self._stopping.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1

    def _consume(self) -> None:
        consumer = self._connect()
        self._assigned, self._failures = frozenset(), 0
        self._ring.restart()
        try:
            due = 0.0
            while not self._stopping.is_set():
                if time.monotonic() >= due:
                    self._probe(consumer)
                    due = time.monotonic() + PROBE_SECONDS
                polled = consumer.poll(timeout_ms=POLL_MS if self._assigned else 0)
                self._take(polled)
                if polled:
                    time.sleep(LINGER_SECONDS)
        finally:
            consumer.close(timeout_ms=1000)

    def _take(self, polled: dict[TopicPartition, list[Any]]) -> None:
        told = [r.value for p, batch in polled.items() if p.topic == self._control for r in batch]
        if told:
            self._on_control(told)
        events = {p: batch for p, batch in polled.items() if p.topic != self._control}
        records = [record for batch in events.values() for record in batch]
        self.state.records += len(records)
        # The ring before the question who listens: see relay/ring.py, 3.
        for partition, batch in events.items():
            self._remember(partition, batch)
        wanted = [record for record in records if self._listens(record.key)]
        for record in wanted:
            log.info("record", extra=about_record(record.headers))
        if wanted:
            self._hand_over([(record.key, record.value) for record in wanted])

    def _remember(self, partition: TopicPartition, batch: Sequence[Any]) -> None:
        expected = self._expected.get(partition)
        for record in batch:
            created_at = record.timestamp / 1000
            self._ring.see_first(partition, created_at)
            if record.offset != expected:
                self._skipped(created_at)
            expected = record.offset + 1
            self._ring.add(record.key, record.value, created_at)
        if expected is not None:
            self._expected[partition] = expected

    def _skipped(self, created_at: float) -> None:
        """The log lost records before they were read, or was made anew. Whoever is live now may
        have missed one; whoever asks the ring later must not be told that there was none."""
        self._ring.raise_floor(created_at)
        self._on_connect()

    # --- assignment and health ---------------------------------------------------------------

    def _probe(self, consumer: Any) -> None:
        """Notice new partitions, measure the lag, notice a broker that is gone or back."""
        try:
            self._assign(consumer)
            ends = consumer.end_offsets(list(self._assigned), timeout_ms=PROBE_TIMEOUT_MS)
            places = {p: self._place(consumer, p) for p in ends}
        except KafkaError as error:
            self._fail(error)
            return
        self.state.lag = sum(max(0, end - places[p]) for p, end in ends.items())
        self._goal = self._goal or ends
        self._found(is_through=all(places[p] >= end for p, end in self._goal.items()))

    def _place(self, consumer: Any, partition: TopicPartition) -> int:
        return consumer.position(partition, timeout_ms=PROBE_TIMEOUT_MS) or 0

    def _assign(self, consumer: Any) -> None:
        topics = (*self._topics, self._control)
        known = {topic: consumer.partitions_for_topic(topic) or () for topic in topics}
        found = frozenset(TopicPartition(t, p) for t, parts in known.items() for p in parts)
        missing = [topic for topic in self._topics if not known[topic]]
        if missing:
            log.warning("kafka: no such topic yet: %s", ", ".join(missing))
        if found > self._assigned:
            self._move(consumer, found)
        self.state.partitions = sum(p.topic != self._control for p in self._assigned)
        self.state.is_caught_up = self.state.is_caught_up and not missing

    def _move(self, consumer: Any, found: frozenset[TopicPartition]) -> None:
        """Take over all of `found`, each at its place."""
        new = sorted(found - self._assigned)
        is_first = not self._assigned
        places = {p: self._place(consumer, p) for p in self._assigned}
        begins = consumer.beginning_offsets(new, timeout_ms=PROBE_TIMEOUT_MS)
        ends = consumer.end_offsets(new, timeout_ms=PROBE_TIMEOUT_MS)
        if is_first:
            places |= self._seed(consumer, begins, ends)
        else:
            places |= {p: ends[p] if p.topic == self._control else begins[p] for p in new}
            if any(begins[p] for p in new if p.topic != self._control):
                self._ring.raise_floor(self._wall())
        self._expected |= {p: places[p] for p in new}
        consumer.assign(sorted(found))
        for partition, offset in places.items():
            consumer.seek(partition, offset)
        self._assigned = found

    def _seed(
        self,
        consumer: Any,
        begins: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        """First places; the ring is told what they prove."""
        now = self._wall()
        logs = {p: end for p, end in ends.items() if p.topic != self._control}
        asked = dict.fromkeys(logs, int((now - SEED_SECONDS) * 1000))
        found = consumer.offsets_for_times(asked, timeout_ms=PROBE_TIMEOUT_MS)
        begin = seed(begins, logs, found, room=self._ring.capacity, now=now)
        self._ring.restart(begin.pending, floor=begin.floor)
        return {**ends, **begin.places}

    def _fail(self, error: KafkaError) -> None:
        self._lost()
        self._failures += 1
        if self._failures >= PATIENCE:
            raise error
        log.warning("kafka: no answer: %s: %s", type(error).__name__, error)

    def _found(self, *, is_through: bool) -> None:
        """`is_through`: all was read that was there when the places were fixed, or Kafka back."""
        self._failures = 0
        has_all = {partition.topic for partition in self._assigned} >= set(self._topics)
        self.state.is_caught_up = has_all and (self.state.is_caught_up or is_through)
        if not self.state.is_connected:
            self.state.is_connected = True
            self.state.reconnects += 1
            self._on_connect()

    def _lost(self) -> None:
        self.state.is_connected = False
        self.state.is_caught_up = False
        self._goal = {}
