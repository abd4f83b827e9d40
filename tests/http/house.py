"""The whole API over fakes: real use cases and real routes, storage and chain in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from solders.keypair import Keypair

from nft_upgrade.adapters.token_program import TOKEN_2022, TokenProgram
from nft_upgrade.config import SessionSettings
from nft_upgrade.domain import base58
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, Status, Upgrade
from nft_upgrade.http.app import create_app
from nft_upgrade.http.parts import ApiParts
from nft_upgrade.http.sessions import SessionSigner, SessionVerifier
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.ending import Ending
from nft_upgrade.use_cases.minting import Minting
from nft_upgrade.use_cases.opening import Opening
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.sending import Sending
from tests.fakes.chain import FakeChain, FakeSigner
from tests.fakes.idempotency import FakeIdempotencyStore
from tests.fakes.signing import TestKey
from tests.fakes.storage import (
    FakeChallenges,
    FakeClock,
    FakeIds,
    FakeNfts,
    FakeQualifications,
    FakeRateLimiter,
    FakeStore,
    FakeSwitch,
    FakeTickets,
    FakeUpgrades,
    FakeWorkflow,
)

ORIGIN = "https://nft.example"
PARTNER = "https://partner.example"
START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
RICH = 10_000_000_000
ALICE = TestKey("alice")
BOB = TestKey("bob")
MINT = TestKey("an NFT").address
OTHER_MINT = TestKey("another NFT").address
UNKNOWN_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@dataclass
class CountedBytes:
    """As random as a test may be."""

    count: int = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


@dataclass
class House:
    """`changes` go into the session settings."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    ids: FakeIds = field(default_factory=FakeIds)
    chain: FakeChain = field(default_factory=FakeChain)
    upgrades: FakeUpgrades = field(init=False)
    nfts: FakeNfts = field(init=False)
    challenges: FakeChallenges = field(default_factory=FakeChallenges)
    tickets: FakeTickets = field(default_factory=FakeTickets)
    switch: FakeSwitch = field(default_factory=FakeSwitch)
    qualifications: FakeQualifications = field(default_factory=FakeQualifications)
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    idempotency: FakeIdempotencyStore = field(default_factory=FakeIdempotencyStore)
    signer: FakeSigner = field(default_factory=lambda: FakeSigner(Keypair.from_seed(bytes(32))))
    session_key: TestKey = field(default_factory=lambda: TestKey("sessions"))

    def __post_init__(self) -> None:
        store = FakeStore()
        self.upgrades = FakeUpgrades(store)
        self.nfts = FakeNfts(store)
        self.chain.fund(self.signer.address(), RICH)

    # --- the parts ---------------------------------------------------------------------------

    @cached_property
    def settings(self) -> SessionSettings:
        given: dict[str, Any] = {
            "session_kms_key_id": "alias/session",
            "public_origin": ORIGIN,
            "allowed_origins": (PARTNER,),
            "trusted_proxy_hops": 0,
            "auth_rate_per_minute": 1000,
            "upgrade_rate_per_minute": 1000,
        }
        return SessionSettings(**{**given, **self.changes})

    @cached_property
    def policy(self) -> Policy:
        return Policy(
            catalogue=default_catalogue(),
            token_program=TOKEN_2022,
            collection=None,
            metadata_base_uri="https://nft.example/levels/",
            mint_cost_lamports=10_000_000,
            upgrade_ttl=timedelta(minutes=30),
            patience_seconds=0.0,
        )

    @cached_property
    def reading(self) -> Reading:
        return Reading(upgrades=self.upgrades, nfts=self.nfts)

    @cached_property
    def opening(self) -> Opening:
        return Opening(
            upgrades=self.upgrades,
            nfts=self.nfts,
            reading=self.reading,
            chain=self.chain,
            program=TokenProgram(),
            qualifications=self.qualifications,
            switch=self.switch,
            policy=self.policy,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def burning(self) -> Burning:
        return Burning(
            upgrades=self.upgrades,
            nfts=self.nfts,
            reading=self.reading,
            chain=self.chain,
            workflow=self.workflow,
            policy=self.policy,
            clock=self.clock,
        )

    @cached_property
    def minting(self) -> Minting:
        program = TokenProgram()
        return Minting(
            upgrades=self.upgrades,
            reading=self.reading,
            burning=self.burning,
            sending=Sending(
                chain=self.chain, program=program, signer=self.signer, policy=self.policy
            ),
            policy=self.policy,
            clock=self.clock,
        )

    @cached_property
    def parts(self) -> ApiParts:
        life = timedelta(hours=self.settings.session_hours)
        return ApiParts(
            opening=self.opening,
            burning=self.burning,
            minting=self.minting,
            ending=Ending(
                upgrades=self.upgrades,
                nfts=self.nfts,
                reading=self.reading,
                burning=self.burning,
                chain=self.chain,
                clock=self.clock,
            ),
            reading=self.reading,
            catalogue=self.policy.catalogue,
            challenges=self.challenges,
            tickets=self.tickets,
            rate_limiter=FakeRateLimiter(),
            session_signer=SessionSigner(self.session_key, ORIGIN, life),
            session_verifier=SessionVerifier(lambda: self.session_key.public_key, ORIGIN),
            idempotency=self.idempotency,
            clock=self.clock,
            ids=self.ids,
            settings=self.settings,
            random_bytes=CountedBytes(),
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
        now = self.clock.now()
        nft = Nft(
            mint=mint,
            owner=wallet.address,
            level=level,
            status=NftStatus.ACTIVE,
            version=1,
            token_program=TOKEN_2022,
            mint_base=self.signer.address(),
            created_at=now,
            updated_at=now,
        )
        self.nfts.register(nft, takes=(Lock(LockKind.OWNER, wallet.address, mint),))
        self.chain.give_nft(wallet.address, mint)
        return nft

    def opened(self, wallet: TestKey = ALICE, mint: str = MINT) -> str:
        """The id of an upgrade of a new level-1 NFT."""
        self.give_nft(wallet, mint)
        answered = open_upgrade(self.signed_in(wallet), mint)
        assert answered.status_code == 201, answered.text
        return str(answered.json()["upgradeRequestId"])

    def burned(self, wallet: TestKey = ALICE, mint: str = MINT) -> tuple[str, str]:
        """Id and burn signature of an upgrade whose burn is proven."""
        upgrade_id = self.opened(wallet, mint)
        burn_signature = self.chain.burn(wallet.address, mint)
        confirm(self.signed_in(wallet), upgrade_id, burn_signature)
        self.chain.finalize()
        assert self.burning.verify(upgrade_id).status is Status.BURN_CONFIRMED
        return upgrade_id, burn_signature

    def failed(self) -> str:
        """The id of an upgrade whose mint failed for now."""
        upgrade_id, _ = self.burned()
        self.minting.mark_retryable(upgrade_id, "States.Timeout")
        assert self.stored(upgrade_id).status is Status.FAILED_RETRYABLE
        return upgrade_id

    def completed(self) -> tuple[str, str]:
        """Id and burn signature of an upgrade that is done."""
        upgrade_id, burn_signature = self.burned()
        self.minting.prepare(upgrade_id)
        self.minting.submit(upgrade_id)
        self.chain.finalize()
        self.minting.complete(upgrade_id)
        assert self.stored(upgrade_id).status is Status.COMPLETED
        return upgrade_id, burn_signature

    def stored(self, upgrade_id: str) -> Upgrade:
        upgrade = self.upgrades.get(upgrade_id)
        assert upgrade is not None
        return upgrade


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
