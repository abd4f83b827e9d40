"""Everything the use cases need, in memory: fakes wired as `wiring` wires the real adapters."""

from datetime import timedelta
from typing import Any

from solders.message import to_bytes_versioned
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters.atomic_transaction import AtomicTransactions
from nft_upgrade.adapters.token_program import TOKEN_2022, TokenProgram
from nft_upgrade.domain.levels import Catalogue, default_catalogue
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, Mode, Status, Upgrade
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.claiming import Claiming
from nft_upgrade.use_cases.comparing import Comparing
from nft_upgrade.use_cases.cosigning import Cosigning
from nft_upgrade.use_cases.ending import Ending
from nft_upgrade.use_cases.explaining import Explaining
from nft_upgrade.use_cases.issuing import Issuing
from nft_upgrade.use_cases.lineage import Lineage
from nft_upgrade.use_cases.minting import Minting
from nft_upgrade.use_cases.offering import Offering
from nft_upgrade.use_cases.opening import Opened, Opening
from nft_upgrade.use_cases.policy import Policy, no_collection
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.reviewing import Reviewing
from nft_upgrade.use_cases.sending import Progress, Sending
from nft_upgrade.use_cases.submitting import Submitting
from nft_upgrade.use_cases.sweeping import Sweeping
from tests.chain_builders import SOL, SYSTEM_WALLET, keypair
from tests.fakes.chain import FakeChain, FakeSigner
from tests.fakes.events import FakePublisher
from tests.fakes.storage import (
    FakeAlerts,
    FakeBookmarks,
    FakeClock,
    FakeIds,
    FakeNfts,
    FakeQualifications,
    FakeStore,
    FakeSwitch,
    FakeUpgrades,
    FakeWorkflow,
)

ALICE, BOB = (str(keypair(name).pubkey()) for name in ("alice", "bob"))
NFT_1, NFT_2 = (str(keypair(name).pubkey()) for name in ("nft 1", "nft 2"))
BASE = str(SYSTEM_WALLET.pubkey())
SLOT_SECONDS = 0.4


class WorldClock(FakeClock):
    """Sleeping lets the chain go on, unless it is halted."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self._world = world

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if not self._world.is_halted:
            self._world.chain.advance(max(1, int(seconds / SLOT_SECONDS)))


class World:
    """One chain, one store, one clock."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self.chain = FakeChain()
        self.clock = WorldClock(self)
        self.store = FakeStore()
        self.upgrades = FakeUpgrades(self.store)
        self.nfts = FakeNfts(self.store)
        self.workflow = FakeWorkflow()
        self.switch = FakeSwitch()
        self.qualifications = FakeQualifications()
        self.signer = FakeSigner(SYSTEM_WALLET)
        self.publisher = FakePublisher()
        self.ids = FakeIds()
        self.alerts, self.bookmarks = FakeAlerts(), FakeBookmarks()
        self.is_halted = False
        self.policy = Policy(
            catalogue=catalogue or default_catalogue(),
            token_program=TOKEN_2022,
            collection_of=no_collection,
            metadata_base_uri="https://nft.example/levels/",
            mint_cost_lamports=10_000_000,
            upgrade_ttl=timedelta(minutes=30),
            patience_seconds=20,
        )
        self.chain.fund(BASE, 10 * SOL)
        self._wire()

    def _wire(self) -> None:
        shared: dict[str, Any] = {"upgrades": self.upgrades, "clock": self.clock}
        self.reading = Reading(upgrades=self.upgrades, nfts=self.nfts)
        self.cosigning = Cosigning(
            chain=self.chain, atomic=AtomicTransactions(), signer=self.signer, policy=self.policy
        )
        self.offering = Offering(
            chain=self.chain,
            program=TokenProgram(),
            atomic=AtomicTransactions(),
            policy=self.policy,
        )
        self.opening = Opening(
            **shared,
            offering=self.offering,
            nfts=self.nfts,
            reading=self.reading,
            chain=self.chain,
            program=TokenProgram(),
            qualifications=self.qualifications,
            switch=self.switch,
            policy=self.policy,
            ids=self.ids,
        )
        self.burning = Burning(
            **shared,
            reading=self.reading,
            chain=self.chain,
            cosigning=self.cosigning,
            workflow=self.workflow,
            alerts=self.alerts,
            policy=self.policy,
        )
        self.ending = Ending(
            **shared,
            reading=self.reading,
            burning=self.burning,
            chain=self.chain,
        )
        self.submitting = Submitting(
            **shared,
            reading=self.reading,
            opening=self.opening,
            offering=self.offering,
            atomic=AtomicTransactions(),
            chain=self.chain,
            burning=self.burning,
        )
        self.claiming = Claiming(
            **shared,
            nfts=self.nfts,
            chain=self.chain,
            burning=self.burning,
            ending=self.ending,
            program=TokenProgram(),
            qualifications=self.qualifications,
            policy=self.policy,
            ids=self.ids,
        )
        self.explaining = Explaining(**shared, reading=self.reading, burning=self.burning)
        self.reviewing = Reviewing(**shared, reading=self.reading, burning=self.burning)
        self.lineage = Lineage(nfts=self.nfts, program=TokenProgram())
        self.sending = Sending(
            chain=self.chain, program=TokenProgram(), signer=self.signer, policy=self.policy
        )
        self.minting = Minting(
            **shared,
            reading=self.reading,
            burning=self.burning,
            sending=self.sending,
            cosigning=self.cosigning,
            policy=self.policy,
        )
        self.issuing = Issuing(
            nfts=self.nfts, sending=self.sending, policy=self.policy, clock=self.clock
        )
        self.comparing = Comparing(
            **shared,
            nfts=self.nfts,
            chain=self.chain,
            program=TokenProgram(),
            bookmarks=self.bookmarks,
            alerts=self.alerts,
            token_program=TOKEN_2022,
        )
        self.sweeping = Sweeping(
            **shared,
            chain=self.chain,
            burning=self.burning,
            ending=self.ending,
            minting=self.minting,
            workflow=self.workflow,
            publisher=self.publisher,
            comparing=self.comparing,
            bookmarks=self.bookmarks,
        )

    # --- verbs -------------------------------------------------------------------------------

    def give_nft(self, owner: str = ALICE, mint: str = NFT_1, level: int = 1, **chain: Any) -> Nft:
        """`owner` holds a registered NFT."""
        self.chain.give_nft(owner, mint, **chain)
        nft = Nft(
            mint=mint,
            owner=owner,
            level=level,
            status=NftStatus.ACTIVE,
            version=1,
            token_program=chain.get("token_program", TOKEN_2022),
            mint_base=BASE,
            created_at=self.clock.now(),
            updated_at=self.clock.now(),
        )
        self.nfts.register(nft, takes=(Lock(LockKind.OWNER, owner, mint),))
        return nft

    def open(self, owner: str = ALICE, mint: str = NFT_1, target: int = 2) -> Opened:
        return self.opening.open(owner, mint, target)

    def opened(self, owner: str = ALICE, mint: str = NFT_1) -> Upgrade:
        """An open upgrade of a new NFT."""
        self.give_nft(owner, mint)
        return self.open(owner, mint).upgrade

    def open_atomic(self, owner: str = ALICE, mint: str = NFT_1) -> Opened:
        """Burn and mint in one transaction, of a new NFT."""
        self.give_nft(owner, mint)
        return self.opening.open(owner, mint, 2, Mode.ATOMIC)

    def submitted(self) -> Upgrade:
        """ALICE has signed an atomic transaction and handed it in."""
        opened = self.open_atomic()
        wire = by_wallet(opened.transaction)
        return self.submitting.submit(ALICE, opened.upgrade.id, wire).upgrade

    def claimed(self) -> Upgrade:
        """Burned, final, and confirmed by the user."""
        upgrade = self.opened()
        signature = self.chain.burn(ALICE, NFT_1)
        self.chain.finalize()
        return self.burning.confirm(ALICE, upgrade.id, signature).upgrade

    def burned(self) -> Upgrade:
        """The burn is proven."""
        return self.burning.verify(self.claimed().id)

    def end_executions(self) -> None:
        """All running executions are over, whatever they did."""
        for upgrade_id, run in list(self.workflow.running):
            self.workflow.finish(upgrade_id, run)

    def status_of(self, upgrade: Upgrade) -> Status:
        return self.now(upgrade).status

    def now(self, upgrade: Upgrade) -> Upgrade:
        found = self.upgrades.get(upgrade.id)
        assert found is not None
        return found

    def run_workflow(self, upgrade: Upgrade, most_steps: int = 40) -> Upgrade:
        """What upgrade.asl.json does, without its error handling."""
        verified = self.burning.verify(upgrade.id)
        if verified.awaits_cosignature:
            self.minting.submit(upgrade.id)
            assert self.minting.await_mint(upgrade.id).progress is Progress.NOT_NEEDED
            verified = self.burning.verify(upgrade.id)
        if verified.status not in (Status.BURN_CONFIRMED, Status.MINT_PENDING):
            return verified
        for _ in range(most_steps):
            progress = self.minting.prepare(upgrade.id).progress
            if progress is Progress.READY:
                self.minting.submit(upgrade.id)
                progress = self.minting.await_mint(upgrade.id).progress
            if progress is Progress.FINALIZED:
                return self.minting.complete(upgrade.id)
            if progress in (Progress.EXHAUSTED, Progress.NOT_NEEDED):
                return self.minting.mark_retryable(upgrade.id, progress)
        raise AssertionError("the workflow did not end")


def by_wallet(transaction: bytes, owner: str = "alice") -> bytes:
    """The owner's signature put in; the system wallet's place stays empty."""
    message = VersionedTransaction.from_bytes(transaction).message
    signature = keypair(owner).sign_message(to_bytes_versioned(message))
    empty = [Signature.default()] * (message.header.num_required_signatures - 1)
    return bytes(VersionedTransaction.populate(message, [signature, *empty]))
