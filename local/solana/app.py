"""HTTP around the node: JSON-RPC on `/`, and what tests control on `/local/`.

One event loop runs everything, so calls into LiteSVM never overlap.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from local.solana import rpc
from local.solana.errors import RpcFailure
from local.solana.faults import Faults
from local.solana.ledger import Ledger

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]
Response: TypeAlias = tuple[int, bytes, Headers]

MAX_BODY = 1 << 20
LOOPBACK_ORIGIN = re.compile(rb"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
TEXT_TYPE = (b"content-type", b"text/plain")


class SolanaApp:
    """The ASGI application.

    POST /              JSON-RPC 2.0, single or batch
    GET  /health        `ok`, as nodes answer load balancers
    POST /local/slots   {"advance": n}: n slots pass at once; answers {"slot"}
    POST /local/faults  {"method", "kind", "count"}: the next `count` calls go wrong (faults.py)
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.faults = Faults()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("HTTP only")
        headers = dict(scope["headers"])
        body = await _body(receive)
        status, answer, extra = self._respond(scope["method"], scope["path"], headers, body)
        extra = [*extra, *_cors(headers), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send({"type": "http.response.body", "body": answer})

    def _respond(
        self, method: str, path: str, headers: dict[bytes, bytes], body: bytes | None
    ) -> Response:
        if method == "OPTIONS":
            return 200, b"", []
        if method == "GET" and path == "/health":
            return 200, b"ok", [TEXT_TYPE]
        if method != "POST":
            return (
                405,
                b"Used HTTP Method is not allowed. POST or OPTIONS is required\n",
                [TEXT_TYPE],
            )
        if not headers.get(b"content-type", b"").startswith(b"application/json"):
            return (
                415,
                b"Supplied content type is not allowed. "
                b"Content-Type: application/json is required\n",
                [TEXT_TYPE],
            )
        if body is None:
            return 413, b"Request body is too large\n", [TEXT_TYPE]
        self.ledger.catch_up()
        return self._control(path, body) if path.startswith("/local/") else self._rpc(body)

    def _rpc(self, body: bytes) -> Response:
        status = self.faults.http_status(rpc.methods_in(body)) if self.faults.any_left else None
        if status is not None:
            return status, b"ordered by a test\n", [TEXT_TYPE, (b"retry-after", b"1")]
        return 200, rpc.answer(body, self.ledger, self.faults), [JSON_TYPE]

    def _control(self, path: str, body: bytes) -> Response:
        try:
            return 200, json.dumps(self._controlled(path, json.loads(body))).encode(), [JSON_TYPE]
        except LookupError as error:
            return 404, f"no such control: {error}\n".encode(), [TEXT_TYPE]
        except (RpcFailure, ValueError, TypeError) as error:
            return 400, f"{error}\n".encode(), [TEXT_TYPE]

    def _controlled(self, path: str, order: Any) -> Any:
        if path == "/local/slots":
            self.ledger.advance(_natural(order, "advance"))
            return {"slot": self.ledger.tip.slot}
        if path == "/local/faults":
            count = _natural(order, "count")
            self.faults.order(_field(order, "method"), _field(order, "kind"), count)
            return {"count": count}
        raise LookupError(path)


async def _body(receive: Receive) -> bytes | None:
    """None when it is larger than MAX_BODY."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks) if size <= MAX_BODY else None


def _cors(headers: dict[bytes, bytes]) -> Headers:
    """Pages on this machine may call; others may not reach into it."""
    origin = headers.get(b"origin", b"")
    if not LOOPBACK_ORIGIN.fullmatch(origin):
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"POST, OPTIONS"),
        (b"access-control-allow-headers", b"content-type, solana-client"),
        (b"access-control-max-age", b"600"),
        (b"vary", b"origin"),
    ]


def _field(order: Any, name: str) -> str:
    value = order.get(name) if isinstance(order, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"`{name}` must be a string")
    return value


def _natural(order: Any, name: str) -> int:
    value = order.get(name) if isinstance(order, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"`{name}` must be a whole number, zero or more")
    return value
