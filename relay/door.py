"""What each request is answered with: the routes, who may listen, and how a stream is opened.

A native EventSource stops for good on any answer but 200, so what a client should outlive
(overload, a table that does not answer, a deployment) is a 200 with `retry:` and an end of stream;
what it should not retry is an honest 4xx, and the end of a finished upgrade is a 204.
"""

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nft_upgrade.config import RelaySettings
from nft_upgrade.domain.errors import NotFound, UpgradeError
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.http.errors import (
    InvalidToken,
    MethodNotAllowed,
    RouteNotFound,
    TicketInvalid,
    TokenInUrl,
)
from nft_upgrade.http.sessions import Session, cookie_name
from nft_upgrade.http.tickets import ticket_hash
from nft_upgrade.ports import TicketGrant, Tickets
from relay.answers import (
    NO_CONTENT,
    allows_origin,
    calm,
    cors_headers,
    preflight,
    refusal,
    stream_headers,
)
from relay.hub import Hub
from relay.logs import about
from relay.reads import Reader
from relay.replay import (
    History,
    Resume,
    Snapshot,
    asked_position,
    frame_of,
    opening,
    resume,
)
from relay.stream import Outlet, Stream, is_evicted
from relay.wire import Answer, Request, cookies

log = logging.getLogger(__name__)

EVENTS_PATH = re.compile(r"/api/nft/upgrade/([^/]{1,64})/events")
SPARE_OPENINGS = 2
_COMPACT_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_TOKEN_NAMES = {"token", "access_token", "accesstoken", "authorization", "session", "jwt"}


class Listener(Outlet, Protocol):
    """A connection that asked for a stream."""

    def begin_stream(self, stream: Stream, headers: tuple[tuple[str, str], ...]) -> None:
        """Send the head of a 200; from now on `write` and `end` are the body."""


class Sessions(Protocol):
    """Whoever can tell a session token's owner without asking anybody."""

    def verify(self, access_token: str, at: datetime) -> Session:
        """InvalidToken for anything that is not ours and alive."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and until when they may listen."""

    user_id: str
    expires_at: datetime


@dataclass(frozen=True)
class Outside:
    """Everything the door asks the world for. `elsewhere` runs a blocking call in a thread."""

    sessions: Sessions
    tickets: Tickets
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    random: Callable[[], float]
    request_id: Callable[[], str]
    elsewhere: Callable[[Callable[[], TicketGrant | None]], Awaitable[TicketGrant | None]]
    recent: Callable[[str, str, int | None], History | None]
    """What memory can prove of a user's upgrade after a position; None: ask the table."""
    gap: Callable[[str], None]
    """Have the table asked for what a stream of this upgrade waits for."""
    operations: Callable[[str], Answer | None]
    """The answer of `/healthz`, `/readyz` and `/metrics`, by path."""


class Door:
    """Routes a request and opens streams."""

    def __init__(self, settings: RelaySettings, hub: Hub, reader: Reader, outside: Outside) -> None:
        self._settings = settings
        self._hub = hub
        self._reader = reader
        self._outside = outside
        self._origins = frozenset({settings.public_origin, *settings.allowed_origins})
        self._cookie = cookie_name(settings.public_origin)
        # Nobody opens more at once in good faith, and each may wait for a read of its own.
        self._most_opening = 2 * settings.relay_streams_per_user + SPARE_OPENINGS
        self.is_draining = False
        self.counts: Counter[int] = Counter()

    async def answer(self, request: Request, listener: Listener) -> Answer | None:
        """The answer, or None when a stream has begun."""
        shared = self._shared(request)
        try:
            answer = await self._routed(request, listener, shared)
        except UpgradeError as error:
            answer = refusal(error, self._outside.request_id())
        if answer is None:
            return None
        return Answer(answer.status, (*answer.headers, *shared), answer.body, answer.is_final)

    async def _routed(
        self, request: Request, listener: Listener, shared: tuple[tuple[str, str], ...]
    ) -> Answer | None:
        match = EVENTS_PATH.fullmatch(request.path)
        if match and request.method == "OPTIONS":
            return preflight(is_allowed=bool(dict(shared).get("Access-Control-Allow-Origin")))
        operation = None if match else self._outside.operations(request.path)
        if not match and operation is None:
            raise RouteNotFound("There is nothing here.")
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("Only reading is possible.", allow="GET, HEAD, OPTIONS")
        return operation if match is None else await self._outlived(request, match[1], listener)

    # --- streams -----------------------------------------------------------------------------

    async def _outlived(
        self, request: Request, upgrade_id: str, listener: Listener
    ) -> Answer | None:
        """Whatever is only for now, be it a ticket's table or an upgrade's, must not stop an
        EventSource for good."""
        try:
            return await self._events(request, upgrade_id, listener)
        except UpgradeError as error:
            if not error.retryable:
                raise
            log.warning("table: %s", error, extra=about(upgrade_id))
            return calm(self._outside.random)

    async def _events(self, request: Request, upgrade_id: str, listener: Listener) -> Answer | None:
        _refuse_token_in_url(request, self._cookie)
        if self.is_draining:
            return calm(self._outside.random)
        last_id = request.headers.get("last-event-id") or request.query.get("lastEventId")
        caller = await self._caller(request, upgrade_id, last_id)
        if is_evicted(last_id):
            return NO_CONTENT
        return await self._stream(request, upgrade_id, caller, last_id, listener)

    async def _stream(
        self,
        request: Request,
        upgrade_id: str,
        caller: Caller,
        last_id: str | None,
        listener: Listener,
    ) -> Answer | None:
        """Join, then read, then start: in this order nothing is lost in between."""
        stream = self._new_stream(caller, upgrade_id, listener)
        if self._hub.opening(stream.message_key) >= self._most_opening:
            return calm(self._outside.random)
        self._hub.join(stream)
        try:
            return await self._begin(request, stream, caller, last_id, listener)
        finally:
            if not stream.is_started:
                self._hub.leave(stream)

    def _new_stream(self, caller: Caller, upgrade_id: str, listener: Listener) -> Stream:
        left = (caller.expires_at - self._outside.now()).total_seconds()
        return Stream(
            listener,
            user_id=caller.user_id,
            upgrade_id=upgrade_id,
            expires_at=self._outside.monotonic() + left,
            opened_at=self._outside.now().timestamp(),
        )

    async def _begin(
        self,
        request: Request,
        stream: Stream,
        caller: Caller,
        last_id: str | None,
        listener: Listener,
    ) -> Answer | None:
        asked = asked_position(last_id)
        history = await self._history(stream.upgrade_id, caller, asked)
        if history.snapshot is None or history.snapshot.user_id != caller.user_id:
            raise NotFound("No such upgrade request.")
        begin = resume(asked, history.snapshot)
        if begin.is_over:
            return NO_CONTENT
        if request.method == "HEAD":
            return Answer(200, stream_headers(request))
        if not history.reaches(begin.position):
            history = await self._read(stream.upgrade_id, begin.position)
        if self.is_draining or history.snapshot is None:
            return calm(self._outside.random)
        listener.begin_stream(stream, (*stream_headers(request), *self._shared(request)))
        self._start(stream, begin, history.snapshot, history.events)
        return None

    async def _history(self, upgrade_id: str, caller: Caller, asked: int | None) -> History:
        """From the ring where it can, from the table where it must."""
        recent = self._outside.recent(caller.user_id, upgrade_id, asked)
        return recent or await self._read(upgrade_id, asked or 0)

    async def _read(self, upgrade_id: str, after: int) -> History:
        return await self._reader.read(upgrade_id, after=after, is_opening=True)

    def _start(
        self, stream: Stream, begin: Resume, snapshot: Snapshot, events: Sequence[UpgradeEvent]
    ) -> None:
        self.counts[200] += 1
        self._hub.start(
            stream,
            position=begin.position,
            status=snapshot.status,
            opening=opening(snapshot, begin, retry=self._retry(), at=self._outside.now()),
            frames=[frame_of(event) for event in events],
            now=self._outside.monotonic(),
        )
        if stream.waiting:
            # A record came while the table was read, and the one before it did not.
            self._outside.gap(stream.upgrade_id)

    def _shared(self, request: Request) -> tuple[tuple[str, str], ...]:
        origin = request.headers.get("origin")
        return cors_headers(origin if allows_origin(self._origins, origin) else None)

    def _retry(self) -> int:
        """1 to 3 s, each stream its own: after a crash they must not all come back at once."""
        return 1000 + int(2000 * self._outside.random())

    # --- who asks ----------------------------------------------------------------------------

    async def _caller(self, request: Request, upgrade_id: str, last_id: str | None) -> Caller:
        """A ticket is the explicit one; then the header, then the cookie."""
        ticket = request.query.get("ticket")
        if ticket is not None:
            # A HEAD opens no stream, so it must not spend the ticket.
            if request.method == "HEAD":
                raise TicketInvalid("A ticket opens a stream, nothing else.")
            return await self._ticket_holder(ticket, upgrade_id, is_reconnect=bool(last_id))
        access_token = _access_token(request, self._cookie)
        if access_token is None:
            raise InvalidToken("Sign in first.")
        session = self._outside.sessions.verify(access_token, self._outside.now())
        return Caller(session.user_id, session.expires_at)

    async def _ticket_holder(self, ticket: str, upgrade_id: str, *, is_reconnect: bool) -> Caller:
        """A stream may be opened with an id already (resumed by hand): that is a first use."""
        for as_reconnect in (True, False) if is_reconnect else (False,):
            grant = await self._redeem(ticket, upgrade_id, as_reconnect)
            if grant is not None:
                return Caller(grant.user_id, grant.session_expires_at)
        raise TicketInvalid("The ticket is used, too old, or for another upgrade.")

    async def _redeem(self, ticket: str, upgrade_id: str, is_reconnect: bool) -> TicketGrant | None:
        outside = self._outside
        return await outside.elsewhere(
            lambda: outside.tickets.redeem(
                ticket_hash(ticket),
                upgrade_id=upgrade_id,
                is_reconnect=is_reconnect,
                at=outside.now(),
            )
        )


def _access_token(request: Request, cookie: str) -> str | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return credentials.strip() if scheme.lower() == "bearer" else None
    return cookies(request).get(cookie)


def _refuse_token_in_url(request: Request, cookie: str) -> None:
    """By name or by look: a session token in a URL ends up in logs (ASVS 14.2.1)."""
    names = _TOKEN_NAMES | {cookie.lower()}
    for name, value in request.query.items():
        looks = (name.strip(), value.strip())
        if name.strip().lower() in names or any(map(_COMPACT_TOKEN.fullmatch, looks)):
            raise TokenInUrl("A session token does not belong into a URL.")
