"""The probe's own client: strict HTTP/1.1 and a strict event stream reader, with the bytes kept.

Standard library alone, and nothing of the relay: what is wrong in the relay must not be wrong here
in the same way. The parser follows the HTML standard, section 9.2.6.
"""

import codecs
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

CONNECT_SECONDS = 5.0
FIELDS = frozenset({"data", "id", "event", "retry"})


class Broken(Exception):
    """The server did what a client could not make sense of."""


@dataclass(frozen=True, slots=True)
class Message:
    """One dispatched event and the last event id at that moment."""

    data: str
    id: str


class Parser:
    """Bytes in, messages out; `faults` are what browsers forgive and a server should not do."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retries: list[str] = []
        self.comments = 0
        self.faults: set[str] = set()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._text, self._id, self._data = "", last_id, list[str]()
        self._is_first = True

    def feed(self, block: bytes) -> list[Message]:
        """The messages that `block` completes."""
        self._text += self._decode(block)
        if self._is_first and self._text:
            self._text, self._is_first = self._text.removeprefix("\ufeff"), False
        messages = []
        while (line := self._line()) is not None:
            message = self._take(line)
            messages += [message] if message else []
        return messages

    def _line(self) -> str | None:
        end = re.search(r"\r\n|\r|\n", self._text)
        if end is None or (end[0] == "\r" and end.end() == len(self._text)):
            return None
        line, self._text = self._text[: end.start()], self._text[end.end() :]
        return line

    def _take(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        if not name:
            self.comments += 1
        elif name not in FIELDS:
            self.faults.add(f"unknown field {name[:20]!r}")
        else:
            self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        if "\ufffd" in value:
            self.faults.add("bytes that are not UTF-8")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry":
            self.retries.append(value)

    def _dispatch(self) -> Message | None:
        self.last_id, data, self._data = self._id, self._data, []
        return Message("\n".join(data), self.last_id) if data else None


@dataclass
class Answer:
    """One answer; `read` goes on with its body. `body` holds the bytes without the framing."""

    status: int
    headers: Mapping[str, Sequence[str]]
    head_seconds: float
    sock: socket.socket
    parser: Parser
    body: bytearray = field(default_factory=bytearray)
    messages: list[Message] = field(default_factory=list)
    end: str = ""
    """`end`, `cut`, or empty while it is open."""
    _raw: bytes = b""
    _left: int | None = None
    _is_chunked: bool = False

    def header(self, name: str) -> str:
        """All values of a field, joined."""
        return ", ".join(self.headers.get(name, ()))

    def read(self, seconds: float, *, until: int | None = None, quiet: float | None = None) -> None:
        """Until the end, `until` messages, `quiet` seconds without a byte, or for `seconds`."""
        ends = last = time.monotonic()
        ends += seconds
        while not self.end and (until is None or len(self.messages) < until):
            now = time.monotonic()
            left = ends - now if quiet is None else min(ends - now, last + quiet - now)
            if left <= 0:
                return
            if self._receive(left):
                last = time.monotonic()

    def close(self) -> None:
        self.sock.close()

    def begin(self, raw: bytes, *, has_body: bool) -> None:
        """What came behind the head."""
        length = self.header("content-length")
        self._is_chunked = "chunked" in self.header("transfer-encoding").lower()
        self._left = int(length) if length.isdigit() else None
        if not has_body or self._left == 0:
            self.end = "end"
        self._raw = raw
        self._unframe()

    def _receive(self, seconds: float) -> bool:
        self.sock.settimeout(seconds)
        try:
            block = self.sock.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            block, self.end = b"", "cut"
        if not block:
            is_short = self._is_chunked or bool(self._left)
            self.end = self.end or ("cut" if is_short else "end")
        self._raw += block
        self._unframe()
        return True

    def _unframe(self) -> None:
        if self._is_chunked:
            while self._chunk():
                pass
            return
        block = self._raw if self._left is None else self._raw[: self._left]
        self._raw = b""
        if self._left is not None:
            self._left -= len(block)
            self.end = self.end or ("" if self._left else "end")
        self._add(block)

    def _chunk(self) -> bool:
        head, found, rest = self._raw.partition(b"\r\n")
        if not found or self.end == "end":
            return False
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", head.partition(b";")[0].strip()):
            raise Broken(f"not a chunk size: {head[:20]!r}")
        size = int(head.partition(b";")[0], 16)
        if len(rest) < size + 2:
            return False
        if rest[size : size + 2] != b"\r\n":
            raise Broken("a chunk does not end with CRLF")
        self._raw = rest[size + 2 :]
        self._add(rest[:size])
        if size == 0:
            self.end = "end"
        return size > 0

    def _add(self, block: bytes) -> None:
        self.body += block
        self.messages += self.parser.feed(block)


def ask(
    url: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    last_id: str = "",
    seconds: float = 10.0,
) -> Answer:
    """One request on a connection of its own. `Broken` when no proper head comes in time."""
    parts = urlsplit(url)
    began = time.monotonic()
    try:
        sock = _connect(parts)
        sock.sendall(_head(parts, method, headers, last_id))
        head, rest = _read_head(sock, seconds)
    except OSError as error:
        raise Broken(f"no answer: {error}") from error
    status, fields = _parsed(head)
    answer = Answer(status, fields, time.monotonic() - began, sock, Parser(last_id))
    answer.begin(rest, has_body=method != "HEAD" and status not in (204, 304))
    return answer


def _connect(parts: SplitResult) -> socket.socket:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    sock = socket.create_connection((parts.hostname or "", port), CONNECT_SECONDS)
    if parts.scheme != "https":
        return sock
    return ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)


def _head(parts: SplitResult, method: str, headers: Mapping[str, str], last_id: str) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, "Accept": "text/event-stream", **headers}
    if last_id:
        fields["Last-Event-ID"] = last_id
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _read_head(sock: socket.socket, seconds: float) -> tuple[str, bytes]:
    ends, data = time.monotonic() + seconds, b""
    while b"\r\n\r\n" not in data:
        sock.settimeout(max(0.001, ends - time.monotonic()))
        block = sock.recv(65536)
        if not block:
            raise Broken("the connection ended before the answer's head")
        data += block
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _parsed(head: str) -> tuple[int, Mapping[str, Sequence[str]]]:
    first, *lines = head.split("\r\n")
    match = re.fullmatch(r"HTTP/1\.[01] (\d{3})(?: .*)?", first)
    if match is None:
        raise Broken(f"not an HTTP/1.1 answer: {first[:40]!r}")
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, text = line.partition(":")
        fields.setdefault(name.lower(), []).append(text.strip())
    return int(match[1]), fields


def advances(messages: Sequence[Message], last_id: str = "") -> list[str]:
    """The ids that are new: a message that repeats the last one tells of the stream itself."""
    ids = []
    for message in messages:
        if message.id != last_id:
            ids.append(message.id)
        last_id = message.id
    return ids


def places_of(body: bytes) -> list[str]:
    """Every last event id that a cut somewhere in the body can leave behind."""
    parser, places = Parser(), dict.fromkeys([""])
    for at in range(len(body)):
        parser.feed(body[at : at + 1])
        places[parser.last_id] = None
    return list(places)
