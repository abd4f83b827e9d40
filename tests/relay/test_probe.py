"""The probe finds nothing wrong with our relay, and finds what is wrong with other servers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from relay.probe import main, options_of, report
from relay.probe_checks import CHECKS, Options, Row, probe
from relay.probe_client import Parser
from tests.relay.harness import FRIEND, Story, World, bearer
from tests.relay.test_event_stream_parser import FORMAT_CASES


def by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows}


def test_our_relay_passes_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    with World(relay_heartbeat_seconds=1.0) as world:
        cancelled = Story(world, "01ENDED")
        cancelled.cancel()
        Story(world, again=cancelled.nft).steps(4)
        events = f"{world.url}/api/nft/upgrade/%s/events"
        headers, ended = bearer(), bearer(life=timedelta(seconds=-60))
        arguments = [
            *(events % "01UPGRADE", "--ended-url", events % "01ENDED", "--origin", FRIEND),
            *("--streams-per-user", "3", "--heartbeat", "3", "--quiet", "0.3"),
            *("--header", f"Authorization: {headers['Authorization']}"),
            *("--ended-session", f"Authorization: {ended['Authorization']}"),
        ]
        code = main(arguments)
    text = capsys.readouterr().out
    assert f"{len(CHECKS)} pass, 0 FAIL, 0 left out" in text
    assert code == 0


def test_without_options_checks_are_left_out_not_passed(world: World) -> None:
    Story(world)
    rows = by_name(probe(Options(f"{world.url}/api/nft/upgrade/01UPGRADE/events", quiet=0.1)))
    assert {rows[n].outcome for n in ("ended session", "CORS", "eviction")} == {"left out"}
    assert rows["status"].text == "a stream is answered 401"


# --- servers that are wrong --------------------------------------------------------------------

Answering = Callable[[str, dict[str, str]], bytes]


@contextmanager
def server(answer: Answering) -> Iterator[str]:
    """Answers each connection's request with these bytes and then stays silent."""
    listening = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            accepted.append(sock)
            lines = sock.recv(65536).decode().split("\r\n")
            fields = {n.lower(): v.strip() for n, _, v in (x.partition(":") for x in lines[1:])}
            sock.sendall(answer(lines[0].split()[0], fields))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
        for sock in accepted:
            sock.close()


HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"


def stream(body: str, head: str = HEAD) -> bytes:
    return f"{head}\r\n{body}".encode()


def events(first: int, last: int = 4) -> str:
    return "".join(f"id: {n}\ndata: {n}\n\n" for n in range(first, last + 1))


def good(method: str, fields: dict[str, str]) -> bytes:
    """A plain server that resumes properly."""
    return stream(events(int(fields.get("last-event-id", "0")) + 1))


def answering(body: str, head: str = HEAD) -> Answering:
    return lambda method, fields: stream(body, head)


def forgets_one(method: str, fields: dict[str, str]) -> bytes:
    seen = int(fields.get("last-event-id", "0"))
    return stream(events(seen + 1 + (seen == 2)))


def repeats_one(method: str, fields: dict[str, str]) -> bytes:
    seen = int(fields.get("last-event-id", "0"))
    return stream(events(max(1, seen - (seen == 3))))


def any_origin(method: str, fields: dict[str, str]) -> bytes:
    return stream(events(1), HEAD + "Access-Control-Allow-Origin: *\r\n")


WRONG: dict[str, tuple[str, Answering]] = {
    "forgets an event on resume": ("resume", forgets_one),
    "repeats an event on resume": ("resume", repeats_one),
    "another type": ("content type", answering(events(1), HEAD.replace("event-stream", "plain"))),
    "cached": ("not stored, not compressed", answering(events(1), HEAD.replace("no-store", "x"))),
    "compressed": (
        "not stored, not compressed",
        answering(events(1), HEAD + "Content-Encoding: gzip\r\n"),
    ),
    "an unsafe id": ("ids", answering("id: a:1\ndata: 1\n\n")),
    "ids that fall": ("ids", answering("id: 2\ndata: 1\n\nid: 1\ndata: 1\n\n")),
    "an id that comes back": (
        "ids",
        answering("id:a\ndata:1\n\nid:b\ndata:2\n\nid:a\ndata:3\n\n"),
    ),
    "a retry in words": ("retry", answering("retry: 3s\nid: 1\ndata: 1\n\n")),
    "an unknown field": ("framing", answering("id: 1\ndaat: 1\n\n")),
    "no heartbeat": ("heartbeat", answering(events(1))),
    "everybody may listen": ("credentials", good),
    "an ended session may listen": ("ended session", good),
    "no preflight": ("CORS", good),
    "any origin": ("other origins", any_origin),
    "no end": ("end of the story", good),
    "no limit": ("eviction", good),
    "no HTTP": ("status", lambda method, fields: b"SSH-2.0\r\n\r\n"),
    "a broken chunk": (
        "status",
        answering("3\r\nabcXX", HEAD + "Transfer-Encoding: chunked\r\n"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    check, answer = WRONG[name]
    with server(answer) as url:
        headers = {"Authorization": "Bearer x"}
        options = Options(
            url,
            headers,
            ended_session=headers,
            ended_url=url,
            origin="https://a.example",
            streams_per_user=1,
            heartbeat=0.2,
            quiet=0.05,
        )
        rows = by_name(_only(options, check))
    assert rows[check].outcome == "FAIL", rows[check]


def _only(options: Options, *names: str) -> list[Row]:
    return probe(options, only=names)


def test_a_plain_server_that_resumes_passes_what_is_the_stream_s() -> None:
    names = ("status", "content type", "framing", "ids", "retry", "resume")
    with server(good) as url:
        rows = _only(Options(url, quiet=0.05), *names)
    assert [row.outcome for row in rows] == ["pass"] * len(names), report(Options(url), rows)


def test_a_server_that_is_not_there_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    (row,) = _only(Options(url), "status")
    assert row.outcome == "FAIL" and row.text.startswith("no answer")


@pytest.mark.parametrize("name", FORMAT_CASES)
def test_the_probe_reads_the_format_as_browsers_do(name: str) -> None:
    block, expected = FORMAT_CASES[name]
    assert [m.data for m in Parser().feed(block + b":")] == expected


def test_a_header_without_a_colon_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options_of(["http://localhost/", "--header", "nonsense"])
    assert "NAME: VALUE" in capsys.readouterr().err
