"""Who calls: the session behind a request, and what every route needs at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

from nft_upgrade.config import SessionSettings
from nft_upgrade.http.body import body_fields
from nft_upgrade.http.errors import InvalidToken, WrongOrigin
from nft_upgrade.http.idempotency import Answer, KeyedCall, Once
from nft_upgrade.http.parts import ApiParts
from nft_upgrade.http.rate_limit import client_address
from nft_upgrade.http.sessions import Session, SessionVerifier, cookie_name
from nft_upgrade.ports import Clock

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def answer(status: int, body: BaseModel, **headers: str) -> Answer:
    """A success in the wire's form."""
    return Answer(status, body.model_dump(mode="json", by_alias=True), headers)


def respond(answered: Answer) -> JSONResponse:
    """The same as a response."""
    return JSONResponse(dict(answered.body), answered.status, headers=dict(answered.headers))


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A request that nobody needs to be signed in for."""

    parts: ApiParts
    request: Request

    @property
    def now(self) -> datetime:
        return self.parts.clock.now()

    @property
    def client_address(self) -> str:
        """Of the browser, not of the proxies in front of us."""
        client = self.request.client
        hops = self.parts.settings.trusted_proxy_hops
        return client_address(self.request.headers, client.host if client else None, hops)


@dataclass(frozen=True, slots=True)
class Call(OpenCall):
    """A signed-in user's request."""

    session: Session

    @property
    def user_id(self) -> str:
        return self.session.user_id

    def once(self, act: Callable[[], Answer]) -> JSONResponse:
        """Answer a POST, by its Idempotency-Key when it has one."""
        once = Once(self.parts.idempotency, self.parts.random_bytes)
        return answer_once(once, self.request, self.user_id, act)


def answer_once(
    once: Once, request: Request, user_id: str, act: Callable[[], Answer]
) -> JSONResponse:
    """`act`'s answer; for a repeated Idempotency-Key the one it gave the first time."""
    idempotency_key = request.headers.get("idempotency-key")
    if idempotency_key is None:
        return respond(act())
    route = f"{request.method} {request.url.path}"
    keyed = KeyedCall(user_id, route, idempotency_key, body_fields(request))
    return respond(once.run(keyed, act))


async def open_call(request: Request) -> OpenCall:
    """The dependency of the open routes."""
    return OpenCall(request.app.state.parts, request)


def signed_in(request: Request) -> Call:
    """The dependency of all others. A thread's work: the first call asks KMS for the key."""
    parts: ApiParts = request.app.state.parts
    return Call(parts, request, session_of(request, parts))


class SessionParts(Protocol):
    """What telling who calls needs, at whichever door."""

    @property
    def settings(self) -> SessionSettings: ...

    @property
    def session_verifier(self) -> SessionVerifier: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def origins(self) -> tuple[str, ...]: ...


def session_of(request: Request, parts: SessionParts) -> Session:
    """The session behind a request; InvalidToken, WrongOrigin."""
    access_token = _bearer(request)
    if access_token is None:
        access_token = request.cookies.get(cookie_name(parts.settings.public_origin), "")
        require_our_origin(request, parts)
    if not access_token:
        raise InvalidToken("Sign in first: no session was sent.")
    return parts.session_verifier.verify(access_token, parts.clock.now())


def _bearer(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, access_token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidToken("Authorization must be a bearer token.")
    return access_token.strip()


def require_our_origin(request: Request, parts: SessionParts) -> None:
    """A cookie is sent by the browser on its own: only our pages may make it act (CSRF).

    Raises WrongOrigin."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    is_foreign = request.headers.get("sec-fetch-site") == "cross-site"
    if origin not in (None, *parts.origins) or (origin is None and is_foreign):
        raise WrongOrigin("This page may not act for the signed-in user.")


SignedIn = Annotated[Call, Depends(signed_in)]
Anyone = Annotated[OpenCall, Depends(open_call)]
