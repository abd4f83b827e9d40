"""A strict EventSource for tests: the WHATWG's parser, an HTTP client that tells an end from a cut,
and a reconnecting client that behaves as a browser does.

The parser follows the HTML standard's section 9.2.6 ("Interpreting an event stream") to the letter;
tests/relay/test_event_stream_parser.py certifies it with cases written after the
web-platform-tests' format tests.
"""

import codecs
import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Message:
    """One dispatched event; `id` is the last event id at that moment."""

    data: str
    id: str
    type: str = "message"

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class EventStreamParser:
    """Bytes in, messages out. `last_id` and `retry` are what a reconnect would use."""

    def __init__(self, *, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: int | None = None
        self.retries: list[int] = []
        self.comments = 0
        self._id_buffer = last_id
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._at_start = True
        self._data: list[str] = []
        self._type = ""

    def feed(self, block: bytes) -> list[Message]:
        """The messages that `block` completes. An unfinished one at the end is never dispatched."""
        self._text += self._decode.decode(block)
        if self._at_start and self._text:
            # One byte order mark, and only the first.
            self._text = self._text.removeprefix("\ufeff")
            self._at_start = False
        messages = (self._line(line) for line in self._lines())
        return [message for message in messages if message is not None]

    def _lines(self) -> Iterator[str]:
        while True:
            end = re.search(r"\r\n|\r|\n", self._text)
            # A CR at the very end may be half of a CRLF.
            if end is None or (end[0] == "\r" and end.end() == len(self._text)):
                return
            line, self._text = self._text[: end.start()], self._text[end.end() :]
            yield line

    def _line(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        name, _, value = line.partition(":")
        self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id_buffer = value
        elif name == "retry" and re.fullmatch(r"[0-9]+", value):
            self.retry = int(value)
            self.retries.append(self.retry)

    def _dispatch(self) -> Message | None:
        self.last_id = self._id_buffer
        data, type_ = self._data, self._type
        self._data, self._type = [], ""
        return Message("\n".join(data), self.last_id, type_ or "message") if data else None


class Cut(Exception):
    """The connection ended inside a body, or before an answer."""


@dataclass
class SseResponse:
    """One answer. Iterate over `messages()`; a body that ends by the rules ends the iteration, one
    that is cut raises `Cut`."""

    status: int
    headers: Mapping[str, str]
    parser: EventStreamParser
    _wire: "_Wire"
    raw: bytearray = field(default_factory=bytearray)
    ended: bool = False
    _ready: list[Message] = field(default_factory=list)

    def messages(self, seconds: float = 10.0) -> Iterator[Message]:
        """Until the end; TimeoutError when nothing is complete for `seconds`."""
        while (message := self.next(seconds)) is not None:
            yield message

    def next(self, seconds: float = 10.0) -> Message | None:
        """The next message, None at the end of the stream."""
        ends = time.monotonic() + seconds
        while not self._ready:
            if not self._more(ends - time.monotonic()):
                return None
        return self._ready.pop(0)

    def take(self, count: int, seconds: float = 10.0) -> list[Message]:
        """Exactly so many messages; Cut when the stream ends before."""
        found: list[Message] = []
        for _ in range(count):
            message = self.next(seconds)
            if message is None:
                raise Cut(f"ended after {len(found)} of {count} messages")
            found.append(message)
        return found

    def body(self, seconds: float = 10.0) -> bytes:
        """The whole body, for answers that are no stream."""
        ends = time.monotonic() + seconds
        while self._more(ends - time.monotonic()):
            pass
        return bytes(self.raw)

    def wait_comment(self, seconds: float = 10.0) -> float:
        """Seconds until the next comment."""
        began, before = time.monotonic(), self.parser.comments
        while self.parser.comments == before:
            if not self._more(began + seconds - time.monotonic()):
                raise Cut("ended without a comment")
        return time.monotonic() - began

    def close(self) -> None:
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _more(self, seconds: float) -> bool:
        if self.ended:
            return False
        block = self._wire.body_block(seconds)
        self.ended = block is None
        self.raw += block or b""
        self._ready += self.parser.feed(block or b"")
        return not self.ended


class _Wire:
    """HTTP/1.1 framing over a socket, without the library's buffering."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.left: int | None = None
        self.is_chunked = False
        self.is_over = False

    def head(self, seconds: float) -> tuple[int, dict[str, str]]:
        ends = time.monotonic() + seconds
        while b"\r\n\r\n" not in self.buffer:
            if not self._receive(ends - time.monotonic()):
                raise Cut("no answer")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        return int(lines[0].split()[1]), headers

    def expect_body(self, method: str, status: int, headers: Mapping[str, str]) -> None:
        self.is_over = method == "HEAD" or status in (204, 304)
        self.is_chunked = headers.get("transfer-encoding") == "chunked"
        self.left = int(headers["content-length"]) if "content-length" in headers else None

    def body_block(self, seconds: float) -> bytes | None:
        """Some of the body, None at its end."""
        ends = time.monotonic() + seconds
        while True:
            block = self._next_block()
            if block is not None or self.is_over:
                return block
            if not self._receive(ends - time.monotonic()):
                self._at_close()
                return None

    def close(self) -> None:
        self.sock.close()

    def _next_block(self) -> bytes | None:
        if self.is_over:
            return None
        if self.is_chunked:
            return self._chunk()
        block, self.buffer = self.buffer[: self.left], self.buffer[len(self.buffer[: self.left]) :]
        if self.left is not None:
            self.left -= len(block)
            self.is_over = self.left == 0
        return block or None

    def _chunk(self) -> bytes | None:
        head, found, rest = self.buffer.partition(b"\r\n")
        if not found:
            return None
        size = int(head, 16)
        if len(rest) < size + 2:
            return None
        assert rest[size : size + 2] == b"\r\n", "a chunk must end with CRLF"
        self.buffer = rest[size + 2 :]
        self.is_over = size == 0
        return rest[:size] or None

    def _at_close(self) -> None:
        if self.is_chunked or self.left:
            raise Cut("closed inside the body")
        self.is_over = True

    def _receive(self, seconds: float) -> bool:
        self.sock.settimeout(max(seconds, 0.001))
        try:
            block = self.sock.recv(65536)
        except ConnectionError as error:
            raise Cut(str(error)) from error
        self.buffer += block
        return bool(block)


_open_sockets: list[socket.socket] = []


def connect(url: str, *, receive_buffer: int | None = None) -> socket.socket:
    """A TCP connection to a URL's host and port; `receive_buffer` in bytes, for slow readers."""
    parts = urlsplit(url)
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(10)
    try:
        sock.connect((parts.hostname or "", parts.port or 80))
    except OSError:
        sock.close()
        raise
    _open_sockets[:] = [other for other in _open_sockets if other.fileno() != -1]
    _open_sockets.append(sock)
    return sock


def close_all() -> None:
    """Close what tests left open; for a fixture's end."""
    while _open_sockets:
        _open_sockets.pop().close()


def request(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    last_id: str = "",
    sock: socket.socket | None = None,
    seconds: float = 10.0,
) -> SseResponse:
    """Send one request, read the answer's head. `sock`: an open connection to use again."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if last_id:
        lines.append(f"Last-Event-ID: {last_id}")
    sock = sock or connect(url)
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return read_response(sock, method=method, last_id=last_id, seconds=seconds)


def read_response(
    sock: socket.socket, *, method: str = "GET", last_id: str = "", seconds: float = 10.0
) -> SseResponse:
    """The answer to what was sent on `sock`."""
    wire = _Wire(sock)
    try:
        status, answered = wire.head(seconds)
    except BaseException:
        sock.close()
        raise
    wire.expect_body(method, status, answered)
    return SseResponse(status, answered, EventStreamParser(last_id=last_id), wire)


class EventSource:
    """As a browser's: reconnects with the last id after every end and every cut, waits the
    server's `retry:` (times `patience`), and stops for good on any answer but 200."""

    def __init__(
        self, url: str, *, headers: Mapping[str, str] | None = None, patience: float = 1.0
    ) -> None:
        self.url = url
        self.headers = dict(headers or {})
        self.last_id = ""
        self.retry = 3000
        self.connects = 0
        self.final_status: int | None = None
        self._patience = patience
        self._closing = False

    def __iter__(self) -> Iterator[Message]:
        while not self._closing:
            with contextlib.suppress(Cut, OSError):
                yield from self._one_connection()
            if self.final_status is not None:
                return
            time.sleep(self.retry / 1000 * self._patience)

    def close(self) -> None:
        """Stop at the next message or end."""
        self._closing = True

    def _one_connection(self) -> Iterator[Message]:
        with request(self.url, headers=self.headers, last_id=self.last_id) as response:
            self.connects += 1
            if response.status != 200:
                self.final_status = response.status
                return
            for message in response.messages(seconds=30.0):
                self._note(response)
                yield message
                if self._closing:
                    return
            self._note(response)

    def _note(self, response: SseResponse) -> None:
        self.last_id = response.parser.last_id
        self.retry = response.parser.retry or self.retry
