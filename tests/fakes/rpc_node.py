"""A Solana RPC node that says what a test tells it to, over real HTTP."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"


class RpcError(Exception):
    """A JSON-RPC error to answer with."""

    def __init__(self, code: int, message: str = "refused", data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class ScriptedNode:
    """`answers`: by method, a result, an RpcError, raw `bytes` for the body, a Status of HTTP, or a
    Series of these. A method without an answer is one the node does not know. `delay`: seconds
    before each.
    """

    def __init__(self, *, genesis: str = GENESIS, delay: float = 0.0, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"getGenesisHash": genesis, **answers}
        self.delay = delay
        self.asked: list[str] = []
        self.params: dict[str, Any] = {}
        handler = type("BoundHandler", (_Handler,), {"node": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: Mapping[str, Any]) -> tuple[int, bytes, Mapping[str, str]]:
        method = request["method"]
        self.asked.append(method)
        self.params[method] = request.get("params")
        time.sleep(self.delay)
        told = self.answers.get(method, RpcError(-32601, "Method not found"))
        if isinstance(told, Series):
            told = told.next()
        if isinstance(told, bytes):
            return 200, told, {}
        if isinstance(told, Status):
            return told.code, b"busy", told.headers
        body = {"jsonrpc": "2.0", "id": request["id"], **_body(told)}
        return 200, json.dumps(body).encode(), {}


class Status:
    """An HTTP status to answer with, and headers."""

    def __init__(self, code: int, **headers: str) -> None:
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Series:
    """One answer after another; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def next(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def _body(told: Any) -> dict[str, Any]:
    if isinstance(told, RpcError):
        return {"error": {"code": told.code, "message": told.message, "data": told.data}}
    return {"result": told}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node: ScriptedNode

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body, headers = self.node.answer(request)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
