"""Bytes on the wire: HTTP/1.1 requests in, answers and server-sent events out. No sockets here.

SSE is the WHATWG's event stream format, HTTP is RFC 9110 and 9112; the parser is llhttp through
httptools. What a request may be is deliberately little: a head without a body, one at a time.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import httptools

MAX_TARGET_BYTES = 4096
MAX_HEAD_BYTES = 16 * 1024
MAX_HEADERS = 64
MAX_QUERY_FIELDS = 16
EVENT_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
"""Other ids would cost a preflight on every cross-origin reconnect (docs/events.md)."""
HEARTBEAT = b":\n\n"
LAST_CHUNK = b"0\r\n\r\n"
_AUTHORITY = re.compile(r"\Ahttps?://[^/?#]*", re.IGNORECASE)
_BODILESS = ("GET", "HEAD", "OPTIONS")
_LINE_END = re.compile(r"\r\n|\r|\n")


# --- server-sent events ----------------------------------------------------------------------


def encode_message(data: str, *, event_id: str | None = None, retry: int | None = None) -> bytes:
    """One unnamed message; `retry` in milliseconds. ValueError for an id outside `EVENT_ID`.

    A line end inside `data` starts another `data:` line, so the reader gets it back as LF. A lone
    surrogate, which UTF-8 cannot carry, is written as the JSON escape it came from.
    """
    lines = [] if retry is None else [f"retry: {retry}"]
    if event_id is not None:
        if not EVENT_ID.fullmatch(event_id):
            raise ValueError(f"not an event id: {event_id!r}")
        lines.append(f"id: {event_id}")
    has_lines = "\n" in data or "\r" in data
    lines += [f"data: {line}" for line in _LINE_END.split(data)] if has_lines else [f"data: {data}"]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "backslashreplace")


def encode_retry(milliseconds: int) -> bytes:
    """The reconnection time alone: no message is dispatched for it."""
    return b"retry: %d\n\n" % milliseconds


def encode_chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; `data` is never empty (an empty one would be the last)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# --- answers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `is_final` closes the connection after it."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_final: bool = False


def encode_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """Status line and header fields, with the empty line."""
    lines = [f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def encode_answer(answer: Answer, *, date: str, with_body: bool, keep_alive: bool) -> bytes:
    """The answer as sent; a HEAD gets the length without the body, a 204 has neither, and the
    HEAD of a stream, whose GET has no length, none."""
    headers = [("Date", date), *answer.headers]
    if answer.status != HTTPStatus.NO_CONTENT and (with_body or answer.body):
        headers.append(("Content-Length", str(len(answer.body))))
    headers.append(("Connection", "keep-alive" if keep_alive else "close"))
    return encode_head(answer.status, headers) + (answer.body if with_body else b"")


# --- requests --------------------------------------------------------------------------------


class Malformed(Exception):
    """Not a request that this server reads; the connection is closed after the answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. Header names are lower case; a repeated field is joined by a comma,
    `cookie` by a semicolon. `query` keeps the first of a repeated name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    keep_alive: bool = True
    can_chunk: bool = True
    """False for HTTP/1.0, whose body ends with the connection."""
    has_body: bool = False


class RequestReader:
    """Feeds bytes to llhttp and gives one request back. Raises `Malformed`.

    llhttp collects a header before it hands it over, so the limit on the head counts the bytes
    fed, not the fields seen: an endless header is refused too.
    """

    __slots__ = (
        "_begun",
        "_body_bytes",
        "_fed",
        "_headers",
        "_is_complete",
        "_keep_alive",
        "_parser",
        "_target",
    )

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._fed = 0
        self._body_bytes = 0
        self._begun = 0
        self._is_complete = False
        self._keep_alive = False

    @property
    def has_begun(self) -> bool:
        """Whether any byte of a request arrived."""
        return self._fed > 0

    def feed(self, data: bytes) -> Request | None:
        """The request once its head is complete; more than one is `Malformed`."""
        self._fed += len(data)
        self._parse(data)
        self._check_limits()
        if not self._is_complete:
            return None
        if self._begun > 1:
            raise _pipelined()
        return self._request()

    def close(self) -> None:
        """Let go of the parser, which holds this object: else only the garbage collector, which is
        in no hurry (relay/app.py), would free the two."""
        self._parser = None

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # An offer (h2c, websocket) may be ignored (RFC 9110, 7.8): it is answered as HTTP/1.1.
            self._is_complete = True
            if offer.args[0] < len(data):
                # llhttp takes the rest for the other protocol and would not look at it.
                raise _pipelined() from None
        except httptools.HttpParserError as error:
            self._check_limits()
            raise Malformed(400, "malformed_request", "This is not HTTP/1.1.") from error

    def _check_limits(self) -> None:
        if len(self._target) > MAX_TARGET_BYTES:
            raise Malformed(414, "uri_too_long", f"At most {MAX_TARGET_BYTES} bytes.")
        if self._fed - self._body_bytes > MAX_HEAD_BYTES or len(self._headers) > MAX_HEADERS:
            detail = f"At most {MAX_HEADERS} header fields and {MAX_HEAD_BYTES} bytes."
            raise Malformed(431, "header_too_large", detail)

    def _request(self) -> Request:
        headers = _joined(self._headers)
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise Malformed(505, "http_version", "HTTP/1.1, please.")
        self._check_host(is_required=version == "1.1")
        method = self._parser.get_method().decode("ascii")
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        if has_body and method in _BODILESS:
            # At once: or it would depend on when the body comes.
            raise Malformed(400, "malformed_request", f"A {method} without a body, please.")
        path, query = split_target(self._target.decode("latin-1"))
        return Request(
            method=method,
            path=path,
            query=query,
            headers=headers,
            keep_alive=self._keep_alive and not has_body,
            can_chunk=version == "1.1",
            has_body=has_body,
        )

    def _check_host(self, *, is_required: bool) -> None:
        """Exactly one that says something (RFC 9112, 3.2): proxies may choose another of two."""
        hosts = [value.strip() for name, value in self._headers if name.lower() == b"host"]
        if len(hosts) > 1 or (is_required and not any(hosts)):
            raise Malformed(400, "malformed_request", "One Host header, please.")

    # Called by the parser.

    def on_body(self, part: bytes) -> None:
        self._body_bytes += len(part)

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._is_complete = True
        # To be asked here: llhttp forgets it once the message is complete.
        self._keep_alive = self._parser.should_keep_alive()


def _pipelined() -> Malformed:
    return Malformed(400, "pipelining_refused", "One request at a time, please.")


def _joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        glue = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{glue}{value}" if name in headers else value
    return headers


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request target, in origin or in absolute form (RFC 9112, 3.2.2).
    `Malformed` for a query with too many fields."""
    path, _, text = _AUTHORITY.sub("", target, count=1).partition("#")[0].partition("?")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise Malformed(400, "malformed_request", "Too many query fields.") from error
    return path, dict(reversed(pairs))


def cookies(request: Request) -> dict[str, str]:
    """The cookies sent, the first of a repeated name; quotes are taken off (RFC 6265, 5.4)."""
    pairs = (part.partition("=") for part in request.headers.get("cookie", "").split(";"))
    return dict(reversed([(name.strip(), value.strip().strip('"')) for name, _, value in pairs]))
