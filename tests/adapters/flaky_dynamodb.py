"""A proxy in front of DynamoDB that loses requests or answers, as a network does."""

import http.client
import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to one call."""

    LOSE_REQUEST = auto()
    """The connection ends before DynamoDB saw anything."""
    LOSE_ANSWER = auto()
    """DynamoDB did it; the connection ends before the client hears of it."""
    THROTTLE = auto()
    """Refused with ThrottlingException."""
    CONFLICT = auto()
    """A transaction is cancelled because another one holds an item."""


class FlakyDynamoDb:
    """Forwards to `upstream`; each writing call meets the next of `faults`, while there are any."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self.faults: deque[Fault] = deque()
        self.calls: Counter[str] = Counter()
        """By operation, also those that met a fault."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["FlakyDynamoDb"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        flaky = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                flaky.forward(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def forward(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        operation = request.headers["X-Amz-Target"].split(".")[1]
        self.calls[operation] += 1
        is_write = operation not in {"GetItem", "Query", "Scan"}
        fault = self.faults.popleft() if self.faults and is_write else None
        if fault is Fault.LOSE_REQUEST:
            return
        if fault in (Fault.THROTTLE, Fault.CONFLICT):
            refusal = THROTTLED if fault is Fault.THROTTLE else _conflict(body)
            _answer(request, 400, json.dumps(refusal).encode(), JSON)
            return
        status, headers, answer = self._ask(request, body)
        if fault is not Fault.LOSE_ANSWER:
            _answer(request, status, answer, headers)

    def _ask(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(self._upstream, timeout=30)
        try:
            upstream.request("POST", request.path, body, dict(request.headers))
            answer = upstream.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            upstream.close()


JSON = {"Content-Type": "application/x-amz-json-1.0"}
THROTTLED = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}


def _conflict(body: bytes) -> dict[str, Any]:
    """One reason per item, as DynamoDB gives them; the last item met another transaction."""
    items = json.loads(body)["TransactItems"]
    reasons = [{"Code": "None"}] * (len(items) - 1) + [{"Code": "TransactionConflict"}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return {"__type": kind, "CancellationReasons": reasons}


def _answer(
    request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
) -> None:
    request.send_response(status)
    for name, text in headers.items():
        if name.lower() in {"content-type", "x-amz-crc32"}:
            request.send_header(name, text)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
