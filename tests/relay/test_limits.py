"""How many, how long, how slow: limits that end streams, and the reconnects they must not cause."""

import socket
import threading
import time
from urllib.parse import quote

import pytest

from tests.relay.harness import STRANGER, Story, World, bearer
from tests.relay.test_http import is_closed
from tests.relay.test_streams import eventually, sequences
from tests.sse import Cut, EventSource, SseResponse, connect, request


def test_the_fourth_stream_of_a_user_ends_the_oldest(world: World) -> None:
    Story(world)
    tabs = [world.open() for _ in range(4)]
    for tab in tabs:
        tab.take(2)
    last = list(tabs[0].messages())
    assert [m.json["type"] for m in last] == ["evicted"]
    assert last[0].id == "evicted.1"
    assert world.figure("streams") == 3
    close(tabs)


def close(streams: list[SseResponse]) -> None:
    for stream in streams:
        stream.close()


def test_an_evicted_stream_s_reconnect_is_told_to_stay_away(world: World) -> None:
    Story(world)
    with world.open(last_id="evicted.1") as answer:
        assert answer.status == 204


@pytest.mark.parametrize("last_id", ["evicted.", "evicted.x", "evicted.1.1", "evicted.\u0661"])
def test_an_id_that_only_looks_evicted_starts_over(world: World, last_id: str) -> None:
    Story(world)
    with world.open(query=f"?lastEventId={quote(last_id)}") as stream:
        assert [m.json["type"] for m in stream.take(2)] == ["connection_established", "reset"]


def test_four_tabs_come_to_rest(world: World) -> None:
    """Without the mark the evicted tab would evict the next one, for ever."""
    story = Story(world)
    url = f"{world.url}/api/nft/upgrade/01UPGRADE/events"
    tabs = [EventSource(url, headers=bearer(), patience=0) for _ in range(4)]
    seen: list[list[str]] = [[] for _ in tabs]

    def watch(number: int) -> None:
        for message in tabs[number]:
            seen[number].append(message.json["type"])

    threads = []
    for number in range(4):
        threads.append(threading.Thread(target=watch, args=(number,), daemon=True))
        threads[-1].start()
        eventually(lambda number=number: "upgrade_initiated" in seen[number])
    eventually(lambda: tabs[0].final_status == 204)
    time.sleep(0.3)
    assert [tab.connects for tab in tabs] == [2, 1, 1, 1]
    story.complete()
    for thread in threads:
        thread.join(10)
    assert ["upgrade_completed" in types for types in seen] == [False, True, True, True]


def test_users_do_not_evict_each_other(world: World) -> None:
    Story(world, "01MINE")
    Story(world, "01OTHER", STRANGER)
    tabs = [world.open("01MINE") for _ in range(3)]
    other = world.open("01OTHER", headers=bearer(STRANGER))
    other.take(2)
    assert world.figure("streams") == 4
    close([*tabs, other])


def test_a_request_that_is_refused_evicts_nobody(world: World) -> None:
    Story(world)
    tabs = [world.open() for _ in range(3)]
    assert world.open("01UNKNOWN").status == 404
    assert world.figure("streams") == 3
    close(tabs)


def test_a_full_process_ends_the_oldest_and_bids_it_wait() -> None:
    with World(relay_max_streams=2) as world:
        users = [f"user-{number}" for number in range(3)]
        streams = []
        for user in users:
            Story(world, f"01{user}", user)
            streams.append(world.open(f"01{user}", headers=bearer(user)))
            streams[-1].take(2)
        assert list(streams[0].messages()) == []
        assert streams[0].parser.retry is not None
        assert streams[0].parser.retry >= 10_000
        assert world.figure("streams") == 2
        close(streams)


def test_a_slow_consumer_is_cut_and_resumes_without_loss() -> None:
    with World(relay_send_buffer_bytes=20_000) as world:
        story = Story(world)
        slow = _slow_stream(world)
        with world.open() as quick:
            quick.take(2)
            for _ in range(40):
                story.steps(25)
                quick.take(25)
        assert _count_ended(world, "slow") == 1
        got = _read_until_cut(slow)
        with world.open(last_id=slow.parser.last_id) as again:
            rest = sequences(again.take(story.upgrade.version - len(got) + 1))[1:]
    assert got + rest == list(range(1, story.upgrade.version + 1))
    assert rest


def _slow_stream(world: World) -> SseResponse:
    """One whose kernel buffer is as small as can be and that does not read."""
    stream = request(
        f"{world.url}/api/nft/upgrade/01UPGRADE/events",
        headers=bearer(),
        sock=connect(world.url, receive_buffer=4096),
    )
    stream.take(2)
    return stream


def _count_ended(world: World, reason: str) -> int:
    with world.get("/metrics") as answer:
        for line in answer.body().decode().splitlines():
            if line.startswith(f'relay_streams_ended_total{{reason="{reason}"}}'):
                return int(line.rsplit(" ", 1)[1])
    return 0


def _read_until_cut(stream: SseResponse) -> list[int]:
    got = [1]
    with pytest.raises(Cut):
        for message in stream.messages():
            got.append(message.json["sequence"])
    return got


def test_a_reader_that_stops_reading_is_let_go_at_the_end_of_its_stream() -> None:
    """A close that waits for its flush must not wait for ever, nor for the kernel's 12 s here."""
    with World(relay_heartbeat_seconds=6.0, relay_stream_seconds=2.0) as world:
        story = Story(world)
        _slow_stream(world)
        while not _unsent(world):
            story.steps(5)
            time.sleep(0.002)
        assert world.figure("streams") == 1
        eventually(lambda: world.figure("connections") <= 1, seconds=9)


def _unsent(world: World) -> int:
    """Bytes that the kernel did not take."""
    assert world.relay is not None
    transports = [c._to for c in list(world.relay._connections)]
    return sum(transport.get_write_buffer_size() for transport in transports if transport)


def test_connections_and_streams_leave_nothing_behind(world: World) -> None:
    Story(world)
    for number in range(300):
        if number % 3 == 0:
            connect(world.url).close()
        elif number % 3 == 1:
            world.open().close()
        else:
            with world.open() as stream:
                stream.take(1)
    eventually(lambda: world.figure("connections") == 1)
    relay = world.relay
    assert relay is not None
    assert (len(relay.hub), relay.hub.upgrade_ids()) == (0, [])
    assert not relay.hub._by_user


def test_a_drain_ends_streams_with_retries_of_their_own_and_accepts_nothing_more() -> None:
    with World() as world:
        streams = []
        for number in range(20):
            Story(world, f"01U{number}", f"user-{number}")
            streams.append(world.open(f"01U{number}", headers=bearer(f"user-{number}")))
            streams[-1].take(2)
        idle = connect(world.url)
        began = time.monotonic()
        world.stop()
        assert time.monotonic() - began < 2
        for stream in streams:
            assert list(stream.messages()) == []
            assert len(stream.parser.retries) == 2
            assert 500 <= stream.parser.retries[1] <= 5000
        assert idle.recv(1) == b""
        with pytest.raises(OSError):
            connect(world.url)


def test_a_drain_does_not_wait_for_a_head_that_does_not_come_to_its_end() -> None:
    with World(relay_drain_seconds=10.0, relay_head_seconds=30.0) as world:
        sock = connect(world.url)
        sock.sendall(b"GET /healthz HTTP/1.1\r\n")
        eventually(lambda: world.figure("connections") == 2)
        began = time.monotonic()
        world.stop()
        assert time.monotonic() - began < 5
        assert sock.recv(1) == b""


def full_of(world: World, count: int, said: bytes = b"") -> list[socket.socket]:
    """A process that `count` connections fill."""
    assert world.relay is not None
    world.relay.most_connections = count
    socks = [connect(world.url) for _ in range(count)]
    for sock in socks:
        sock.sendall(said)
    return socks


def test_a_full_process_tells_its_health_and_lets_go_of_who_was_silent_longest(
    world: World,
) -> None:
    silent = full_of(world, 3)
    with world.get("/healthz") as answer:
        assert answer.status == 200
    assert is_closed(silent[0])
    silent[1].settimeout(0.1)
    with pytest.raises(TimeoutError):
        silent[1].recv(1)
    for sock in silent:
        sock.close()


def test_a_full_process_without_a_silent_connection_opens_no_stream(world: World) -> None:
    Story(world)
    busy = full_of(world, 3, b"GET / HTTP/1.1\r\n")
    eventually(lambda: world.figure("connections") == 4)
    with world.open() as answer:
        assert answer.status == 200
        assert list(answer.messages()) == []
        assert answer.parser.retry is not None
    with world.get("/healthz") as answer:
        assert answer.status == 200
    for sock in busy:
        sock.close()
    eventually(lambda: world.figure("connections") == 1)
    world.open().take(2)


def test_a_request_during_a_drain_is_told_to_come_back() -> None:
    with World() as world:
        Story(world)
        assert world.relay is not None
        world.relay.door.is_draining = True
        with world.open() as answer:
            assert answer.status == 200
            assert list(answer.messages()) == []
            assert answer.parser.retry is not None
        with world.get("/readyz") as answer:
            assert answer.status == 503
