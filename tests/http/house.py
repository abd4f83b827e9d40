"""The whole API over fakes: real use cases and real routes, storage and chain in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from nft_upgrade.config import SessionSettings
from nft_upgrade.domain import base58
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.http.app import create_app
from nft_upgrade.http.parts import ApiParts
from nft_upgrade.http.sessions import SessionSigner, SessionVerifier
from nft_upgrade.use_cases.preferences import Preferences
from tests.fakes.idempotency import FakeIdempotencyStore
from tests.fakes.notification import FakeContacts, FakeMailer, FakePusher
from tests.fakes.signing import TestKey
from tests.fakes.stats import FakeStatistics
from tests.fakes.storage import FakeChallenges, FakeIds, FakeRateLimiter, FakeTickets
from tests.use_cases.world import World

ORIGIN = "https://nft.example"
PARTNER = "https://partner.example"
ALICE = TestKey("alice")
BOB = TestKey("bob")
MINT = TestKey("an NFT").address
OTHER_MINT = TestKey("another NFT").address
UNKNOWN_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SETTINGS: Mapping[str, Any] = {
    "session_kms_key_id": "alias/session",
    "public_origin": ORIGIN,
    "allowed_origins": (PARTNER,),
    "trusted_proxy_hops": 0,
    "auth_rate_per_minute": 1000,
    "upgrade_rate_per_minute": 1000,
}


@dataclass
class CountedBytes:
    """As random as a test may be."""

    count: int = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


class House:
    """A `World` with an API in front of it; `changes` go into the session settings."""

    def __init__(self, **changes: Any) -> None:
        self.world = World()
        self.chain = self.world.chain
        self.clock = self.world.clock
        self.settings = SessionSettings(**{**SETTINGS, **changes})
        self.session_key = TestKey("sessions")
        self.challenges = FakeChallenges()
        self.tickets = FakeTickets()
        self.idempotency = FakeIdempotencyStore()
        self.statistics = FakeStatistics()
        self.contacts = FakeContacts()
        self.mailer = FakeMailer()
        self.pusher = FakePusher()

    @cached_property
    def parts(self) -> ApiParts:
        world = self.world
        life = timedelta(hours=self.settings.session_hours)
        return ApiParts(
            opening=world.opening,
            submitting=world.submitting,
            burning=world.burning,
            minting=world.minting,
            ending=world.ending,
            reading=world.reading,
            claiming=world.claiming,
            explaining=world.explaining,
            lineage=world.lineage,
            preferences=self._preferences(),
            catalogue=world.policy.catalogue,
            statistics=self.statistics,
            challenges=self.challenges,
            tickets=self.tickets,
            rate_limiter=FakeRateLimiter(),
            session_signer=SessionSigner(self.session_key, ORIGIN, life),
            session_verifier=SessionVerifier(lambda: self.session_key.public_key, ORIGIN),
            idempotency=self.idempotency,
            clock=self.clock,
            ids=FakeIds(),
            settings=self.settings,
            random_bytes=CountedBytes(),
        )

    def _preferences(self) -> Preferences:
        return Preferences(
            contacts=self.contacts,
            mailer=self.mailer,
            pusher=self.pusher,
            rate_limiter=FakeRateLimiter(),
            clock=self.clock,
            random_bytes=CountedBytes(),
            origin=ORIGIN,
        )

    @cached_property
    def app(self) -> FastAPI:
        return create_app(self.parts)

    # --- what tests do -----------------------------------------------------------------------

    def browser(self, **headers: str) -> TestClient:
        """A client of its own: cookies are kept as a browser keeps them."""
        return TestClient(self.app, base_url=ORIGIN, headers=headers)

    def access_token(self, wallet: TestKey = ALICE) -> str:
        issued = self.parts.session_signer.issue(
            wallet.address, session_id="S1", at=self.clock.now()
        )
        return issued[0]

    def signed_in(self, wallet: TestKey = ALICE, **headers: str) -> TestClient:
        """A client that sends the wallet's session as a bearer token."""
        bearer = {"Authorization": f"Bearer {self.access_token(wallet)}"}
        return self.browser(**bearer, **headers)

    def give_nft(self, wallet: TestKey = ALICE, mint: str = MINT, level: int = 1) -> Nft:
        """The wallet holds an NFT of ours: on chain and in the registry."""
        return self.world.give_nft(wallet.address, mint, level)

    def opened(self, wallet: TestKey = ALICE, mint: str = MINT) -> str:
        """The id of an upgrade of a new level-1 NFT."""
        self.give_nft(wallet, mint)
        answered = open_upgrade(self.signed_in(wallet), mint)
        assert answered.status_code == 201, answered.text
        return str(answered.json()["upgradeRequestId"])

    def cancelled(self) -> str:
        """The id of an upgrade that was given up before a burn."""
        upgrade_id = self.opened()
        self.chain.finalize()
        answered = self.signed_in().post(f"/api/nft/upgrade/{upgrade_id}/cancel")
        assert answered.json()["status"] == "cancelled", answered.text
        return upgrade_id

    def burned(self, wallet: TestKey = ALICE, mint: str = MINT) -> tuple[str, str]:
        """Id and burn signature of an upgrade whose burn is proven."""
        upgrade_id = self.opened(wallet, mint)
        burn_signature = self.chain.burn(wallet.address, mint)
        confirm(self.signed_in(wallet), upgrade_id, burn_signature)
        self.chain.finalize()
        assert self.world.burning.verify(upgrade_id).status is Status.BURN_CONFIRMED
        return upgrade_id, burn_signature

    def failed(self) -> str:
        """The id of an upgrade whose mint failed for now."""
        upgrade_id, _ = self.burned()
        failed = self.world.minting.mark_retryable(upgrade_id, "States.Timeout")
        assert failed.status is Status.FAILED_RETRYABLE
        return upgrade_id

    def completed(self) -> tuple[str, str]:
        """Id and burn signature of an upgrade that is done."""
        upgrade_id, burn_signature = self.burned()
        assert self.world.run_workflow(self.stored(upgrade_id)).status is Status.COMPLETED
        return upgrade_id, burn_signature

    def stored(self, upgrade_id: str) -> Upgrade:
        return self.world.upgrades[upgrade_id]


def open_upgrade(client: TestClient, mint: str = MINT, level: object = 2, **kw: Any) -> Response:
    body = {"currentNftId": mint, "targetLevel": level}
    return client.post("/api/nft/upgrade", json=body, **kw)


def confirm(client: TestClient, upgrade_id: str, burn_signature: object) -> Response:
    path = f"/api/nft/upgrade/{upgrade_id}/burn-confirmation"
    return client.post(path, json={"burnTransactionHash": burn_signature})


def some_signature(number: int = 1) -> str:
    """Well-formed, of no transaction."""
    return base58.encode(bytes([number]) * 64)


def problem_of(response: Response) -> tuple[int, str]:
    """Status and code; what every problem must be is checked on the way."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == response.status_code
    assert body["success"] is False and body["error"] == body["detail"]
    assert body["requestId"] == response.headers["x-request-id"]
    return response.status_code, body["code"]
