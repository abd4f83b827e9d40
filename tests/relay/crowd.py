"""Many browsers in one thread: each reconnects with its last id until it is answered 204, and
keeps the number of every event it was shown."""

import heapq
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.relay.harness import Story, bearer
from tests.sse import Cut, EventStreamParser, _Wire

PATIENCE = 0.1
"""Seconds before a reconnect, instead of the `retry:` the relay asks for."""


@dataclass(eq=False)
class Tab:
    """One of them."""

    story: Story
    request: bytes
    numbers: list[int] = field(default_factory=list)
    connects: int = 0
    final_status: int | None = None
    last_id: str = ""
    wire: _Wire | None = None
    parser: EventStreamParser | None = None

    def begin(self, sock: socket.socket) -> None:
        """A new connection is made."""
        more = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        self.wire, self.parser = _Wire(sock), None
        sock.sendall(self.request + more.encode() + b"\r\n")

    def take(self, data: bytes) -> bool:
        """What arrived; False once the answer is over."""
        assert self.wire is not None
        self.wire.buffer += data
        if self.parser is None and not self._take_head():
            return True
        assert self.parser is not None
        while (block := self.wire._next_block()) is not None:
            for message in self.parser.feed(block):
                self._note(message.json)
            self.last_id = self.parser.last_id
        return not self.wire.is_over

    def _take_head(self) -> bool:
        assert self.wire is not None
        if b"\r\n\r\n" not in self.wire.buffer:
            return False
        status, headers = self.wire.head(1.0)
        self.wire.expect_body("GET", status, headers)
        self.parser = EventStreamParser(last_id=self.last_id)
        self.connects += 1
        if status != 200:
            self.final_status = status
            self.wire.is_over = True
        return True

    def _note(self, body: dict[str, object]) -> None:
        if body["type"] not in ("connection_established", "reset", "session_expiring"):
            number = body["sequence"]
            assert isinstance(number, int)
            self.numbers.append(number)


class Crowd:
    """Runs them all; call `run` in a thread."""

    def __init__(self, url: str, stories: list[Story]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self.tabs = [Tab(story, _request(story)) for story in stories]
        self._selector = selectors.DefaultSelector()
        self._due = [(0.0, number) for number in range(len(self.tabs))]
        self.live = 0

    def run(self, seconds: float) -> None:
        """Until every tab was answered 204, or for so long."""
        ends = time.monotonic() + seconds
        while any(tab.final_status is None for tab in self.tabs) and time.monotonic() < ends:
            self._connect_due()
            for key, _ in self._selector.select(0.02):
                self._receive(key.data)
        for key in list(self._selector.get_map().values()):
            self.tabs[key.data].wire.close()
        self._selector.close()

    def faults(self) -> Iterator[tuple[str, str]]:
        """Lost, doubled or reordered events, streams that did not come to their end."""
        for tab in self.tabs:
            if tab.numbers != list(range(1, tab.story.upgrade.version + 1)):
                state = "no answer yet" if tab.parser is None else "answered"
                told = f"{tab.numbers} of {tab.story.upgrade.version}"
                yield tab.story.upgrade.id, f"{told}, last id {tab.last_id}, {state}"
            elif tab.final_status != 204:
                yield tab.story.upgrade.id, f"ended with {tab.final_status}"

    def _connect_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            _, number = heapq.heappop(self._due)
            try:
                sock = socket.create_connection(self._address, 5)
                self.tabs[number].begin(sock)
            except OSError:
                self._again(number)
            else:
                self._selector.register(sock, selectors.EVENT_READ, number)
                self.live += 1

    def _receive(self, number: int) -> None:
        tab = self.tabs[number]
        assert tab.wire is not None
        try:
            data = tab.wire.sock.recv(65536)
            goes_on = bool(data) and tab.take(data)
        except (OSError, Cut):
            goes_on = False
        if not goes_on:
            self._selector.unregister(tab.wire.sock)
            tab.wire.close()
            self.live -= 1
            if tab.final_status is None:
                self._again(number)

    def _again(self, number: int) -> None:
        heapq.heappush(self._due, (time.monotonic() + PATIENCE, number))


def _request(story: Story) -> bytes:
    authorization = bearer(story.upgrade.user_id)["Authorization"]
    path = f"/api/nft/upgrade/{story.upgrade.id}/events"
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
    return head.encode()
