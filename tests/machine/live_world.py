"""The use cases on the real chain, and the wallets that do there as they like. TEST KEYS only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID
from spl.token.instructions import get_associated_token_address

from local.solana.tokens import token_account_of
from nft_upgrade.adapters.token_program import TOKEN_2022, TokenProgram
from nft_upgrade.domain.errors import ChainUnavailable, SignerUnavailable, StorageUnavailable
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, Upgrade
from nft_upgrade.use_cases.policy import Policy, no_collection
from tests.chain_builders import (
    INCINERATOR,
    STRANGER,
    SYSTEM_WALLET,
    UNITS,
    approve,
    burn,
    close,
    keypair,
    move,
    sign_message,
)
from tests.fakes.chain import FakeSigner
from tests.fakes.events import FakePublisher
from tests.fakes.storage import (
    FakeAlerts,
    FakeBookmarks,
    FakeIds,
    FakeNfts,
    FakeQualifications,
    FakeStore,
    FakeSwitch,
    FakeUpgrades,
    FakeWorkflow,
)
from tests.local.solana_chain import Chain as Ground
from tests.machine.interleaving import Gate
from tests.machine.live_chain import InProcessNode, LiveChain, OneClock
from tests.use_cases.world import BASE, World

PROGRAM = TokenProgram()
BY_OWN_HAND = ("burn", "burn and close")
"""How an owner burns with his own hand; the successor is his."""


@dataclass
class User:
    """One wallet, and what it has signed."""

    name: str
    signatures: list[str] = field(default_factory=list)

    @property
    def wallet(self) -> Keypair:
        return keypair(self.name)

    @property
    def address(self) -> str:
        return str(self.wallet.pubkey())


class LiveWorld(World):
    """Three wallets, two of them with an NFT of ours, on one chain with two nodes."""

    def __init__(self, node_count: int = 2) -> None:
        self.ground = Ground(finalized_after=3)
        self.nodes = [InProcessNode(self.ground.ledger, number + 1) for number in range(node_count)]
        self.gate = Gate()
        self.store = FakeStore()
        self.live_chain = LiveChain(self.nodes)
        self.one_clock = OneClock(self.ground.clock)
        self.history = FakeUpgrades(self.store)
        self.executions = FakeWorkflow()
        self.kafka = FakePublisher()
        self.signer = FakeSigner(SYSTEM_WALLET)
        self.switch = FakeSwitch()
        self.qualifications = FakeQualifications()
        self.alerts, self.bookmarks = FakeAlerts(), FakeBookmarks()
        self.ids = FakeIds()
        self.policy = _policy()
        self.program = PROGRAM
        self._put_behind_the_gate()
        self._wire()
        self.users = [User("alice"), User("bob"), User("carol")]
        self.made_by: dict[str, str] = {}
        """How a wallet made a transaction, by its signature."""
        for wallet in (SYSTEM_WALLET, STRANGER, *(user.wallet for user in self.users)):
            self.ground.ask("requestAirdrop", str(wallet.pubkey()), 10 * 10**9)
        for user in self.users[:2]:
            self.issue(user, f"first of {user.name}")
        self.ground.finalize()

    def close(self) -> None:
        self.live_chain.close()
        self.ground.opened.close()

    def _put_behind_the_gate(self) -> None:
        around = self.gate.around

        def no_storage() -> StorageUnavailable:
            return StorageUnavailable("lost")

        self.upgrades = around(self.history, no_storage)
        self.nfts = around(FakeNfts(self.store), no_storage)
        self.workflow = around(self.executions, no_storage)
        self.publisher = around(self.kafka, no_storage)
        self.chain = around(self.live_chain, lambda: ChainUnavailable("lost"))
        self.clock = cast(Any, GatedClock(self.one_clock, self.gate))
        self.signer = around(self.signer, lambda: SignerUnavailable("lost"))

    # --- the registry ------------------------------------------------------------------------

    def issue(self, user: User, claim_id: str) -> str:
        """A first NFT, minted on chain and registered; its mint."""
        order = self.policy.order(
            recipient=user.address, level=1, mint_base=BASE, claim_id=claim_id
        )
        blockhash = self.live_chain.latest_blockhash()
        rent = self.ground.ledger.rent(PROGRAM.account_size(order))
        message = PROGRAM.mint_message(order, blockhash, rent=rent, units=UNITS, fee=0)
        wire = sign_message(message)
        landed = self.ground.ledger.land(VersionedTransaction.from_bytes(wire))
        assert landed is not None and landed.error is None
        now, mint = self.clock.now(), PROGRAM.address_of(order)
        nft = Nft(
            mint=mint,
            owner=user.address,
            level=1,
            status=NftStatus.ACTIVE,
            version=1,
            token_program=TOKEN_2022,
            mint_base=BASE,
            created_at=now,
            updated_at=now,
        )
        FakeNfts(self.store).register(nft, takes=(Lock(LockKind.OWNER, user.address, mint),))
        return mint

    @property
    def rows(self) -> Mapping[str, Nft]:
        return self.store.nfts

    def upgrades_of(self, user: User) -> list[Upgrade]:
        """Oldest first."""
        return [u for u in self.store.upgrades.values() if u.user_id == user.address]

    def held_by(self, user: User) -> list[str]:
        """The NFTs of ours that a wallet holds in the newest block."""
        return [mint for mint in self.rows if self.amount(user.wallet.pubkey(), mint)]

    def amount(self, owner: Pubkey, mint: str) -> int:
        """In the owner's associated account, in the newest block."""
        account = self.ground.ledger.account(ata(owner, mint), self.ground.ledger.tip)
        held = token_account_of(account) if account else None
        return held.amount if held else 0

    # --- what wallets do ---------------------------------------------------------------------

    def act(self, user: User, mint: str, kind: str, buyer: User) -> VersionedTransaction:
        """The signed transaction of an act; nothing is sent yet."""
        owner, nft = user.wallet.pubkey(), Pubkey.from_string(mint)
        account = ata(owner, mint)
        burned = burn(account, nft, owner)
        instructions: Mapping[str, list[Instruction]] = {
            "burn": [burned],
            "burn and close": [burned, close(account, owner)],
            "burn too much": [burn(account, nft, owner, amount=2)],
            "burn nothing": [burn(account, nft, owner, amount=0)],
            "let a delegate burn": [
                approve(account, nft, owner, STRANGER.pubkey()),
                burn(account, nft, STRANGER.pubkey()),
            ],
            "incinerate": move(account, nft, owner, INCINERATOR),
            "sell": move(account, nft, owner, buyer.wallet.pubkey()),
        }
        signers = [user.wallet, *([STRANGER] if kind == "let a delegate burn" else [])]
        transaction = self.ground.signed(instructions[kind], *signers, legacy=True)
        signature = str(transaction.signatures[0])
        self.made_by[signature] = kind
        user.signatures.append(signature)
        return transaction


class GatedClock:
    """Sleeping is a place where others overtake; reading the clock is not."""

    def __init__(self, clock: OneClock, gate: Gate) -> None:
        self._clock, self._gate = clock, gate
        self.now = clock.now

    def sleep(self, seconds: float) -> None:
        self._gate.passes(lambda: self._clock.sleep(seconds), None)


def ata(owner: Pubkey, mint: str) -> Pubkey:
    return get_associated_token_address(owner, Pubkey.from_string(mint), TOKEN_2022_PROGRAM_ID)


def _policy() -> Policy:
    return Policy(
        catalogue=default_catalogue(),
        token_program=TOKEN_2022,
        collection_of=no_collection,
        metadata_base_uri="https://nft.example/levels/",
        mint_cost_lamports=10_000_000,
        upgrade_ttl=timedelta(minutes=30),
        patience_seconds=6,
        poll_seconds=1,
    )
