"""The relay as a process of its own, on Kafka, with its table in the process that started it:
`python -m tests.relay.killable`. So a test can kill it, and count what its clients saw."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.managers import BaseManager
from threading import Thread
from typing import Any

from local.process import Part
from nft_upgrade.adapters.system import SystemClock
from nft_upgrade.config import RelaySettings
from nft_upgrade.http.sessions import SessionVerifier
from relay.app import Parts, run
from tests.fakes.storage import FakeTickets
from tests.relay.harness import ORIGIN, LocalKey

AUTHKEY = b"relay"


class _Tables(BaseManager):
    """Lends a table to other processes."""


@contextmanager
def lent(table: Any) -> Iterator[str]:
    """Serve `get_many` and `events` of the table; the port."""

    class Lending(BaseManager):
        pass

    Lending.register("table", callable=lambda: table, exposed=["get_many", "events"])
    server: Any = Lending(address=("127.0.0.1", 0), authkey=AUTHKEY).get_server()
    thread = Thread(target=_serve, args=(server,), daemon=True)
    thread.start()
    try:
        yield str(server.address[1])
    finally:
        server.stop_event.set()
        thread.join(5)
        server.listener.close()


def _serve(server: Any) -> None:
    # The library means to be a process of its own, and exits when it is told to stop.
    with suppress(SystemExit):
        server.serve_forever()


class Killable:
    """One relay that can be killed and started again at the same address."""

    def __init__(self, table_port: str, environment: dict[str, str]) -> None:
        self._environment = {
            "TABLE_PORT": table_port,
            "SESSION_KMS_KEY_ID": "unused",
            "PUBLIC_ORIGIN": ORIGIN,
            "RELAY_PORT": "0",
            "RELAY_RECHECK_SECONDS": "600",
            "RELAY_OUTAGE_RECHECK_SECONDS": "0.3",
            "RELAY_DRAIN_SECONDS": "3",
            **environment,
        }
        self.start()

    def start(self) -> None:
        self.part = Part("tests.relay.killable", environment=self._environment)
        self.url = self.part.wait(30)
        self._environment["RELAY_PORT"] = self.url.rsplit(":", 1)[1]

    def kill(self) -> None:
        self.part.kill()
        self.part.stop()

    def stop(self) -> int:
        return self.part.stop()


def main() -> None:
    _Tables.register("table")
    tables = _Tables(address=("127.0.0.1", int(os.environ["TABLE_PORT"])), authkey=AUTHKEY)
    tables.connect()
    table: Any = tables.table()  # type: ignore[attr-defined]
    verifier = SessionVerifier(lambda: LocalKey().public_key, issuer=ORIGIN)
    parts = Parts(table, FakeTickets(), verifier, SystemClock(), verifier.jwks)
    run(RelaySettings(), parts)


if __name__ == "__main__":
    main()
