"""The answers that are no stream, and the headers of those that are."""

import json
from collections.abc import Callable, Collection

from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.http.problems import problem, problem_headers, row_of
from relay.wire import Answer, Malformed, Request, encode_retry

Headers = tuple[tuple[str, str], ...]

STREAM_HEADERS: Headers = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store, no-transform"),
    ("X-Accel-Buffering", "no"),
    ("X-Content-Type-Options", "nosniff"),
)
NO_STORE: Headers = (("Cache-Control", "no-store"),)
NO_CONTENT = Answer(204, NO_STORE)
"""Stops an EventSource for good, as the end of a finished or evicted stream should."""


def stream_headers(request: Request) -> Headers:
    """Of a 200; HTTP/1.0 knows no chunks, there the end of the connection is the end."""
    framing: Headers = (("Transfer-Encoding", "chunked"),) if request.can_chunk else ()
    return STREAM_HEADERS if request.method == "HEAD" else (*STREAM_HEADERS, *framing)


def calm(random: Callable[[], float]) -> Answer:
    """Not now, but come back: in 2 to 10 s."""
    return Answer(200, STREAM_HEADERS, encode_retry(2000 + int(8000 * random())))


def refusal(error: UpgradeError, request_id: str) -> Answer:
    """problem+json as the API answers it (docs/api.md)."""
    headers = tuple((name.title(), value) for name, value in problem_headers(error).items())
    body = json.dumps(problem(error, request_id), separators=(",", ":")).encode()
    return Answer(row_of(type(error)).status, (*headers, *NO_STORE), body)


def malformed(error: Malformed, request_id: str) -> Answer:
    """The same shape for what is not even a request; the connection ends with it."""
    members = {
        "type": f"urn:nft-upgrade:problem:{error.code}",
        "title": "Bad request",
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "errorType": "network_error",
        "retryable": False,
        "requestId": request_id,
        "success": False,
        "error": error.detail,
    }
    headers = (("Content-Type", "application/problem+json"), *NO_STORE)
    return Answer(error.status, headers, json.dumps(members).encode(), is_final=True)


def allows_origin(origins: Collection[str], origin: str | None) -> bool:
    """Exactly one of the configured ones; never a pattern, never `*`, never `null`."""
    return origin is not None and origin in origins


def cors_headers(allowed_origin: str | None) -> Headers:
    """`Vary` in any case, so that no cache gives one origin's answer to another."""
    if allowed_origin is None:
        return (("Vary", "Origin"),)
    return (
        ("Access-Control-Allow-Origin", allowed_origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    )


def preflight(*, is_allowed: bool) -> Answer:
    """What a fetch-based client of another origin asks first."""
    headers: Headers = (("Allow", "GET, HEAD, OPTIONS"),)
    if is_allowed:
        headers += (
            ("Access-Control-Allow-Methods", "GET, HEAD"),
            ("Access-Control-Allow-Headers", "Authorization, Last-Event-ID, Cache-Control"),
            ("Access-Control-Max-Age", "7200"),
        )
    return Answer(204, headers)
