"""Passing requests on to a part, byte for byte, as a reverse proxy of one hop."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

# RFC 9110 section 7.6.1, and what the field `Connection` names besides.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
COMES_BACK = b"retry: 1000\n\n"
"""A stream that ends at once and asks to come back: any status but 200 stops EventSource for ever
(docs/events.md)."""

Headers = list[tuple[bytes, bytes]]


class Upstream:
    """One part behind the gateway. Connections are made on first use and kept for a moment."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        # The transport alone: a client would add headers, keep cookies and follow redirects.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False,
            # Shorter than the part's own patience, else a request meets a closing connection.
            limits=httpx.Limits(max_connections=None, keepalive_expiry=2.0),
        )

    async def pass_on(self, request: Request) -> Response:
        """The part's answer; 502 when it does not answer."""
        try:
            answer = await self._ask(request, read_seconds=60.0)
        except (httpx.InvalidURL, ValueError):
            return problem(400, "malformed_path", "The path cannot be read.")
        except httpx.TransportError:
            return problem(502, "part_unavailable", "This part restarts; ask again.", retry_after=1)
        return _streamed(answer, _whole(answer))

    async def stream(self, request: Request) -> Response:
        """The part's stream; when it is away, a stream that ends at once and comes back."""
        try:
            answer = await self._ask(request, read_seconds=None)
        except (httpx.InvalidURL, ValueError):
            return problem(400, "malformed_path", "The path cannot be read.")
        except httpx.TransportError:
            return Response(COMES_BACK, media_type="text/event-stream", headers=_UNBUFFERED)
        return _streamed(answer, _until_it_breaks(answer))

    async def _ask(self, request: Request, *, read_seconds: float | None) -> httpx.Response:
        timeout = httpx.Timeout(10.0, connect=2.0, read=read_seconds)
        forwarded = httpx.Request(
            request.method,
            self._url.copy_with(raw_path=_target(request)),
            headers=_forwarded_headers(request),
            content=request.stream() if _has_body(request) else None,
            extensions={"timeout": timeout.as_dict()},
        )
        return await self._transport.handle_async_request(forwarded)


def problem(status: int, code: str, detail: str, *, retry_after: int | None = None) -> JSONResponse:
    """problem+json with the members of docs/api.md."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "errorType": "network_error" if status >= 500 else "invalid_nft_state",
        "retryable": status >= 500,
        "requestId": None,
        "success": False,
        "error": detail,
    }
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


_UNBUFFERED = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


def _target(request: Request) -> bytes:
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def _forwarded_headers(request: Request) -> Headers:
    headers = [
        (name, value)
        for name, value in _end_to_end(request.headers.raw)
        if name not in (b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto")
    ]
    client = request.client.host if request.client else "127.0.0.1"
    chain = [*request.headers.getlist("x-forwarded-for"), client]
    return [
        *headers,
        (b"x-forwarded-for", ", ".join(chain).encode("latin-1")),
        (b"x-forwarded-host", request.headers.get("host", "").encode("latin-1")),
        (b"x-forwarded-proto", request.url.scheme.encode()),
    ]


def _end_to_end(headers: Headers) -> Headers:
    named = b",".join(value for name, value in headers if name.lower() == b"connection")
    dropped = HOP_BY_HOP | {name.strip().lower() for name in named.split(b",")}
    return [(name.lower(), value) for name, value in headers if name.lower() not in dropped]


def _streamed(answer: httpx.Response, body: AsyncIterator[bytes]) -> Response:
    response = StreamingResponse(body, answer.status_code)
    # The server in front of us writes its own date.
    raw = [(name, value) for name, value in _end_to_end(answer.headers.raw) if name != b"date"]
    response.raw_headers = raw
    return response


async def _whole(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


async def _until_it_breaks(answer: httpx.Response) -> AsyncIterator[bytes]:
    """A stream that breaks is a stream that ends: the browser comes back by itself."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx.TransportError:
        return
    finally:
        await answer.aclose()
