"""The limit per user across processes: any number of hubs, a log between them, a clock by hand."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from relay.census import BEAT_SECONDS, SETTLE_SECONDS, SILENT_SECONDS, USERS_PER_RECORD, Census
from relay.hub import Hub
from relay.stream import Limits, Stream
from tests.relay.test_no_lost_update import Sink

PER_USER = 3
LIMITS = Limits(total=10_000, per_user=PER_USER, heartbeat=15, lifetime=600)


class Process:
    """One relay, without sockets."""

    def __init__(self, name: str) -> None:
        self.hub = Hub(LIMITS, notice=lambda *_: b"", random=lambda: 0.5)
        self.census = Census(name, self.hub, per_user=PER_USER)
        self.is_alive = True
        self.is_cut_off = False

    def open(self, user: str, at: float) -> Stream:
        stream = Stream(Sink(), user_id=user, upgrade_id="u", expires_at=1e9, opened_at=at)
        self.hub.join(stream)
        self.hub.start(stream, position=0, status="", opening=b"x", frames=(), now=at)
        return stream


@dataclass
class Cluster:
    """Processes that hear each other's records a moment later."""

    processes: list[Process]
    now: float = 1000.0
    records: list[bytes] = field(default_factory=list)

    def pass_time(self, seconds: float) -> None:
        """In beats; who is dead neither tells nor hears."""
        for _ in range(round(seconds / BEAT_SECONDS)):
            self.now += BEAT_SECONDS
            told = [r for p in self._able() for r in p.census.beat(self.now)]
            self.records += told
            for process in self._able():
                for record in told:
                    process.census.hear(record, self.now)

    def _able(self) -> list[Process]:
        return [p for p in self.processes if p.is_alive and not p.is_cut_off]

    def open(self, process: int, user: str = "user") -> Stream:
        self.now += 0.001
        return self.processes[process].open(user, self.now)


SETTLED = SETTLE_SECONDS + 2 * BEAT_SECONDS


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster([Process("a"), Process("b"), Process("c")])
    cluster.pass_time(1)
    return cluster


def are_open(*streams: Stream) -> list[bool]:
    return [stream.is_open for stream in streams]


def test_the_limit_holds_across_processes_within_two_seconds(cluster: Cluster) -> None:
    first, second = cluster.open(0), cluster.open(0)
    cluster.pass_time(2)
    third, fourth = cluster.open(1), cluster.open(1)
    cluster.pass_time(2)
    assert are_open(first, second, third, fourth) == [False, True, True, True]
    assert cluster.processes[0].census.evicted == 1


def test_three_streams_anywhere_are_within_the_limit(cluster: Cluster) -> None:
    streams = [cluster.open(n) for n in range(3)]
    cluster.pass_time(30)
    assert are_open(*streams) == [True] * 3


def test_streams_that_have_ended_elsewhere_do_not_count(cluster: Cluster) -> None:
    old = cluster.open(0)
    for _ in range(10):
        passing = cluster.open(1)
        cluster.pass_time(SETTLED)
        cluster.processes[1].hub.leave(passing)
    cluster.pass_time(SETTLED)
    assert old.is_open


def test_the_streams_of_a_dead_process_do_not_count(cluster: Cluster) -> None:
    """Its tabs come back elsewhere at once: they must not count twice."""
    old = cluster.open(0)
    cluster.open(1), cluster.open(1)
    cluster.pass_time(SETTLED)
    cluster.processes[1].is_alive = False
    again = cluster.open(2), cluster.open(2)
    cluster.pass_time(10)
    assert are_open(old, *again) == [True] * 3


def test_a_process_that_could_not_be_heard_is_counted_when_it_is_back(cluster: Cluster) -> None:
    cluster.processes[1].is_cut_off = True
    cluster.pass_time(2 * SILENT_SECONDS)
    first, *rest = cluster.open(0), cluster.open(0), cluster.open(1), cluster.open(1)
    cluster.pass_time(5)
    assert first.is_open
    cluster.processes[1].is_cut_off = False
    cluster.pass_time(SETTLED + BEAT_SECONDS)
    assert are_open(first, *rest) == [False, True, True, True]


def test_a_process_that_starts_later_learns_what_there_is(cluster: Cluster) -> None:
    first, second = cluster.open(0), cluster.open(1)
    cluster.pass_time(60)
    cluster.processes.append(Process("d"))
    third, fourth = cluster.open(3), cluster.open(3)
    cluster.pass_time(SETTLED + BEAT_SECONDS)
    assert are_open(first, second, third, fourth) == [False, True, True, True]


def test_a_record_that_was_not_sent_is_made_up_for(cluster: Cluster) -> None:
    first, second = cluster.open(0), cluster.open(0)
    cluster.pass_time(SETTLED)
    third, fourth = cluster.open(1), cluster.open(1)
    lost = cluster.processes[1].census
    lost.beat(cluster.now)
    assert first.is_open
    lost.repeat()
    cluster.pass_time(SETTLED + BEAT_SECONDS)
    assert are_open(first, second, third, fourth) == [False, True, True, True]


def test_whoever_keeps_opening_does_not_put_the_judgement_off(cluster: Cluster) -> None:
    old = [cluster.open(0) for _ in range(3)]
    cluster.pass_time(SETTLED)
    for _ in range(12):
        cluster.open(1)
        cluster.pass_time(BEAT_SECONDS)
    assert are_open(*old) == [False] * 3


def test_a_process_alone_tells_nothing_but_that_it_is_there() -> None:
    cluster = Cluster([Process("a")])
    cluster.open(0)
    cluster.pass_time(5)
    assert set(cluster.records) == {b'{"process":"a","users":{}}'}


def test_many_users_are_told_in_several_records(cluster: Cluster) -> None:
    for number in range(2 * USERS_PER_RECORD + 1):
        cluster.processes[0].open(f"user-{number}", cluster.now)
    assert len(cluster.processes[0].census.beat(cluster.now)) == 3


def test_users_without_streams_here_are_not_kept(cluster: Cluster) -> None:
    mine = cluster.open(0, "mine")
    cluster.open(1, "mine"), cluster.open(1, "theirs")
    cluster.pass_time(SETTLED)
    census = cluster.processes[0].census
    assert set(census._lists) == {b"mine"}
    cluster.processes[0].hub.leave(mine)
    cluster.pass_time(SETTLED)
    assert not census._lists and not census._asked


BAD = (b"", b"{", b"[]", b'{"process":"x"}', b'{"process":"x","users":{"user":[1]}}', b"\xff")


@pytest.mark.parametrize("value", BAD)
def test_what_is_no_record_harms_nobody(cluster: Cluster, value: bytes) -> None:
    stream = cluster.open(0)
    cluster.processes[0].census.hear(value, cluster.now)
    assert (cluster.processes[0].census.bad_records, stream.is_open) == (1, True)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_the_newest_three_remain_once_it_is_quiet(seed: int) -> None:
    """Opening and leaving at random on three processes, two users."""
    chance = random.Random(seed)
    cluster = Cluster([Process(name) for name in "abc"])
    cluster.pass_time(1)
    everything: list[tuple[int, str, Stream]] = []
    steps: list[Callable[[], None]] = [
        lambda: everything.append(_opened(cluster, chance)),
        lambda: _leave_one(cluster, everything, chance),
        lambda: cluster.pass_time(BEAT_SECONDS),
    ]
    for _ in range(60):
        chance.choice(steps)()
    cluster.pass_time(5)
    for user in ("one", "two"):
        count = sum(s.is_open for _, name, s in everything if name == user)
        assert count <= PER_USER


def _opened(cluster: Cluster, chance: random.Random) -> tuple[int, str, Stream]:
    process, user = chance.randrange(3), chance.choice(["one", "two"])
    return process, user, cluster.open(process, user)


def _leave_one(
    cluster: Cluster, everything: list[tuple[int, str, Stream]], chance: random.Random
) -> None:
    still = [(process, s) for process, _, s in everything if s.is_open]
    if still:
        process, stream = chance.choice(still)
        cluster.processes[process].hub.leave(stream)
