"""Kills, floods and connects by the thousand. Small enough for every run by default; RELAY_KILLS,
RELAY_CROWD and RELAY_CONNECTS make the long run (docs/operations.md)."""

import gc
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import Part
from nft_upgrade.domain.upgrade import TERMINAL
from relay.connection import Connection
from relay.stream import Stream
from relay.wire import RequestReader
from tests.fixtures.kafka import KafkaEndpoint
from tests.relay.crowd import Crowd
from tests.relay.harness import Story, World, bearer
from tests.relay.killable import lent
from tests.relay.test_faults import (
    Scene,
    is_ready,
    numbers,
    relay_for,
    stream_of,
    streams_of,
    wait_until,
)
from tests.relay.test_processes import children, pids
from tests.sse import connect, read_response, request

KILLS = int(os.environ.get("RELAY_KILLS", "20"))
CROWD = int(os.environ.get("RELAY_CROWD", "100"))
CONNECTS = int(os.environ.get("RELAY_CONNECTS", "4000"))


@pytest.fixture
def scene(kafka: KafkaEndpoint) -> Iterator[Scene]:
    scene = Scene(kafka)
    yield scene
    scene.close()


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * KILLS)
def test_random_kills_under_load_lose_double_and_reorder_nothing(scene: Scene) -> None:
    """Each kill takes one of two processes, with about half of the streams."""
    chance = random.Random(9)
    stories = [Story(scene, f"01STORM{n}", f"user-storm-{n}") for n in range(CROWD)]
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, scene.kafka, RELAY_PROCESSES="2")
        crowd = Crowd(relay.url, stories)
        watching = threading.Thread(target=crowd.run, args=(100 + 8 * KILLS,), daemon=True)
        watching.start()
        try:
            wait_until(lambda: crowd.live == CROWD, 30)
            for _ in range(KILLS):
                wait_until(lambda: len(children(relay)) == 2)
                assert pids(relay.url, 2) == children(relay)
                for _ in range(20):
                    chance.choice(stories).step()
                os.kill(chance.choice(sorted(children(relay))), signal.SIGKILL)
                time.sleep(chance.random() / 2)
            finish(stories)
            watching.join(60)
        finally:
            relay.stop()
    assert not dict(crowd.faults())
    assert sum(tab.connects for tab in crowd.tabs) > CROWD * (1 + KILLS / 10)


def finish(stories: list[Story]) -> None:
    """Every story comes to its end."""
    for story in stories:
        if story.upgrade.status not in TERMINAL:
            story.complete()


@pytest.mark.slow
def test_a_broker_that_stalls_makes_streams_late_never_wrong() -> None:
    """It accepts and says nothing: no error tells."""
    broker = Part("local.kafka", "--port", "0")
    endpoint = KafkaEndpoint(broker.wait(), "2.0")
    scene = Scene(endpoint)
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, endpoint)
        try:
            wait_until(lambda: is_ready(relay.url))
            story = Story(scene, "01STALL", "user-stall")
            with stream_of(relay.url, story) as stream:
                assert numbers(stream.take(2)) == [1]
                broker.process.send_signal(signal.SIGSTOP)
                story.steps(2, publish=False)
                assert numbers(stream.take(2, seconds=15)) == [2, 3]
                broker.process.send_signal(signal.SIGCONT)
                wait_until(lambda: is_ready(relay.url), 30)
                story.step()
                assert numbers(stream.take(1)) == [4]
        finally:
            broker.process.send_signal(signal.SIGCONT)
            relay.stop()
            scene.close()
            broker.stop()


def test_a_flood_of_endless_headers_harms_nobody_else(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        floods = [connect(world.url) for _ in range(100)]
        for sock in floods:
            sock.sendall(b"GET / HTTP/1.1\r\n" + b"X-Flood: " + b"a" * 17_000)
        story.step()
        assert numbers(stream.take(1)) == [2]
        assert {read_response(sock).status for sock in floods} == {431}


def test_half_open_clients_hold_no_more_than_the_time_for_a_head() -> None:
    with World(relay_head_seconds=3.0) as world:
        halves = [connect(world.url) for _ in range(100)]
        for sock in halves:
            sock.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert world.figure("connections") >= 100
        time.sleep(4)
        assert world.figure("connections") == 1


@pytest.mark.slow
@pytest.mark.timeout(60 + CONNECTS / 20)
def test_connects_in_a_row_leak_neither_memory_nor_descriptors(scene: Scene) -> None:
    """Streams that are left, requests that are answered, connections that say nothing."""
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, scene.kafka)
        story = Story(scene, "01LEAK", "user-leak")
        pid = relay.part.process.pid
        try:
            come_and_go(relay.url, story, 1000)
            before = descriptors(pid), resident_kib(pid)
            come_and_go(relay.url, story, CONNECTS)
            wait_until(lambda: streams_of(relay.url) == 0)
            after = descriptors(pid), resident_kib(pid)
        finally:
            relay.stop()
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 8192


def come_and_go(url: str, story: Story, count: int) -> None:
    path = f"/api/nft/upgrade/{story.upgrade.id}/events"
    headers = bearer(story.upgrade.user_id)
    for number in range(count):
        if number % 10 == 0:
            request(url + path, headers=headers).close()
        elif number % 10 == 5:
            connect(url).close()
        else:
            with request(f"{url}/healthz", headers={"Connection": "close"}) as answer:
                assert answer.status == 200


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(pid)


def test_nothing_that_came_and_went_waits_for_the_garbage_collector(world: World) -> None:
    """It is told to look for cycles rarely (relay/app.py), so connections must leave none."""
    story = Story(world)
    come_and_go(world.url, story, 1)
    gc.collect()
    gc.disable()
    try:
        come_and_go(world.url, story, 20)
        for answer in (
            world.get("/nowhere"),
            world.open(headers={}),
            world.open(last_id="nonsense"),
        ):
            answer.close()
        with connect(world.url) as sock:
            sock.sendall(b"GARBAGE\r\n\r\n")
            assert read_response(sock).status == 400
        wait_until(lambda: world.figure("connections") == 1)
        wait_until(lambda: not any(left_behind(kind) for kind in (Stream, Connection)))
        assert not left_behind(RequestReader)
    finally:
        gc.enable()


def left_behind(kind: type) -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, kind)]


def test_a_listener_that_is_gone_without_a_word_is_found_by_the_heartbeat() -> None:
    """A reset tells at the next write; TCP_USER_TIMEOUT ends what never answers (test_http)."""
    with World(relay_heartbeat_seconds=0.5) as world:
        Story(world)
        stream = world.open()
        stream.take(2)
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        stream._wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        stream.close()
        wait_until(lambda: world.figure("streams") == 0, 3)
