"""HTTP/1.1 as the relay speaks it: little, strictly, and to the end."""

import socket
import time

import pytest

from tests.relay.harness import Story, World, bearer
from tests.sse import Cut, connect, read_response, request

EVENTS = "/api/nft/upgrade/01UPGRADE/events"


def raw(world: World, data: bytes) -> socket.socket:
    sock = connect(world.url)
    sock.sendall(data)
    return sock


def status_of(world: World, data: bytes) -> int:
    with read_response(raw(world, data)) as answer:
        return answer.status


def is_closed(sock: socket.socket, seconds: float = 3.0) -> bool:
    sock.settimeout(seconds)
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(world: World, method: str) -> None:
    with request(world.url + EVENTS, method=method, headers=bearer()) as answer:
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/api/nft/upgrade//events", "/api/nft/upgrade/a/b/events"])
def test_other_paths_are_not_found(world: World, path: str) -> None:
    with world.get(path) as answer:
        assert answer.status == 404


def test_head_answers_like_get_without_a_body(world: World) -> None:
    Story(world)
    with world.open(method="HEAD") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "content-length" not in answer.headers
    assert world.figure("streams") == 0


def test_the_absolute_form_of_a_target_is_accepted(world: World) -> None:
    for target in (b"http://x/healthz", b"HTTPS://x:1/healthz?a=1"):
        assert status_of(world, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n") == 200
    assert status_of(world, b"GET /a/http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n") == 404


@pytest.mark.parametrize("size", [5, 100_000])
def test_a_method_that_is_refused_is_so_with_a_body_of_any_size(world: World, size: int) -> None:
    head = b"POST " + EVENTS.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    assert status_of(world, head + b"x" * size) == 405


def test_a_connection_is_used_again_after_an_answer(world: World) -> None:
    with connect(world.url) as sock:
        for _ in range(3):
            answer = request(f"{world.url}/healthz", sock=sock)
            assert (answer.status, bool(answer.body())) == (200, True)


def test_a_refused_stream_leaves_the_connection_usable(world: World) -> None:
    Story(world)
    with connect(world.url) as sock:
        refused = request(world.url + EVENTS, sock=sock)
        assert refused.status == 401
        refused.body()
        assert request(world.url + EVENTS, sock=sock, headers=bearer()).status == 200


def test_connection_close_is_honoured(world: World) -> None:
    sock = raw(world, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = read_response(sock)
    assert answer.headers["connection"] == "close"
    answer.body()
    assert is_closed(sock)


def test_http_1_0_gets_its_stream_without_chunks(world: World) -> None:
    Story(world).complete()
    auth = f"Authorization: {bearer()['Authorization']}\r\n".encode()
    sock = raw(world, b"GET " + EVENTS.encode() + b" HTTP/1.0\r\n" + auth + b"\r\n")
    with read_response(sock) as stream:
        assert "transfer-encoding" not in stream.headers
        assert list(stream.messages())[-1].json["type"] == "upgrade_completed"


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_is_a_400_and_the_end(world: World, junk: bytes) -> None:
    sock = raw(world, junk)
    answer = read_response(sock)
    assert answer.status in (400, 505)
    assert answer.headers["connection"] == "close"
    answer.body()
    assert is_closed(sock)


def test_an_endless_url_is_refused(world: World) -> None:
    assert status_of(world, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") == 414


def test_too_large_a_head_is_refused(world: World) -> None:
    big = b"X: " + b"a" * 20_000 + b"\r\n"
    assert status_of(world, b"GET / HTTP/1.1\r\nHost: x\r\n" + big + b"\r\n") == 431


def test_a_header_without_an_end_is_refused_before_it_ends(world: World) -> None:
    assert status_of(world, b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000) == 431


def test_too_many_headers_are_refused(world: World) -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(100))
    assert status_of(world, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n") == 431


def test_too_many_query_fields_are_refused(world: World) -> None:
    query = b"&".join(b"a%d=1" % number for number in range(40))
    assert status_of(world, b"GET /?" + query + b" HTTP/1.1\r\nHost: x\r\n\r\n") == 400


def test_pipelining_is_refused(world: World) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    sock = raw(world, one + one)
    assert read_response(sock).status == 400
    assert is_closed(sock)


def test_what_is_pipelined_behind_an_upgrade_offer_is_refused_too(world: World) -> None:
    offer = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    sock = raw(world, offer + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_response(sock).status == 400
    assert is_closed(sock)


def test_a_client_that_speaks_into_its_stream_is_cut_off(world: World) -> None:
    Story(world)
    with world.open() as stream:
        stream.take(2)
        stream._wire.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(Cut):
            stream.next()


def test_an_upgrade_offer_is_answered_as_http_1_1(world: World) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    assert status_of(world, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n") == 200


def test_a_head_byte_by_byte_is_read(world: World) -> None:
    sock = connect(world.url)
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
        sock.sendall(bytes([byte]))
    with read_response(sock) as answer:
        assert answer.status == 200


def test_a_head_that_does_not_come_to_its_end_is_timed_out() -> None:
    with World(relay_head_seconds=0.3) as world:
        sock = raw(world, b"GET /healthz HTTP/1.1\r\nHost")
        began = time.monotonic()
        assert read_response(sock).status == 408
        assert time.monotonic() - began < 2


def test_a_connection_that_says_nothing_is_closed() -> None:
    with World(relay_head_seconds=0.3) as world, connect(world.url) as sock:
        assert is_closed(sock, 2)


def test_dribbling_does_not_extend_the_time_for_a_head() -> None:
    with World(relay_head_seconds=0.4) as world, connect(world.url) as sock:
        began = time.monotonic()
        with pytest.raises(OSError):
            for _ in range(40):
                sock.sendall(b"X")
                time.sleep(0.05)
                assert time.monotonic() - began < 1.5


def test_health_and_metrics_are_open(world: World) -> None:
    with world.get("/healthz") as answer:
        assert answer.status == 200
    with world.get("/metrics") as answer:
        text = answer.body().decode()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 15
    assert {line.split("{")[0].split()[0] for line in text.splitlines() if line[0] != "#"} <= set(
        names
    )


@pytest.mark.parametrize("missing", ["is_connected", "is_caught_up"])
def test_ready_means_connected_and_caught_up(world: World, missing: str) -> None:
    with world.get("/readyz") as answer:
        assert answer.status == 200
    setattr(world.source, missing, False)
    with world.get("/readyz") as answer:
        assert answer.status == 503
    with world.get("/healthz") as answer:
        assert answer.status == 200


def test_accepted_connections_inherit_the_kernel_s_patience(world: World) -> None:
    """What finds half-open clients is set once, on the listening socket."""
    from relay.listening import listening_socket

    with listening_socket("127.0.0.1", 0, 15.0) as listening:
        listening.setblocking(True)
        listening.listen()
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                level = socket.IPPROTO_TCP
                assert accepted.getsockopt(level, socket.TCP_USER_TIMEOUT) == 30_000
                assert accepted.getsockopt(level, socket.TCP_NODELAY) == 1
