"""The API's own description: what FastAPI finds, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nft_upgrade.domain.errors import NotFound
from nft_upgrade.http.documented import PROBLEM_SCHEMA, problems
from nft_upgrade.http.errors import InvalidToken, TicketInvalid
from nft_upgrade.http.schemas import UPGRADE_ID
from nft_upgrade.http.sessions import cookie_name

EVENTS_PATH = "/api/nft/upgrade/{id}/events"
OPEN_PATHS = frozenset(
    (
        "/api/auth/challenge",
        "/api/auth/verify",
        "/api/auth/sign-out",
        "/.well-known/jwks.json",
        "/api/nft/upgrade/health",
        "/api/nft/{mint}/lineage",
        "/api/notifications/preferences/email/confirmation",
        "/api/notifications/preferences/unsubscribe",
    )
)
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key and body again: the same answer, no second effect.",
}
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI, public_origin: str) -> dict[str, Any]:
    """The OpenAPI document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=[{"url": public_origin}],
    )
    document["paths"][EVENTS_PATH] = {"get": _events_operation()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _finish(operation, is_open=path in OPEN_PATHS, is_post=method == "post")
    _finish_components(document["components"], public_origin)
    return document


def _finish(operation: dict[str, Any], *, is_open: bool, is_post: bool) -> None:
    unprocessable = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(unprocessable):
        del operation["responses"]["422"]
    if is_open:
        return
    operation.setdefault("security", [{"bearer": []}, {"cookie": []}])
    if is_post:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)


def _finish_components(components: dict[str, Any], public_origin: str) -> None:
    for name in _FASTAPI_ERRORS:
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": cookie_name(public_origin)},
    }


def _events_operation() -> dict[str, Any]:
    """Served by the relay, at the same origin."""
    text = {"type": "string"}
    return {
        "tags": ["upgrades"],
        "summary": "Events",
        "description": (
            "Server-Sent Events of one upgrade: unnamed messages, each a JSON envelope "
            "`{type, upgradeRequestId, status, message, timestamp, sequence, data?}`, whose id is "
            "the sequence. Served by the relay. After a terminal event the stream ends, and a "
            "reconnect is answered 204."
        ),
        "operationId": "events",
        "security": [{"bearer": []}, {"cookie": []}, {}],
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": text, "example": UPGRADE_ID},
            {"name": "Last-Event-ID", "in": "header", "required": False, "schema": text},
            {"name": "lastEventId", "in": "query", "required": False, "schema": text},
            {
                "name": "ticket",
                "in": "query",
                "required": False,
                "schema": text,
                "description": "From `events-ticket`, instead of a session.",
            },
        ],
        "responses": {
            "200": {
                "description": "The stream",
                "content": {"text/event-stream": {"schema": text, "example": _EXAMPLE_STREAM}},
            },
            "204": {"description": "The upgrade is over, or this stream was evicted."},
            **{
                str(status): described
                for status, described in problems(InvalidToken, TicketInvalid, NotFound).items()
            },
        },
    }


_EXAMPLE_STREAM = (
    "retry: 2000\n\nid: 3\n"
    'data: {"type":"burn_confirmed","upgradeRequestId":"' + UPGRADE_ID + '",'
    '"status":"burn_confirmed","message":"Your burn is final. The next level is being minted.",'
    '"timestamp":"2026-11-24T06:20:00.000Z","sequence":3}\n\n'
)
