"""Request bodies: small, declared as JSON, and unambiguous, before anything else reads them.

The product's own page posts with `fetch` and no content type, which browsers label `text/plain`.
That is read as JSON from our own and the allowed origins only: from any other page it would be the
one kind of POST that needs no CORS preflight.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from email.message import Message as MimeHeaders
from typing import Any, NoReturn

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nft_upgrade.http.errors import (
    BodyTooLarge,
    MalformedJson,
    UnknownField,
    UnsupportedMediaType,
)

LONGEST_BODY = 8 * 1024
DEEPEST = 8
_WITH_BODY = frozenset(("POST", "PUT", "PATCH", "DELETE"))
FORM_PATHS = frozenset(
    (
        "/api/notifications/preferences/email/confirmation",
        "/api/notifications/preferences/unsubscribe",
    )
)
"""Posted to by forms and by mail programs (RFC 8058, section 3.2); nothing in the body is read,
and the signed link in the query is what allows them."""


@dataclass(frozen=True, slots=True)
class StrictJson:
    """ASGI middleware: reads the body, refuses what is not a plain JSON object, passes it on."""

    app: ASGIApp
    origins: Collection[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self.app(scope, receive, send)
            return
        body = await _read(Headers(scope=scope), receive)
        fields: dict[str, Any] = {}
        if body and scope["path"] not in FORM_PATHS:
            _require_json(scope, self.origins)
            fields = parse_object(body)
        scope["state"]["body_fields"] = fields
        await self.app(scope, _replay(body, receive), send)


def body_fields(request: Request) -> dict[str, Any]:
    """What the body holds; empty without one."""
    fields: dict[str, Any] = request.state.body_fields
    return fields


async def no_body(request: Request) -> None:
    """For routes that take no fields: an unknown field is refused, not ignored."""
    for name in body_fields(request):
        raise UnknownField("This route takes no fields.", field=name[:64])


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object; MalformedJson for anything two readers could understand differently."""
    try:
        parsed = json.loads(
            body.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as broken:
        raise MalformedJson("The body is not well-formed JSON.") from broken
    if not isinstance(parsed, dict):
        raise MalformedJson("The body must be a JSON object.")
    _require_plain(parsed, DEEPEST)
    return parsed


async def _read(headers: Headers, receive: Receive) -> bytes:
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > LONGEST_BODY:
        raise _too_large()
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A body has at most {LONGEST_BODY} bytes.")


def _require_json(scope: Scope, origins: Collection[str]) -> None:
    headers = MutableHeaders(scope=scope)
    media_type, charset = _declared(headers.get("content-type", ""))
    is_ours = media_type == "text/plain" and headers.get("origin") in origins
    if "content-type" not in headers or "content-encoding" in headers or charset != "utf-8":
        raise _not_json()
    if is_ours:
        headers["content-type"] = "application/json"
    elif media_type != "application/json":
        raise _not_json()


def _declared(content_type: str) -> tuple[str, str]:
    """Media type and charset. The standard library's reader stumbles over odd parameters (RFC
    2231's numbered ones), with errors of its own."""
    declared = MimeHeaders()
    declared["content-type"] = content_type
    try:
        return declared.get_content_type(), declared.get_content_charset("utf-8")
    except (TypeError, ValueError) as unreadable:
        raise _not_json() from unreadable


def _not_json() -> UnsupportedMediaType:
    return UnsupportedMediaType("Send Content-Type: application/json, UTF-8, not compressed.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("duplicate key")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _require_plain(value: Any, levels: int) -> None:
    if levels == 0:
        raise MalformedJson(f"The body is nested more than {DEEPEST} levels deep.")
    if isinstance(value, dict):
        for name, member in value.items():
            _require_plain(name, levels)
            _require_plain(member, levels - 1)
    elif isinstance(value, list):
        for member in value:
            _require_plain(member, levels - 1)
    elif isinstance(value, str) and not _is_unicode(value):
        raise MalformedJson("The body holds half a character (a lone surrogate).")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
