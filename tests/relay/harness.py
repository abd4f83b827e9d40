"""A relay in a thread of this process, with the storage fakes, real session tokens, and the test
itself as the source of records."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nft_upgrade.config import RelaySettings
from nft_upgrade.domain.burn import BurnProof
from nft_upgrade.domain.errors import ErrorType, StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Failure, Status, Transition, Upgrade, open_upgrade
from nft_upgrade.http.sessions import SessionSigner, SessionVerifier
from nft_upgrade.messages import to_record
from nft_upgrade.ports import Nfts, Presence, TicketGrant, Upgrades
from relay.consumer import SourceState
from relay.server import Relay
from tests.fakes.storage import FakeNfts, FakeTickets, FakeUpgrades
from tests.sse import SseResponse, request

ORIGIN = "http://localhost:8000"
FRIEND = "https://friend.example"
USER = "5oNDL3swdJJF1g9DzJiZ4ynHXgszjAEpUkxVYejchzrY"
STRANGER = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin"
FAILURE = Failure("mint_expired", ErrorType.MINT_TRANSACTION_FAILED, "The mint expired.", True)


def now() -> datetime:
    return datetime.now(UTC)


class LocalKey:
    """A `SessionKey` from a fixed seed."""

    def __init__(self, seed: bytes = bytes(32)) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def access_token(user_id: str = USER, *, life: timedelta = timedelta(hours=1)) -> str:
    signer = SessionSigner(LocalKey(), issuer=ORIGIN, life=life)
    return signer.issue(user_id, session_id="session-1", at=now())[0]


def bearer(user_id: str = USER, **life: timedelta) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(user_id, **life)}"}


class Table(FakeUpgrades):
    """The table with a switch: while `fault` is set, every read raises it. What `meanwhile` does
    happens between the read of an upgrade and its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self.reads = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def get(self, upgrade_id: str) -> Upgrade | None:
        self.reads += 1
        if self.fault:
            raise self.fault
        found = super().get(upgrade_id)
        self.meanwhile()
        return found


class Desk(FakeTickets):
    """The tickets with the same switch, and a wait before each answer."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self.wait: Callable[[], object] = lambda: None

    def redeem(
        self, ticket_hash: str, *, upgrade_id: str, is_reconnect: bool, at: datetime
    ) -> TicketGrant | None:
        self.wait()
        if self.fault:
            raise self.fault
        return super().redeem(ticket_hash, upgrade_id=upgrade_id, is_reconnect=is_reconnect, at=at)


def an_nft(mint: str, owner: str, *, level: int) -> Nft:
    return Nft(
        mint=mint,
        owner=owner,
        level=level,
        status=NftStatus.ACTIVE,
        version=1,
        token_program="token-2022",
        mint_base="base",
        created_at=now(),
        updated_at=now(),
    )


class Teller(Protocol):
    """Where a story's steps go: the fakes, or the real tables."""

    @property
    def table(self) -> Upgrades: ...

    @property
    def nfts(self) -> Nfts: ...

    def publish(self, *events: UpgradeEvent) -> None: ...


class Story:
    """One upgrade told step by step; every step is committed, then published unless told not to."""

    def __init__(
        self,
        world: Teller,
        upgrade_id: str = "01UPGRADE",
        user_id: str = USER,
        *,
        again: Nft | None = None,
    ) -> None:
        """`again`: the NFT of a story that was cancelled; else the user gets a new one."""
        self.world = world
        at = now()
        nft = again or an_nft(f"nft-of-{upgrade_id}", user_id, level=1)
        upgrade = Upgrade(
            id=upgrade_id,
            user_id=user_id,
            nft_id=nft.mint,
            current_level=1,
            target_level=2,
            status=Status.INITIATED,
            version=1,
            token_program="token-2022",
            mint_base="base",
            successor=f"successor-of-{upgrade_id}",
            opened_slot=1,
            created_at=at,
            updated_at=at,
            expires_at=at + timedelta(minutes=30),
        )
        self.nft = nft
        self.upgrade = upgrade
        if again is None:
            world.nfts.register(nft, takes=())
        self.take(open_upgrade(upgrade, nft=nft))

    def take(self, transition: Transition, *, publish: bool = True) -> UpgradeEvent:
        self.world.table.commit(transition)
        self.upgrade = transition.after
        self.nft = transition.nfts[0].after if transition.nfts else self.nft
        if publish:
            self.world.publish(transition.event)
        return transition.event

    def step(self, *, publish: bool = True) -> UpgradeEvent:
        """The next event of a story that can go on for ever: failing and retrying the mint."""
        status = self.upgrade.status
        if status is Status.INITIATED:
            return self.take(self.upgrade.claim_burn("sig", height=1, at=now()), publish=publish)
        if status is Status.BURN_PENDING:
            proof = BurnProof("sig", self.nft.mint, 1, self.upgrade.user_id, ())
            proven = self.upgrade.prove_burn(proof, nft=self.nft, at=now())
            return self.take(proven, publish=publish)
        if status is Status.BURN_CONFIRMED:
            return self.take(self.upgrade.start_mint(at=now()), publish=publish)
        if status is Status.MINT_PENDING:
            return self.take(self.upgrade.fail_mint(FAILURE, at=now()), publish=publish)
        return self.take(self.upgrade.retry(at=now()), publish=publish)

    def steps(self, count: int, *, publish: bool = True) -> list[UpgradeEvent]:
        return [self.step(publish=publish) for _ in range(count)]

    def cancel(self, *, publish: bool = True) -> UpgradeEvent:
        return self.take(self.upgrade.cancel(nft=self.nft, at=now()), publish=publish)

    def complete(self, *, publish: bool = True) -> UpgradeEvent:
        """On to the mint, then the end."""
        while self.upgrade.status is not Status.MINT_PENDING:
            self.step(publish=publish)
        successor = an_nft(self.upgrade.successor, self.upgrade.user_id, level=2)
        done = self.upgrade.complete(
            "mint-sig", successor=successor, holds_owner_lock=True, at=now()
        )
        return self.take(done, publish=publish)


class World:
    """The relay and everything around it."""

    def __init__(self, *, presence: Presence | None = None, **settings: Any) -> None:
        self.presence = presence
        defaults: dict[str, Any] = {
            "kafka_bootstrap_servers": "127.0.0.1:1",
            "session_kms_key_id": "unused",
            "public_origin": ORIGIN,
            "allowed_origins": FRIEND,
            "relay_port": 0,
            "relay_heartbeat_seconds": 5.0,
            "relay_drain_seconds": 3.0,
        }
        self.settings = RelaySettings(**{**defaults, **settings})
        self.table = Table()
        self.nfts = FakeNfts(self.table.store)
        self.tickets = Desk()
        self.source = SourceState(is_connected=True, is_caught_up=True, partitions=15)
        self.relay: Relay | None = None
        self.url = ""
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """As SIGTERM does."""
        assert self._loop is not None and self._stop is not None
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(15)
        assert not self._thread.is_alive()

    def publish(self, *events: UpgradeEvent) -> None:
        """As Kafka would deliver them, in this order, in one batch."""
        if self.relay is not None:
            records = [to_record(event) for event in events]
            self.relay.receive([(record.message_key, record.value) for record in records])

    def open(
        self,
        upgrade_id: str = "01UPGRADE",
        *,
        headers: Mapping[str, str] | None = None,
        last_id: str = "",
        query: str = "",
        method: str = "GET",
    ) -> SseResponse:
        """Ask for a stream, as USER unless `headers` say otherwise."""
        return request(
            f"{self.url}/api/nft/upgrade/{upgrade_id}/events{query}",
            method=method,
            headers=bearer() if headers is None else headers,
            last_id=last_id,
        )

    def get(self, path: str) -> SseResponse:
        return request(self.url + path)

    def figure(self, name: str) -> int:
        """One line of /metrics."""
        with self.get("/metrics") as response:
            for line in response.body().decode().splitlines():
                if line.startswith(f"relay_{name} "):
                    return int(line.rsplit(" ", 1)[1])
        return 0

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.relay = Relay(
            self.settings,
            table=self.table,
            tickets=self.tickets,
            sessions=SessionVerifier(lambda: LocalKey().public_key, issuer=ORIGIN),
            source=self.source,
            now=now,
            random=lambda: 0.5,
            request_id=lambda: "request-1",
            presence=self.presence,
        )
        host, port = await self.relay.listen("127.0.0.1", 0)
        self.url = f"http://{host}:{port}"
        self._started.set()
        await self._stop.wait()
        await self.relay.drain()


def outage() -> StorageUnavailable:
    return StorageUnavailable("The table does not answer.")
