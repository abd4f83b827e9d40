"""Tiny parts that keep to the conventions of the local stack, for tests of its supervisor."""

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

READY_THEN_SLEEP = "import time; print('ready somewhere', flush=True); time.sleep(600)"
SILENT = "import time; time.sleep(600)"
DIES_AT_ONCE = "import sys; print('no disk'); sys.exit(3)"
IGNORES_TERM = "import signal; signal.signal(15, signal.SIG_IGN); " + READY_THEN_SLEEP


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-u", "-c", code, *arguments]


def noting(log: Path, name: str, *, ready_after: float = 0.0) -> list[str]:
    """A part that writes `name started`, `name ready` and `name ended` into a file."""
    code = f"""
import signal, sys, time
def note(what):
    with open({str(log)!r}, "a") as file:
        file.write(f"{name} {{what}}\\n")
def end(*_):
    note("ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("started")
time.sleep({ready_after})
note("ready")
print("ready {name}", flush=True)
time.sleep(600)
"""
    return python(code)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something to become true; AssertionError when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Seen:
    """One request as a stub server got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [text for key, text in self.headers if key.lower() == name.lower()]
        return found[-1] if found else None


class StubServer:
    """An HTTP server whose answers a test writes: `answer(handler, seen)` sends them."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler, Seen], None]) -> None:
        self.seen: list[Seen] = []
        self._connections: set[socket.socket] = set()
        self._handler_class = self._handler(answer)
        self.port = 0
        self._start()
        self.url = f"http://127.0.0.1:{self.port}"

    def _start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler_class)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens on the port inside, and kept connections are gone, as after a crash."""
        self.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()
        try:
            yield
        finally:
            self._start()

    def _handler(
        self, answer: Callable[[BaseHTTPRequestHandler, Seen], None]
    ) -> type[BaseHTTPRequestHandler]:
        seen, connections = self.seen, self._connections

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                connections.add(self.connection)

            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()

            def do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                request = Seen(self.command, self.path, list(self.headers.items()), body)
                seen.append(request)
                answer(self, request)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def send_json(handler: BaseHTTPRequestHandler, body: Any, status: int = 200) -> None:
    content = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
