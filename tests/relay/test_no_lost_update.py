"""No update is lost or doubled on connect, whatever happens in between: every interleaving of three
upgrade steps with one or two connections is played through the real hub.

An event is committed to the table, later published, later delivered (to a stream that is joined, or
to nobody). A connection joins, reads the table, starts; or, in the wrong order, reads first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from relay.hub import Hub
from relay.stream import Frame, Limits, Stream

EVENTS = 3
LIMITS = Limits(total=10, per_user=3, heartbeat=15, lifetime=600)


@dataclass
class Sink:
    """An `Outlet` that keeps what it is sent."""

    data: bytes = b""
    is_ended: bool = False

    def write(self, data: bytes) -> bool:
        self.data += data
        return True

    def end(self, data: bytes) -> None:
        self.data += data
        self.is_ended = True

    def abort(self) -> None:
        self.is_ended = True


def frame(sequence: int) -> Frame:
    return Frame(sequence, "", b"%d " % sequence, is_last=False)


@dataclass
class Model:
    """The table, the log, one hub, one client that keeps what it saw over its connections."""

    hub: Hub = field(default_factory=lambda: Hub(LIMITS, notice=lambda *_: b"", random=lambda: 0.5))
    committed: int = 0
    published: int = 0
    delivered: int = 0
    snapshot: int = 0
    seen: list[int] = field(default_factory=list)
    sink: Sink | None = None
    stream: Stream | None = None

    def commit(self) -> None:
        self.committed += 1

    def publish(self) -> None:
        self.published += 1

    def deliver(self) -> None:
        self.delivered += 1
        if self.hub.deliver("upgrade", frame(self.delivered)):
            self.recheck()

    def skip(self) -> None:
        """The record is lost to this process: its consumer began behind it."""
        self.delivered += 1

    def join(self) -> None:
        self.sink = Sink()
        self.stream = Stream(self.sink, user_id="user", upgrade_id="upgrade", expires_at=1e9)
        self.hub.join(self.stream)

    def read(self) -> None:
        self.snapshot = self.committed

    def start(self) -> None:
        assert self.stream is not None
        position = self.seen[-1] if self.seen else 0
        self.hub.start(
            self.stream,
            position=position,
            status="",
            opening=b"",
            frames=[frame(n) for n in range(position + 1, self.snapshot + 1)],
            now=0.0,
        )

    def cut(self) -> None:
        """The connection, or the whole process, dies."""
        self.collect()
        if self.stream is not None:
            self.hub.leave(self.stream)
        self.sink = self.stream = None

    def recheck(self) -> None:
        self.hub.fill("upgrade", [frame(n) for n in range(1, self.committed + 1)])

    def collect(self) -> list[int]:
        if self.sink is not None:
            self.seen += [int(part) for part in self.sink.data.split()]
            self.sink.data = b""
        return self.seen


RIGHT = ("join", "read", "start")
WRONG = ("read", "join", "start")


def interleavings(
    connection: Sequence[str],
    counts: tuple[int, int, int] = (0, 0, 0),
    done: int = 0,
    *,
    events: int = EVENTS,
) -> Iterator[tuple[str, ...]]:
    """Every order in which commits, publications and deliveries (each event in that order, events
    in order) and the connection's steps can happen."""
    commits, publishes, delivers = counts
    if delivers == events and done == len(connection):
        yield ()
        return
    if commits < events:
        yield from _after("commit", connection, (commits + 1, publishes, delivers), done, events)
    if publishes < commits:
        yield from _after("publish", connection, (commits, publishes + 1, delivers), done, events)
    if delivers < publishes:
        yield from _after("deliver", connection, (commits, publishes, delivers + 1), done, events)
    if done < len(connection):
        yield from _after(connection[done], connection, counts, done + 1, events)


def _after(
    step: str, connection: Sequence[str], counts: tuple[int, int, int], done: int, events: int
) -> Iterator[tuple[str, ...]]:
    for rest in interleavings(connection, counts, done, events=events):
        yield (step, *rest)


def play(schedule: Sequence[str], *, lost: int = 0) -> Model:
    """`lost`: the number of the record that never arrives; 0: none."""
    model = Model()
    for step in schedule:
        is_lost = step == "deliver" and model.delivered + 1 == lost
        getattr(model, "skip" if is_lost else step)()
    return model


def test_in_the_right_order_every_event_arrives_exactly_once() -> None:
    schedules = list(interleavings(RIGHT))
    assert len(schedules) == 9240
    for schedule in schedules:
        assert play(schedule).collect() == [1, 2, 3], schedule


def test_reading_before_joining_loses_an_event() -> None:
    """The model can fail: with the wrong order some schedule ends without the last event."""
    losing = [s for s in interleavings(WRONG) if play(s).collect() != [1, 2, 3]]
    assert ("commit", "publish", "deliver") * 3 not in losing
    assert losing


def test_over_a_cut_and_a_reconnect_every_event_arrives_exactly_once() -> None:
    connection = ("join", "read", "start", "cut", *RIGHT)
    schedules = list(interleavings(connection, events=2))
    assert len(schedules) == 8580
    for schedule in schedules:
        assert play(schedule).collect() == [1, 2], schedule


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_record_that_never_arrives_is_found_at_the_next_look(lost: int) -> None:
    for schedule in interleavings(RIGHT):
        model = play(schedule, lost=lost)
        model.recheck()
        assert model.collect() == [1, 2, 3], schedule


def test_a_record_that_never_arrives_shows_as_a_gap_not_as_a_jump() -> None:
    for schedule in interleavings(RIGHT):
        seen = play(schedule, lost=2).collect()
        assert seen == list(range(1, len(seen) + 1)), schedule
