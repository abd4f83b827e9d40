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
    """`answers`: by method, a result, an RpcError, raw `bytes` for the body, or a Status of
    HTTP. A method without an answer is one the node does not know. `delay`: seconds before each.
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

    def answer(self, request: Mapping[str, Any]) -> tuple[int, bytes]:
        method = request["method"]
        self.asked.append(method)
        self.params[method] = request.get("params")
        time.sleep(self.delay)
        told = self.answers.get(method, RpcError(-32601, "Method not found"))
        if isinstance(told, bytes):
            return 200, told
        if isinstance(told, Status):
            return told.code, b"busy"
        return 200, json.dumps({"jsonrpc": "2.0", "id": request["id"], **_body(told)}).encode()


class Status:
    """An HTTP status to answer with."""

    def __init__(self, code: int) -> None:
        self.code = code


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
        status, body = self.node.answer(request)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
