"""One TCP connection: a request, an answer, the next request; or a request and a stream.

Memory is per open stream, so a connection that streams keeps no parser, no request and no timer.
Dead peers are the kernel's to find: TCP_USER_TIMEOUT, inherited from the listening socket, ends a
connection whose heartbeats nobody acknowledges.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Any, Protocol

from nft_upgrade.http.errors import InternalError
from relay.answers import calm, malformed, refusal
from relay.door import EVENTS_PATH, Door
from relay.hub import Hub
from relay.refusals import RefusalLog
from relay.stream import Stream
from relay.wire import (
    LAST_CHUNK,
    Answer,
    Malformed,
    Request,
    RequestReader,
    encode_answer,
    encode_chunk,
    encode_head,
)

log = logging.getLogger(__name__)

REFUSALS = frozenset({400, 401, 403, 408, 414, 431, 505})
"""Answers that an operator may want to see whom they went to."""
LAST_HEAD_SECONDS = 1.5
"""Time for the rest of a head once the process is told to stop."""
FLUSH_SECONDS = 5.0
"""Time for the rest of an ended stream to reach its reader."""


class Owner(Protocol):
    """What a connection needs of its server."""

    door: Door
    hub: Hub
    loop: asyncio.AbstractEventLoop
    head_seconds: float
    idle_seconds: float
    send_buffer_bytes: int
    refusals: RefusalLog

    @property
    def is_full(self) -> bool:
        """Whether there are more connections than there should be."""

    def opened(self, connection: "Connection") -> bool:
        """False: far too many."""

    def fell_silent(self, connection: "Connection") -> None:
        """Nothing was heard of its next request yet, so it is the first to go when it gets full."""

    def spoke(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...

    def http_date(self) -> str: ...

    def request_id(self) -> str: ...

    def random(self) -> float: ...


class Connection(asyncio.Protocol):
    """See the module. Also the hub's `Outlet`."""

    __slots__ = (
        "_head",
        "_is_chunked",
        "_owner",
        "_reader",
        "_request",
        "_stream",
        "_task",
        "_timer",
        "_to",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._to: Any = None
        self._reader: RequestReader | None = None
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stream: Stream | None = None
        self._head = b""
        self._is_chunked = True

    # --- called by the transport -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._to = transport
        if self._owner.opened(self):
            self._await_request(self._owner.head_seconds)
        else:
            self._to.abort()

    def data_received(self, data: bytes) -> None:
        if self._reader is not None:
            self._read(data)
        elif self._request is not None and self._request.has_body:
            return
        elif self._stream is not None:
            self._gone("spoke")
            self._to.abort()
        elif not self._to.is_closing():
            self._stop_task()
            self._refuse(Malformed(400, "pipelining_refused", "One request at a time, please."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_task()
        self._gone("left")
        self._stop_reading()
        self._request = self._to = None
        self._owner.closed(self)

    def eof_received(self) -> bool:
        """A client that closes its half will not read on: close ours."""
        return False

    # --- requests ----------------------------------------------------------------------------

    def _await_request(self, seconds: float) -> None:
        self._reader = RequestReader()
        self._timer = self._owner.loop.call_later(seconds, self._too_slow)
        self._owner.fell_silent(self)

    def _read(self, data: bytes) -> None:
        assert self._reader is not None
        if not self._reader.has_begun:
            # From a keep-alive's pause to a head's time limit.
            self._owner.spoke(self)
            self._stop_timer()
            self._timer = self._owner.loop.call_later(self._owner.head_seconds, self._too_slow)
        try:
            request = self._reader.feed(data)
        except Malformed as error:
            self._refuse(error)
            return
        if request is not None:
            self._stop_timer()
            self._stop_reading()
            self._request = request
            self._is_chunked = request.can_chunk
            self._task = self._owner.loop.create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            answer = await self._decided(request)
        except Exception:  # whatever it is, an EventSource must be able to come back
            log.exception("unexpected")
            answer = self._unexpected(request)
        self._task = None
        if answer is not None:
            self._send(answer, request)

    async def _decided(self, request: Request) -> Answer | None:
        """Of a full process only health can be had."""
        if self._owner.is_full and EVENTS_PATH.fullmatch(request.path):
            return replace(calm(self._owner.random), is_final=True)
        return await self._owner.door.answer(request, self)

    def _unexpected(self, request: Request) -> Answer:
        if EVENTS_PATH.fullmatch(request.path):
            return calm(self._owner.random)
        return refusal(InternalError("Something went wrong here."), self._owner.request_id())

    def _send(self, answer: Answer, request: Request | None) -> None:
        if self._to is None:
            return
        keep_alive = request is not None and request.keep_alive and not answer.is_final
        keep_alive = keep_alive and not self._owner.door.is_draining
        with_body = request is None or request.method != "HEAD"
        date = self._owner.http_date()
        self._to.write(encode_answer(answer, date=date, with_body=with_body, keep_alive=keep_alive))
        self._owner.door.counts[answer.status] += 1
        if answer.status in REFUSALS:
            self._note_refusal(answer.status, request)
        if keep_alive:
            self._request = None
            self._await_request(self._owner.idle_seconds)
        else:
            self._close()

    def _note_refusal(self, status: int, request: Request | None) -> None:
        forwarded_for = request.headers.get("x-forwarded-for", "") if request else ""
        peer = self._to.get_extra_info("peername")
        self._owner.refusals.note(status, forwarded_for=forwarded_for, peer=str(peer and peer[0]))

    def _refuse(self, error: Malformed) -> None:
        self._stop_timer()
        self._stop_reading()
        self._send(malformed(error, self._owner.request_id()), None)

    def _too_slow(self) -> None:
        self._timer = None
        if self._reader is not None and self._reader.has_begun:
            self._refuse(Malformed(408, "request_timeout", "The head took too long."))
        elif self._to is not None:
            self._to.close()

    def close_if_idle(self) -> None:
        """Drain: end it unless it is streaming or being answered; a head has a moment left."""
        if self._reader is None or self._to is None:
            return
        self._stop_timer()
        if self._reader.has_begun:
            self._timer = self._owner.loop.call_later(LAST_HEAD_SECONDS, self._to.close)
        else:
            self._to.close()

    # --- the stream: `Listener` ---------------------------------------------------------------

    def begin_stream(self, stream: Stream, headers: tuple[tuple[str, str], ...]) -> None:
        """The head waits for the opening, which follows at once: a system call less per stream."""
        self._stream, self._request = stream, None
        date = self._owner.http_date()
        self._head = encode_head(200, (("Date", date), *headers, ("Connection", "close")))

    def write(self, data: bytes) -> bool:
        if self._to is None:
            return True
        self._to.write(self._framed(data))
        return bool(self._to.get_write_buffer_size() <= self._owner.send_buffer_bytes)

    def end(self, data: bytes) -> None:
        self._stream = None
        if self._to is None:
            return
        last = self._framed(data) + (LAST_CHUNK if self._is_chunked else b"")
        if last:
            self._to.write(last)
        self._close()

    def _framed(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + (encode_chunk(data) if self._is_chunked and data else data)

    def abort(self) -> None:
        self._stream = None
        if self._to is not None:
            self._to.abort()

    # --- ends ----------------------------------------------------------------------------------

    def _close(self) -> None:
        """What is written is flushed first, but not for ever."""
        self._to.close()
        if self._to.get_write_buffer_size():
            self._timer = self._owner.loop.call_later(FLUSH_SECONDS, self.abort)

    def _gone(self, reason: str) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._owner.hub.leave(stream, reason)

    def _stop_reading(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _stop_task(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
