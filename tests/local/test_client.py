from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from local.client import Browser, EventSource, Unexpected, sign_in_text, told, types
from nft_upgrade.http import siws
from tests.local.stand_ins import Seen, StubServer


class Stream:
    """Serves one connection after the other from a script; then 204."""

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.server = StubServer(self.answer)

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        if not seen.target.endswith("/events"):
            handler.send_response(200)
            handler.send_header(
                "Set-Cookie", "session=abc; HttpOnly; Secure; SameSite=Strict; Path=/"
            )
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"{}")
            return
        content = self.script.pop(0) if self.script else None
        handler.send_response(204 if content is None else 200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", str(len(content or b"")))
        handler.end_headers()
        handler.wfile.write(content or b"")


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream()
    yield stream
    stream.server.close()


@pytest.fixture
def browser(stream: Stream) -> Iterator[Browser]:
    browser = Browser(stream.server.url)
    yield browser
    browser.close()


@pytest.fixture
def source(browser: Browser) -> EventSource:
    told(browser.post("/sign-in"), 200)
    return browser.event_source("/events")


def test_messages_are_read_whatever_stands_between_them(
    stream: Stream, source: EventSource
) -> None:
    stream.script = [
        b'retry: 1\n\n: a comment\n\nid: 1\ndata: {"type":\ndata: "one"}\n\n'
        b'data: {"type": "two"}\n\n'
    ]
    messages = list(source)
    assert types(messages) == ["one", "two"]
    assert [message.id for message in messages] == ["1", "1"]


def test_a_stream_that_ends_is_taken_up_after_the_last_id(
    stream: Stream, source: EventSource
) -> None:
    first = b'retry: 1\n\nid: 1\ndata: {"type": "one"}\n\n'
    stream.script = [first, b'id: 2\ndata: {"type": "two"}\n\n']
    assert types(list(source)) == ["one", "two"]
    asked = [seen.header("Last-Event-ID") for seen in stream.server.seen[1:]]
    assert asked == [None, "1", "2"]


def test_a_message_cut_off_in_the_middle_is_not_given(stream: Stream, source: EventSource) -> None:
    stream.script = [b'retry: 1\n\nid: 1\ndata: {"type": "one"}\n']
    assert list(source) == []


def test_another_status_stops_it_for_good(source: EventSource) -> None:
    assert list(source) == []
    assert (source.stopped_by, source.connections) == (204, 1)


def test_the_session_cookie_goes_along(stream: Stream, source: EventSource) -> None:
    list(source)
    assert stream.server.seen[-1].header("Cookie") == "session=abc"


def test_a_body_is_declared_as_fetch_declares_a_string(stream: Stream, browser: Browser) -> None:
    browser.post("/x", {"a": 1})
    (seen,) = stream.server.seen
    assert seen.header("Content-Type") == "text/plain;charset=UTF-8"
    assert seen.header("Origin") == stream.server.url


def test_the_sign_in_text_is_the_one_the_product_expects() -> None:
    fields = {
        "domain": "localhost:8000",
        "address": "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
        "statement": "Sign in.",
        "uri": "http://localhost:8000",
        "version": "1",
        "chainId": "solana:localnet",
        "nonce": "abcdefgh12345678",
        "issuedAt": "2026-11-24T06:00:00.000Z",
        "expirationTime": "2026-11-24T06:05:00.000Z",
        "notBefore": "2026-11-24T06:00:00.000Z",
    }
    assert sign_in_text(fields) == siws.sign_in_text(fields)


def test_an_unexpected_answer_is_shown(browser: Browser) -> None:
    with pytest.raises(Unexpected, match="200"):
        told(browser.post("/x"), 201)
