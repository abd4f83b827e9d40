"""Several relay processes at one address, and several relays: real processes and Kafka protocol."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from relay.processes import Processes
from tests.fixtures.kafka import KafkaEndpoint
from tests.relay.harness import Story
from tests.relay.killable import Killable, lent
from tests.relay.test_faults import Scene, relay_for, stream_of, wait_until
from tests.sse import Cut, SseResponse, request


@pytest.fixture
def scene(kafka: KafkaEndpoint) -> Iterator[Scene]:
    scene = Scene(kafka)
    yield scene
    scene.close()


def metric(url: str, name: str) -> int:
    """Of whichever process answers."""
    with request(f"{url}/metrics") as answer:
        for line in answer.body().decode().splitlines():
            if line.startswith(f"relay_{name} "):
                return int(line.rsplit(" ", 1)[1])
    raise AssertionError(name)


def pids(url: str, count: int) -> set[int]:
    """The processes that answer; a new connection meets any of them."""
    found: set[int] = set()

    def has_all() -> bool:
        # A connection may land in the queue of a process that was just killed.
        with suppress(Cut, OSError):
            found.add(metric(url, "process"))
        return len(found) >= count

    wait_until(has_all)
    return found


def children(of: Killable) -> set[int]:
    pid = of.part.process.pid
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def is_evicted(stream: SseResponse) -> bool:
    """Whether its next message says so."""
    message = stream.next(4.0)
    return message is not None and message.json["type"] == "evicted"


def test_processes_share_a_port_are_replaced_and_stop_together(scene: Scene) -> None:
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, scene.kafka, RELAY_PROCESSES="2")
        try:
            first = pids(relay.url, 2)
            assert first == children(relay)
            os.kill(min(first), signal.SIGKILL)
            wait_until(lambda: len(children(relay) - first) == 1)
            assert pids(relay.url, 2) == children(relay)
        finally:
            assert relay.stop() == 0, relay.part.output


def test_a_process_that_never_serves_stops_all() -> None:
    def work(ready: Callable[[], None]) -> None:
        raise OSError("cannot")

    pid = os.fork()
    if pid == 0:
        os._exit(Processes(2, work).run(lambda: None))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def test_when_the_parent_is_killed_nobody_is_left(scene: Scene) -> None:
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, scene.kafka, RELAY_PROCESSES="2")
        young = children(relay)
        relay.part.process.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in young))
        relay.stop()


def test_the_limit_per_user_holds_across_relays(scene: Scene) -> None:
    with lent(scene.table) as table_port:
        relays = [relay_for(table_port, scene.kafka) for _ in range(2)]
        try:
            wait_until(lambda: all(metric(each.url, "other_processes") == 1 for each in relays))
            story = Story(scene, "01CENSUS", "user-census")
            streams = []
            for relay in (relays[0], relays[0], relays[1], relays[1]):
                streams.append(stream_of(relay.url, story))
                streams[-1].take(2)
            assert is_evicted(streams[0])
            with stream_of(relays[1].url, story, last_id=streams[0].parser.last_id) as answer:
                assert answer.status == 204
            assert [metric(each.url, "streams") for each in relays] == [1, 2]
            for stream in streams:
                stream.close()
        finally:
            for relay in relays:
                relay.stop()
