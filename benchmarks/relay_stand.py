"""`python -m benchmarks.relay_stand`: the relay of the product, on the benchmark's table.

STAND_TABLE and STAND_STREAMS name the table. With STAND_DOOR=<port> records come by HTTP
(`POST /<user>`, the body is the record) instead of by Kafka, which is how other SSE servers are
fed: so their latencies can be compared.
"""

import asyncio
import os
import random
import secrets
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.relay_bench import ORIGIN, BenchKey, SharedTable
from nft_upgrade.adapters.system import SystemClock
from nft_upgrade.config import RelaySettings
from nft_upgrade.http.sessions import SessionVerifier
from nft_upgrade.ports import TicketGrant
from relay.app import Parts, run, settle
from relay.consumer import SourceState
from relay.ring import EVERYTHING
from relay.server import Relay
from relay.sessions import RememberedSessions
from relay.signatures import verifies


class NoTickets:
    """The benchmark's callers have sessions."""

    def put(self, ticket_hash: str, grant: TicketGrant) -> None:
        raise NotImplementedError

    def redeem(
        self, ticket_hash: str, *, upgrade_id: str, is_reconnect: bool, at: datetime
    ) -> TicketGrant | None:
        return None


class FeedDoor(asyncio.Protocol):
    """Takes records: one request at a time, answered once the record is handed over."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._data = b""
        self._to: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._to = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        length = int(head.rpartition(b"Content-Length: ")[2].split(b"\r\n")[0]) if found else 1
        if len(body) < length:
            return
        self._data = b""
        message_key = head.split(b" ", 2)[1].removeprefix(b"/")
        self._relay.ring.add(message_key, body, asyncio.get_running_loop().time())
        if self._relay.hub.listens(message_key):
            self._relay.deliver([(message_key, body)])
        self._to.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def _serve(settings: RelaySettings, parts: Parts, door_port: int) -> None:
    relay = Relay(
        settings,
        table=parts.table,
        tickets=parts.tickets,
        sessions=RememberedSessions(parts.sessions.verify),
        source=SourceState(is_connected=True, is_caught_up=True),
        now=parts.clock.now,
        random=random.random,
        request_id=partial(secrets.token_hex, 8),
    )
    relay.ring.restart(floor=parts.clock.now().timestamp() if door_port else EVERYTHING)
    await asyncio.get_running_loop().create_server(lambda: FeedDoor(relay), "127.0.0.1", door_port)
    await relay.listen(settings.relay_host, settings.relay_port)
    await asyncio.Event().wait()


def main() -> None:
    table = SharedTable(Path(os.environ["STAND_TABLE"]), int(os.environ["STAND_STREAMS"]))
    verifier = SessionVerifier(lambda: BenchKey().public_key, issuer=ORIGIN, verifies=verifies)
    verifier.jwks()
    parts = Parts(table, NoTickets(), verifier, SystemClock(), verifier.jwks)
    door_port = int(os.environ.get("STAND_DOOR", "0"))
    if door_port:
        settle()
        uvloop.run(_serve(RelaySettings(), parts, door_port))
    else:
        run(RelaySettings(), parts)


if __name__ == "__main__":
    main()
