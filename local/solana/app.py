"""HTTP around the node: JSON-RPC on `/`, and what tests control on `/local/`.

One event loop runs everything, so calls into LiteSVM never overlap.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from local.solana import rpc
from local.solana.controls import FIRST_NODE, Controls
from local.solana.errors import RpcFailure
from local.solana.faults import Faults, HttpFault
from local.solana.ledger import Ledger
from local.solana.scenarios import Scenario, Stage

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
    """The ASGI application: one chain, seen through as many nodes as are asked for.

    POST /              JSON-RPC 2.0, single or batch, by the node `first`
    POST /nodes/<name>  the same by another node: same chain, faults of its own
    GET  /health        `ok`, as nodes answer load balancers
    POST /local/...     what tests and developers order (controls.py)
    """

    def __init__(self, ledger: Ledger, *, scenario: Scenario = Scenario.NONE) -> None:
        self.ledger = ledger
        self._nodes: dict[str, Faults] = {}
        self._stage = Stage(ledger, self.node(FIRST_NODE), now=time.monotonic)
        self._controls = Controls(ledger, self.node, self._stage)
        self._stage.play(scenario)

    def node(self, name: str) -> Faults:
        """What goes wrong on the node of this name, which exists from now on."""
        return self._nodes.setdefault(name, Faults())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("HTTP only")
        headers = dict(scope["headers"])
        body = await _body(receive)
        status, answer, extra = await self._respond(scope["method"], scope["path"], headers, body)
        extra = [*extra, *_cors(headers), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send({"type": "http.response.body", "body": answer})

    async def _respond(
        self, method: str, path: str, headers: dict[bytes, bytes], body: bytes | None
    ) -> Response:
        refusal = _refused(method, path, headers)
        if refusal is not None:
            return refusal
        if body is None:
            return 413, b"Request body is too large\n", [TEXT_TYPE]
        self.ledger.catch_up()
        if path.startswith("/local/"):
            return self._control(path, body)
        self._stage.tick()
        return await self._rpc(self.node(_node_name(path)), body)

    async def _rpc(self, faults: Faults, body: bytes) -> Response:
        if faults.any_left:
            methods = rpc.methods_in(body)
            await asyncio.sleep(faults.stall(methods))
            fault = faults.http(methods)
            if fault is not None:
                return _faulty(fault)
        with self.ledger.behind(faults.lag):
            return 200, rpc.answer(body, self.ledger, faults), [JSON_TYPE]

    def _control(self, path: str, body: bytes) -> Response:
        try:
            done = self._controls.carry_out(path, json.loads(body))
            return 200, json.dumps(done).encode(), [JSON_TYPE]
        except LookupError as error:
            return 404, f"no such control: {error}\n".encode(), [TEXT_TYPE]
        except (RpcFailure, ValueError, TypeError) as error:
            return 400, f"{error}\n".encode(), [TEXT_TYPE]


def _node_name(path: str) -> str:
    name = path.removeprefix("/nodes/").strip("/") if path.startswith("/nodes/") else ""
    return name or FIRST_NODE


def _refused(method: str, path: str, headers: dict[bytes, bytes]) -> Response | None:
    """What is answered to anything but a POST of JSON."""
    if method == "OPTIONS":
        return 200, b"", []
    if method == "GET" and path == "/health":
        return 200, b"ok", [TEXT_TYPE]
    if method != "POST":
        return 405, b"Used HTTP Method is not allowed. POST or OPTIONS is required\n", [TEXT_TYPE]
    if not headers.get(b"content-type", b"").startswith(b"application/json"):
        text = b"Supplied content type is not allowed. Content-Type: application/json is required\n"
        return 415, text, [TEXT_TYPE]
    return None


def _faulty(fault: HttpFault) -> Response:
    seconds = fault.retry_after
    retry = [] if seconds is None else [(b"retry-after", str(seconds).encode())]
    return fault.status, fault.body, [TEXT_TYPE, *retry]


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
