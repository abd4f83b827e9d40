"""The relay's promise as a model that is explored to its end: one upgrade of three events, of which
the last is terminal and goes to a topic of its own; a table; a log of two partitions; the real
consumer, ring and hub of a process; a browser that comes back until it is answered 204.

What may happen at any moment: an event is committed, published (in order), read by the consumer
from either partition; the process is killed, and a new one finds its places and has its streams
checked; the browser's request joins the hub, looks (in the ring, else in the table), starts; its
connection is cut. The consumer is a thread: before and after its question who listens the loop
may take steps, so reading a record has variants with two of them there.

`explore` visits every state that can be reached and returns the schedule of the first one that
breaks the promise.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from kafka import TopicPartition

from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.messages import TOPIC_COMPLETED, TOPIC_PROGRESS, to_record
from relay.consumer import Consumer, RawRecord, SourceState
from relay.hub import Hub
from relay.replay import (
    History,
    frame_of,
    frame_of_record,
    recent_history,
    resume,
    snapshot_after,
)
from relay.ring import Ring
from relay.stream import Limits, Stream

LIMITS = Limits(total=10, per_user=3, heartbeat=15, lifetime=600)
USER, UPGRADE = "user", "01A"
TYPES = (EventType.BURN_PENDING, EventType.MINT_STARTED, EventType.UPGRADE_COMPLETED)
STATUSES = ("burn_pending", "mint_pending", "completed")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(minutes=10)
"""Between events; further than the ring's margin, so that it has something to prove."""
END = (BEGIN + 10 * APART).timestamp()
"""A floor beyond it, such as the machine's own time, is as good as any other."""
PROGRESS, COMPLETED = TopicPartition(TOPIC_PROGRESS, 0), TopicPartition(TOPIC_COMPLETED, 0)
PARTITIONS = (PROGRESS, COMPLETED)


def event(sequence: int) -> UpgradeEvent:
    return UpgradeEvent(
        upgrade_id=UPGRADE,
        sequence=sequence,
        type=TYPES[sequence - 1],
        occurred_at=BEGIN + sequence * APART,
        user_id=USER,
        nft_id="nft",
        current_level=1,
        target_level=2,
        status=STATUSES[sequence - 1],
        message="m",
        retry_count=0,
    )


EVENTS = tuple(event(n) for n in (1, 2, 3))
RECORDS = tuple(to_record(each) for each in EVENTS)
NEVER, BEFORE, AFTER = range(3)
"""When the event loop takes steps while a record is read."""
FRAMES = tuple(frame_of(each) for each in EVENTS)
LOGGED = tuple(
    SimpleNamespace(
        key=record.message_key,
        value=record.value,
        headers=(),
        offset=offset,
        timestamp=(each.occurred_at + timedelta(seconds=1)).timestamp() * 1000,
    )
    for record, each, offset in zip(RECORDS, EVENTS, (0, 1, 0), strict=True)
)
told = cache(frame_of_record)


@dataclass
class Client:
    """The log as a Kafka client shows it."""

    log: Mapping[TopicPartition, list[Any]]
    knows_times: bool
    places: dict[TopicPartition, int] = field(default_factory=dict)

    def beginning_offsets(self, partitions: Sequence[Any], timeout_ms: int) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions: Sequence[Any], timeout_ms: int) -> dict[Any, int]:
        return {p: len(self.log[p]) for p in partitions}

    def offsets_for_times(self, times: Mapping[Any, int], timeout_ms: int) -> dict[Any, Any]:
        return {p: self._since(p, milliseconds) for p, milliseconds in times.items()}

    def _since(self, partition: TopicPartition, milliseconds: int) -> Any:
        late = (r for r in self.log[partition] if self.knows_times and r.timestamp >= milliseconds)
        return next(late, None)

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.places = dict.fromkeys(partitions, -1)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.places[partition] = offset


@dataclass
class Sink:
    """An `Outlet` that keeps the numbers of the events it is sent."""

    numbers: list[int] = field(default_factory=list)
    is_over: bool = False

    def write(self, data: bytes) -> bool:
        lines = (line for line in data.splitlines() if line.startswith(b"id: "))
        self.numbers += [int(line.removeprefix(b"id: ")) for line in lines]
        return True

    def end(self, data: bytes) -> None:
        self.write(data)
        self.is_over = True

    def abort(self) -> None:
        self.is_over = True


class Process:
    """One process's life: what it knows is gone with it."""

    def __init__(self, world: "World", ring: Ring, consumer: type[Consumer]) -> None:
        self.hub = Hub(LIMITS, notice=lambda *_: b"", random=lambda: 0.5)
        self.ring = ring
        self.queue: list[Sequence[RawRecord]] = []
        """What the thread handed to the event loop."""
        self.checks_due = 0
        self.checking: int | None = None
        self.state = SourceState()
        self.client = Client(world.log, world.rules.knows_times)
        self.consumer = consumer(
            lambda: self.client,
            topic_prefix="",
            state=self.state,
            listens=world.listens,
            hand_over=self.queue.append,
            on_connect=self._connected,
            ring=ring,
            wall=world.rules.wall,
        )

    def _connected(self) -> None:
        self.checks_due += 1

    @property
    def is_placed(self) -> bool:
        return bool(self.client.places)


@dataclass(frozen=True)
class Rules:
    """What the exploration varies: the size of things, and what is done wrongly."""

    kills: int = 0
    cuts: int = 0
    capacity: int = 100
    ring: type[Ring] = Ring
    consumer: type[Consumer] = Consumer
    connection: tuple[str, ...] = ("join", "look", "start")
    checks_streams: bool = True
    knows_times: bool = False
    """Whether the broker can say where a time begins."""
    wall: Callable[[], float] = time.time


class World:
    """One state; `steps` are what may happen next, `take` makes one happen."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.committed, self.published = 1, 0
        self.log: dict[TopicPartition, list[Any]] = {p: [] for p in PARTITIONS}
        self.publish()
        self.kills, self.cuts = rules.kills, rules.cuts
        self.interrupt = NEVER
        self.seen: list[int] = []
        self.is_answered_204 = False
        self.sink: Sink | None = None
        self.stream: Stream | None = None
        self.history: History | None = None
        self.done = 0
        self._new_process()

    def _new_process(self) -> None:
        self.process = Process(self, self.rules.ring(self.rules.capacity), self.rules.consumer)

    # --- what may happen ------------------------------------------------------------------------

    def steps(self) -> Iterator[str]:
        process = self.process
        if self.committed < len(EVENTS):
            yield "commit"
        if self.published < self.committed:
            yield "publish"
        if not process.is_placed:
            yield "find_places"
        else:
            if not process.state.is_connected:
                yield "connect"
            yield from self._reads()
        yield from self._loop_steps()
        if self.kills:
            yield "kill"
        if self.cuts and self.stream is not None:
            yield "cut"

    def _reads(self) -> Iterator[str]:
        waiting = [p for p in PARTITIONS if self.process.client.places[p] < len(self.log[p])]
        for partition in waiting:
            for when in (NEVER, BEFORE, AFTER):
                yield f"read {PARTITIONS.index(partition)} {when}"

    def _loop_steps(self) -> Iterator[str]:
        """In the event loop, in the order in which an interrupt takes the first of them."""
        process = self.process
        if process.queue:
            yield "deliver"
        if process.checking is not None:
            yield "fill"
        elif process.checks_due:
            yield "check"
        if not self.is_answered_204 and (self.sink is None or self.done < 3):
            yield "request"

    def take(self, step: str) -> None:
        name, *numbers = step.split()
        getattr(self, name)(*map(int, numbers))
        self._collect()

    def _collect(self) -> None:
        if self.sink is None:
            return
        self.seen += [n for n in self.sink.numbers if n > 0]
        self.sink.numbers = []
        if self.sink.is_over:
            self._gone()

    def _gone(self) -> None:
        if self.stream is not None:
            self.process.hub.leave(self.stream)
        self.sink = self.stream = self.history = None
        self.done = 0

    # --- writers and Kafka ----------------------------------------------------------------------

    def commit(self) -> None:
        self.committed += 1

    def publish(self) -> None:
        partition = COMPLETED if RECORDS[self.published].topic == TOPIC_COMPLETED else PROGRESS
        self.log[partition].append(LOGGED[self.published])
        self.published += 1

    # --- the consumer's thread ------------------------------------------------------------------

    def find_places(self) -> None:
        process = self.process
        process.consumer._move(process.client, frozenset(PARTITIONS))

    def connect(self) -> None:
        self.process.consumer._found(is_through=True)

    def read(self, which: int, when: int) -> None:
        partition, client = PARTITIONS[which], self.process.client
        place = client.places[partition]
        client.places[partition] += 1
        self.interrupt = when
        self.process.consumer._take({partition: [self.log[partition][place]]})

    def listens(self, message_key: bytes | None) -> bool:
        """The thread's question who listens."""
        self._interrupt(BEFORE)
        is_listening = self.process.hub.listens(message_key)
        self._interrupt(AFTER)
        return is_listening

    def _interrupt(self, when: int) -> None:
        for _ in range(2 if self.interrupt == when else 0):
            step = next(self._loop_steps(), None)
            if step is not None:
                self.take(step)

    # --- the event loop -------------------------------------------------------------------------

    def deliver(self) -> None:
        for message_key, value in self.process.queue.pop(0):
            if self.process.hub.listens(message_key):
                self._fill_gap(self.process.hub.deliver(*told(value)))

    def _fill_gap(self, has_gap: bool) -> None:
        self.process.checks_due += has_gap

    def check(self) -> None:
        self.process.checks_due -= 1
        self.process.checking = self.committed if self.rules.checks_streams else 0

    def fill(self) -> None:
        frames = FRAMES[: self.process.checking]
        self.process.checking = None
        self.process.hub.fill(UPGRADE, frames)

    def request(self) -> None:
        """The next step of the browser's request."""
        self.sink = self.sink or Sink()
        step = self.rules.connection[self.done]
        self.done += 1
        getattr(self, step)()

    def join(self) -> None:
        assert self.sink is not None
        self.stream = Stream(self.sink, user_id=USER, upgrade_id=UPGRADE, expires_at=1e9)
        self.process.hub.join(self.stream)

    def look(self) -> None:
        recent = None
        if self.process.state.is_connected:
            recent = recent_history(self.process.ring, USER, UPGRADE, self.last_id)
        self.history = recent or self._table(after=self.last_id)

    def _table(self, *, after: int) -> History:
        events = EVENTS[: self.committed]
        return History(snapshot_after(events[-1]) if events else None, events[after:])

    def start(self) -> None:
        assert self.stream is not None and self.history is not None
        snapshot = self.history.snapshot
        if snapshot is None:
            self._gone()
            return
        begin = resume(self.last_id, snapshot)
        if begin.is_over:
            self.is_answered_204 = True
            self._gone()
            return
        history = self.history
        if not history.reaches(begin.position):
            history = self._table(after=begin.position)
        self.process.hub.start(
            self.stream,
            position=begin.position,
            status=snapshot.status,
            opening=b"id: 0\n\n",
            frames=[FRAMES[each.sequence - 1] for each in history.events],
            now=0.0,
        )

    @property
    def last_id(self) -> int:
        return self.seen[-1] if self.seen else 0

    # --- what goes wrong ------------------------------------------------------------------------

    def kill(self) -> None:
        self.kills -= 1
        self._gone()
        self._new_process()

    def cut(self) -> None:
        self.cuts -= 1
        self._gone()

    # --- the promise ----------------------------------------------------------------------------

    def fault(self) -> str | None:
        """Events out of order, doubled or skipped at any moment; a browser that was told to stop
        before the end; or, when nothing more happens, one that never saw it."""
        if self.seen != list(range(1, len(self.seen) + 1)):
            return f"saw {self.seen}"
        if self.is_answered_204 and len(self.seen) < len(EVENTS):
            return f"stopped after {self.seen}"
        is_over = not any(step not in ("kill", "cut") for step in self.steps())
        if is_over and not self.is_answered_204:
            return f"waits for ever after {self.seen}"
        return None

    def fingerprint(self) -> tuple[object, ...]:
        """Equal for states that go on alike."""
        process, stream, history = self.process, self.stream, self.history
        last = history.events[-1].sequence if history and history.events else 0
        of_stream = (stream.sequence, tuple(f.sequence for f in stream.waiting)) if stream else None
        return (
            (self.committed, self.published, self.kills, self.cuts, self.is_answered_204),
            (tuple(self.seen), self.done, of_stream, history is not None and last),
            tuple(sorted(process.client.places.items())),
            (process.state.is_connected, process.checks_due, process.checking),
            tuple(tuple(value for _, value in batch) for batch in process.queue),
            (tuple(process.ring._by_user.get(USER.encode(), ())), min(process.ring.floor, END)),
        )


def explore(rules: Rules) -> tuple[int, list[str] | None]:
    """How many states there are, and the schedule of a broken promise with its fault at the end."""
    first = World(rules)
    known = {first.fingerprint()}
    open_ends: deque[tuple[str, ...]] = deque((step,) for step in first.steps())
    while open_ends:
        schedule = open_ends.popleft()
        world = _replayed(rules, schedule)
        fault = world.fault()
        if fault:
            return len(known), [*schedule, fault]
        mark = world.fingerprint()
        if mark not in known:
            known.add(mark)
            open_ends += ((*schedule, step) for step in world.steps())
    return len(known), None


def _replayed(rules: Rules, schedule: Sequence[str]) -> World:
    world = World(rules)
    for step in schedule:
        world.take(step)
    return world
