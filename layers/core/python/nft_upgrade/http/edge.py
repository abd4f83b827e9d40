"""The outermost layer of ours: request ids, security headers, and an answer for every error."""

import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from joserfc.errors import JoseError
from joserfc.jws import extract_compact
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.http.errors import InternalError, TokenInUrl
from nft_upgrade.http.problems import problem, problem_headers
from nft_upgrade.ports import Ids

logger = logging.getLogger(__name__)

SECURITY_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
TOKEN_NAMES = frozenset(
    ("token", "accesstoken", "sessiontoken", "idtoken", "jwt", "session", "authorization", "bearer")
)
"""Query parameters that mean a session token, whatever their value (compared without - and _)."""
REDACTED = "REDACTED"
_LONGEST_LOOKED_AT = 8192


@dataclass(frozen=True, slots=True)
class Edge:
    """ASGI middleware around the whole API."""

    app: ASGIApp
    ids: Ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = _request_id(scope) or self.ids.new()
        watched = _Sender(scope, send)
        try:
            _refuse_token_in_url(scope)
            await self.app(scope, receive, watched)
        except UpgradeError as error:
            await problem_response(error, scope)(scope, receive, watched)
        except Exception:
            logger.exception("unexpected error", extra={"request_id": request_id(scope)})
            if watched.has_started:
                raise
            fault = InternalError("Something went wrong on our side.")
            await problem_response(fault, scope)(scope, receive, watched)


@dataclass(slots=True)
class _Sender:
    """Adds our headers to whatever is answered, and remembers that something was."""

    scope: Scope
    send: Send
    has_started: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = request_id(self.scope)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if self.scope["path"].startswith("/api/"):
                headers["cache-control"] = "no-store"
        await self.send(message)


def request_id(scope: Scope) -> str:
    """The id under which this request stands in the logs."""
    return str(scope["state"]["request_id"])


def problem_response(error: UpgradeError, scope: Scope) -> JSONResponse:
    """The error as its problem document."""
    body = problem(error, request_id(scope))
    headers = problem_headers(error)
    media_type = headers.pop("content-type")
    return JSONResponse(body, body["status"], headers=headers, media_type=media_type)


async def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """The same as an exception handler."""
    known = error if isinstance(error, UpgradeError) else InternalError("Unexpected error.")
    return problem_response(known, request.scope)


def _request_id(scope: Scope) -> str | None:
    """API Gateway's own id, so that its access log and our log agree."""
    event: dict[str, Any] = scope.get("aws.event") or {}
    found = event.get("requestContext", {}).get("requestId")
    return found if isinstance(found, str) and found else None


def _refuse_token_in_url(scope: Scope) -> None:
    """Refuse it, and take the value out of the scope, from which servers write access logs."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    tokens = [(name, value) for name, value in pairs if _is_session_token(name, value)]
    if not tokens:
        return
    clean = [
        (REDACTED if _is_jwt(name.strip()) else name, REDACTED if pair in tokens else value)
        for pair in pairs
        for name, value in [pair]
    ]
    scope["query_string"] = urlencode(clean).encode("latin-1")
    logger.warning(
        "session token in a query string",
        extra={"request_id": request_id(scope), "query": scope["query_string"].decode()},
    )
    raise TokenInUrl("A session token must not be part of a URL. Use a cookie or a header.")


def _is_session_token(name: str, value: str) -> bool:
    """By its name or its look; a bare `?<token>` is a name without a value."""
    known = re.sub("[-_]", "", name.strip().lower()) in TOKEN_NAMES
    return known or _is_jwt(value.strip()) or _is_jwt(name.strip())


def _is_jwt(value: str) -> bool:
    if value.count(".") != 2 or len(value) > _LONGEST_LOOKED_AT:
        return False
    try:
        return "alg" in extract_compact(value.encode()).headers()
    except (JoseError, ValueError, TypeError):
        return False
