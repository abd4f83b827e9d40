"""The consumer's thread against a broker that can appear, grow, fall silent and come back.

`Broker` is a whole small implementation of what the consumer asks of kafka-python; that the real
one behaves so is shown by test_faults.py."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

import relay.consumer
from nft_upgrade.messages import TOPIC_CONTROL, TOPIC_PROGRESS, TOPICS
from relay.consumer import Consumer, RawRecord, SourceState
from relay.ring import EVERYTHING, NOTHING, Ring

HEADERS = [("eventId", b"upgrade-1:7"), ("traceId", b"1-67891233-abcdef012345678912345678")]


@dataclass
class Broker:
    """Logs by partition; `is_silent`: nothing answers."""

    partitions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 1))
    logs: dict[TopicPartition, list[RawRecord]] = field(default_factory=lambda: defaultdict(list))
    is_silent: bool = False
    is_busy: bool = False
    """A record comes whenever the ends are asked for."""
    knows_times: bool = True
    connects: int = 0

    def put(
        self,
        value: bytes,
        *,
        user: bytes = b"user",
        partition: int = 0,
        topic: str = TOPIC_PROGRESS,
    ) -> None:
        self.logs[TopicPartition(topic, partition)].append((user, value))

    def connect(self) -> "Client":
        self.answer()
        self.connects += 1
        return Client(self)

    def answer(self) -> None:
        if self.is_silent:
            raise KafkaTimeoutError("silent")


@dataclass
class Client:
    """A consumer of one `Broker`."""

    broker: Broker
    places: dict[TopicPartition, int] = field(default_factory=dict)

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self.broker.partitions.get(topic, 0)))

    def end_offsets(self, partitions: Sequence[Any], timeout_ms: int) -> dict[Any, int]:
        self.broker.answer()
        if self.broker.is_busy:
            self.broker.put(b"one more", user=b"somebody else")
        return {p: len(self.broker.logs[p]) for p in partitions}

    def offsets_for_times(self, times: dict[Any, int], timeout_ms: int) -> dict[Any, Any]:
        self.broker.answer()
        return {p: self._since(p, ms / 1000) for p, ms in times.items()}

    def _since(self, partition: TopicPartition, moment: float) -> Any:
        place = max(0, int(moment) - 1000)
        has_any = self.broker.knows_times and place < len(self.broker.logs[partition])
        return SimpleNamespace(offset=place) if has_any else None

    def beginning_offsets(self, partitions: Sequence[Any], timeout_ms: int) -> dict[Any, int]:
        self.broker.answer()
        return dict.fromkeys(partitions, 0)

    def position(self, partition: TopicPartition, timeout_ms: int) -> int:
        return self.places[partition]

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.places = dict.fromkeys(partitions, -1)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert partition in self.places
        self.places[partition] = offset

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        time.sleep(0.005)
        if self.broker.is_silent:
            return {}
        found = {}
        for partition, place in self.places.items():
            assert place >= 0, "assigned without a place"
            new = self.broker.logs[partition][place:]
            self.places[partition] += len(new)
            found[partition] = [
                # The n-th record of every log is written in second 1000 + n.
                SimpleNamespace(
                    key=key, value=value, offset=n, timestamp=1000 * (1000 + n), headers=HEADERS
                )
                for n, (key, value) in enumerate(new, place)
            ]
        return found

    def close(self, timeout_ms: int) -> None:
        self.places = {}


@dataclass
class Watch:
    """The consumer under test and what it handed over."""

    broker: Broker
    got: list[bytes] = field(default_factory=list)
    connects: int = 0
    wanted: bytes = b"user"
    ring: Ring = field(default_factory=lambda: Ring(0))
    told: list[bytes] = field(default_factory=list)
    wall: float = 1e6

    def __post_init__(self) -> None:
        self.state = SourceState()
        self.consumer = Consumer(
            self.broker.connect,
            topic_prefix="",
            state=self.state,
            listens=lambda message_key: message_key == self.wanted,
            hand_over=lambda records: self.got.extend(value for _, value in records),
            on_connect=self._count,
            ring=self.ring,
            on_control=self.told.extend,
            wall=lambda: self.wall,
        )

    def _count(self) -> None:
        self.connects += 1

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < ends, (self.state, self.got)
            time.sleep(0.005)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe often, so that a test takes moments."""
    monkeypatch.setattr(relay.consumer, "PROBE_SECONDS", 0.02)
    monkeypatch.setattr(relay.consumer, "BACKOFF_SECONDS", (0.02,))


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch(Broker())
    watch.broker.put(b"before the start")
    watch.consumer.start()
    yield watch
    watch.consumer.stop()
    assert "kafka" not in {thread.name for thread in threading.enumerate()}


def test_reading_begins_at_the_end(watch: Watch) -> None:
    watch.until(lambda: watch.state.is_caught_up)
    watch.broker.put(b"after")
    watch.until(lambda: watch.got == [b"after"])


def test_records_nobody_wants_are_not_handed_over(watch: Watch) -> None:
    watch.until(lambda: watch.state.is_caught_up)
    watch.broker.put(b"theirs", user=b"somebody else")
    watch.broker.put(b"ours")
    watch.until(lambda: watch.got == [b"ours"])
    assert watch.state.records == 2


def test_a_new_partition_is_read_from_its_beginning(watch: Watch) -> None:
    watch.until(lambda: watch.state.is_caught_up)
    watch.broker.put(b"written before it was noticed", partition=1)
    watch.broker.partitions[TOPIC_PROGRESS] = 2
    watch.until(lambda: watch.got == [b"written before it was noticed"])
    assert watch.state.partitions == len(TOPICS) + 1
    watch.broker.put(b"old partition")
    watch.until(lambda: watch.got[1:] == [b"old partition"])


def test_a_missing_topic_means_not_ready() -> None:
    watch = Watch(Broker(partitions=dict.fromkeys(TOPICS[:-1], 1)))
    watch.consumer.start()
    try:
        watch.until(lambda: watch.state.is_connected)
        assert not watch.state.is_caught_up
        watch.broker.partitions = dict.fromkeys(TOPICS, 1)
        watch.until(lambda: watch.state.is_caught_up)
    finally:
        watch.consumer.stop()


def test_a_silent_broker_is_noticed_and_its_return_reported(watch: Watch) -> None:
    watch.until(lambda: watch.connects == 1)
    watch.broker.is_silent = True
    watch.until(lambda: not watch.state.is_connected)
    assert not watch.state.is_caught_up
    watch.broker.is_silent = False
    watch.until(lambda: watch.connects == 2 and watch.state.is_caught_up)


def test_after_a_long_silence_a_new_client_starts_from_the_bootstrap_servers(
    watch: Watch,
) -> None:
    watch.until(lambda: watch.state.is_caught_up)
    watch.broker.is_silent = True
    time.sleep(0.3)
    watch.broker.is_silent = False
    watch.until(lambda: watch.broker.connects == 2 and watch.state.is_caught_up)
    watch.broker.put(b"after")
    watch.until(lambda: watch.got == [b"after"])


def test_no_fault_ends_the_thread(watch: Watch) -> None:
    watch.until(lambda: watch.state.is_caught_up)
    watch.broker.logs[TopicPartition(TOPIC_PROGRESS, 0)] = None  # type: ignore[assignment]
    watch.until(lambda: not watch.state.is_connected)
    watch.broker.logs[TopicPartition(TOPIC_PROGRESS, 0)] = []
    watch.until(lambda: watch.state.is_caught_up)


def test_a_ring_is_filled_from_a_little_before_the_end() -> None:
    """Room for 10 records and five partitions: the last two of each."""
    watch = Watch(Broker(), ring=Ring(10))
    for number in range(6):
        watch.broker.put(b"%d" % number)
    watch.consumer.start()
    try:
        watch.until(lambda: watch.state.is_caught_up)
        assert watch.got == [b"4", b"5"]
        assert (len(watch.ring), watch.ring.floor) == (2, 1004)
    finally:
        watch.consumer.stop()


@contextmanager
def started(broker: Broker, *, room: int, wall: float) -> Iterator[Watch]:
    watch = Watch(broker, ring=Ring(room), wall=wall)
    watch.consumer.start()
    try:
        watch.until(lambda: watch.state.is_caught_up)
        yield watch
    finally:
        watch.consumer.stop()


def test_a_ring_is_filled_with_the_last_minute_however_the_load_is_spread() -> None:
    """All load in one partition; another was quiet for long and does not raise the floor."""
    broker = Broker()
    for number in range(200):
        broker.put(b"%d" % number)
    broker.put(b"long ago", topic=TOPICS[0])
    with started(broker, room=100, wall=1200) as watch:
        assert watch.got == [b"%d" % number for number in range(140, 200)]
        assert watch.ring.floor == 1140


def test_a_minute_that_does_not_fit_is_shortened_alike_in_all_partitions() -> None:
    broker = Broker(partitions=dict.fromkeys(TOPICS, 1) | {TOPIC_PROGRESS: 2})
    for number in range(200):
        broker.put(b"%d" % number)
        broker.put(b"%d" % number, partition=1)
    with started(broker, room=40, wall=1200) as watch:
        assert sorted(map(int, watch.got)) == sorted([*range(180, 200)] * 2)
        assert watch.ring.floor == 1180


def test_a_broker_that_knows_no_times_fills_the_ring_by_equal_shares() -> None:
    broker = Broker(knows_times=False)
    for number in range(200):
        broker.put(b"%d" % number)
    with started(broker, room=50, wall=1200) as watch:
        assert (len(watch.got), watch.ring.floor) == (10, 1190)


def test_a_log_that_never_rests_is_caught_up_with_all_the_same() -> None:
    with started(Broker(is_busy=True), room=10, wall=1200) as watch:
        watch.broker.is_silent = True
        watch.until(lambda: not watch.state.is_caught_up)
        watch.broker.is_silent = False
        watch.until(lambda: watch.state.is_caught_up)


def test_a_ring_that_began_with_the_log_hides_nothing() -> None:
    watch = Watch(Broker(), ring=Ring(100))
    watch.broker.put(b"first")
    watch.consumer.start()
    try:
        watch.until(lambda: watch.state.is_caught_up)
        assert watch.ring.floor == EVERYTHING
    finally:
        watch.consumer.stop()


def test_before_the_first_record_of_each_log_nothing_is_proven() -> None:
    ring = Ring(10)
    ring.restart({"a", "b"}, floor=EVERYTHING)
    ring.see_first("a", 5.0)
    assert ring.floor == NOTHING
    ring.see_first("b", 3.0)
    assert ring.floor == 5.0


def test_offsets_that_were_skipped_raise_the_ring_s_floor_and_have_streams_checked() -> None:
    watch = Watch(Broker(), ring=Ring(100))
    watch.consumer._expected = {TopicPartition(TOPIC_PROGRESS, 0): 7}
    watch.ring.restart(floor=EVERYTHING)
    record = SimpleNamespace(key=b"user", value=b"x", offset=9, timestamp=50_000, headers=())
    watch.consumer._take({TopicPartition(TOPIC_PROGRESS, 0): [record]})
    assert (watch.ring.floor, watch.connects) == (50, 1)


def test_a_new_client_begins_its_ring_anew() -> None:
    watch = Watch(Broker(), ring=Ring(100))
    watch.broker.put(b"old")
    watch.consumer.start()
    try:
        watch.until(lambda: watch.state.is_caught_up)
        watch.broker.is_silent = True
        time.sleep(0.3)
        watch.broker.logs.clear()
        watch.broker.is_silent = False
        watch.until(lambda: watch.broker.connects == 2 and watch.state.is_caught_up)
        assert len(watch.ring) == 0
    finally:
        watch.consumer.stop()


def test_what_relays_tell_is_no_event_and_is_read_from_its_end_on() -> None:
    watch = Watch(Broker(), ring=Ring(100))
    watch.broker.partitions[TOPIC_CONTROL] = 1
    watch.broker.put(b"told before", topic=TOPIC_CONTROL)
    watch.consumer.start()
    try:
        watch.until(lambda: watch.state.is_caught_up)
        watch.broker.put(b"told", topic=TOPIC_CONTROL)
        watch.until(lambda: watch.told == [b"told"])
        assert (watch.got, len(watch.ring)) == ([], 0)
        assert watch.state.partitions == len(TOPICS)
    finally:
        watch.consumer.stop()


def test_every_record_handed_over_is_logged_with_its_upgrade_and_its_trace(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "relay")
    watch.until(lambda: watch.state.is_caught_up)
    watch.broker.put(b"theirs", user=b"somebody else")
    watch.broker.put(b"mine")
    watch.until(lambda: watch.got == [b"mine"])
    (line,) = [record.__dict__ for record in caplog.records if record.message == "record"]
    assert line["upgrade_request_id"] == "upgrade-1"
    assert line["event_id"] == "upgrade-1:7"
    assert line["xray_trace_id"] == "1-67891233-abcdef012345678912345678"
