"""The use cases over a real Solana node and any storage, as `wiring` wires them; TEST KEYS."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.atomic_transaction import AtomicTransactions
from nft_upgrade.adapters.solana_archive import SolanaArchive
from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.system import SystemClock, UlidIds
from nft_upgrade.adapters.token_program import TOKEN_2022, collection_address
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import Nfts, Upgrades
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.claiming import Claiming
from nft_upgrade.use_cases.cosigning import Cosigning
from nft_upgrade.use_cases.ending import Ending
from nft_upgrade.use_cases.issuing import Issuing
from nft_upgrade.use_cases.minting import Minting
from nft_upgrade.use_cases.offering import Offering
from nft_upgrade.use_cases.opening import Opening
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.rebuilding import Rebuilding, RebuildReport
from nft_upgrade.use_cases.registering import Registering
from nft_upgrade.use_cases.scanning import NoPages, Pages, Scanning
from nft_upgrade.use_cases.sending import Progress, Sending
from tests.chain_builders import PROGRAM, SOL, burn, keypair, sign_wire
from tests.fakes.chain import FakeSigner
from tests.fakes.storage import FakeAlerts, FakeQualifications, FakeSwitch, FakeWorkflow
from tests.solana_world import SolanaWorld

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RealHouse:
    """Everything that an upgrade needs, on one node. `base` is the system wallet."""

    def __init__(self, url: str, upgrades: Upgrades, nfts: Nfts, base: Keypair) -> None:
        self.world = SolanaWorld(url)
        self.world.airdrop(base.pubkey(), 100 * SOL)
        self.base = str(base.pubkey())
        self.upgrades, self.nfts = upgrades, nfts
        self.chain, self.archive = SolanaChain([url]), SolanaArchive([url])
        self.clock, self.switch = SystemClock(), FakeSwitch()
        self.policy = Policy(
            catalogue=default_catalogue(),
            token_program=TOKEN_2022,
            collection_of=collection_address,
            metadata_base_uri="https://nft.example/levels/",
            mint_cost_lamports=10_000_000,
            upgrade_ttl=timedelta(minutes=30),
            patience_seconds=20,
            poll_seconds=0.05,
        )
        shared: dict[str, Any] = {"upgrades": upgrades, "clock": self.clock}
        self.reading = Reading(upgrades=upgrades, nfts=nfts)
        atomic, signer = AtomicTransactions(), FakeSigner(base)
        self.cosigning = Cosigning(
            chain=self.chain, atomic=atomic, signer=signer, policy=self.policy
        )
        self.offering = Offering(
            chain=self.chain, program=PROGRAM, atomic=atomic, policy=self.policy
        )
        self.opening = Opening(
            **shared,
            offering=self.offering,
            nfts=nfts,
            reading=self.reading,
            chain=self.chain,
            program=PROGRAM,
            qualifications=FakeQualifications(),
            switch=self.switch,
            policy=self.policy,
            ids=UlidIds(),
        )
        shared |= {"reading": self.reading}
        self.burning = Burning(
            **shared,
            chain=self.chain,
            cosigning=self.cosigning,
            workflow=FakeWorkflow(),
            alerts=FakeAlerts(),
            policy=self.policy,
        )
        self.sending = Sending(chain=self.chain, program=PROGRAM, signer=signer, policy=self.policy)
        self.minting = Minting(
            **shared,
            burning=self.burning,
            sending=self.sending,
            cosigning=self.cosigning,
            policy=self.policy,
        )
        self.ending = Ending(**shared, burning=self.burning, chain=self.chain)
        self.claiming = Claiming(
            upgrades=upgrades,
            nfts=nfts,
            chain=self.chain,
            burning=self.burning,
            ending=self.ending,
            program=PROGRAM,
            qualifications=FakeQualifications(),
            policy=self.policy,
            clock=self.clock,
            ids=UlidIds(),
        )
        self.issuing = Issuing(
            nfts=nfts, sending=self.sending, policy=self.policy, clock=self.clock
        )
        self.registering = Registering(
            nfts=nfts,
            chain=self.chain,
            archive=self.archive,
            policy=self.policy,
            clock=self.clock,
        )

    def close(self) -> None:
        self.chain.close()
        self.archive.close()
        self.world.close()

    # --- verbs -------------------------------------------------------------------------------

    def wallet(self, name: str) -> Keypair:
        """A funded wallet of this house's own."""
        wallet = keypair(f"{self.base} {name}")
        self.world.airdrop(wallet.pubkey(), SOL)
        return wallet

    def issue(self, owner: Keypair) -> str:
        recipient = str(owner.pubkey())
        return self.issuing.issue(f"claim of {recipient}", recipient).mint

    def open(self, owner: Keypair, mint: str) -> tuple[Upgrade, bytes]:
        """The request, and its burn as the wallet signed it."""
        nft = self.nfts.get(mint)
        assert nft is not None
        opened = self.opening.open(str(owner.pubkey()), mint, nft.level + 1)
        return opened.upgrade, sign_wire(opened.transaction, owner)

    def burned(self, owner: Keypair, mint: str) -> Upgrade:
        """A request whose burn is proven."""
        upgrade, burn_wire = self.open(owner, mint)
        signature = self.world.execute(burn_wire)
        self.burning.confirm(str(owner.pubkey()), upgrade.id, signature)
        proven = self.burning.verify(upgrade.id)
        assert proven.status is Status.BURN_CONFIRMED
        return proven

    def mint_successor(self, upgrade: Upgrade) -> None:
        """Until it is final; the request is not completed yet."""
        assert self.minting.prepare(upgrade.id).progress is Progress.READY
        self.minting.submit(upgrade.id)
        assert self.minting.await_mint(upgrade.id).progress is Progress.FINALIZED

    def upgrade(self, owner: Keypair, mint: str) -> str:
        """A whole upgrade; the successor's mint."""
        upgrade = self.burned(owner, mint)
        self.mint_successor(upgrade)
        assert self.minting.complete(upgrade.id).status is Status.COMPLETED
        return upgrade.successor

    def burn_outside(self, owner: Keypair, mint: str) -> str:
        """The wallet's own burn button; the signature."""
        account = spl.get_associated_token_address(
            owner.pubkey(), Pubkey.from_string(mint), TOKEN_2022_PROGRAM_ID
        )
        instruction = burn(account, Pubkey.from_string(mint), owner.pubkey())
        return self.world.send([instruction], owner)

    def rebuild(
        self,
        *,
        writes: bool = True,
        registered: dict[str, int] | None = None,
        pages: Pages | None = None,
        **options: Any,
    ) -> RebuildReport:
        scanning = Scanning(archive=self.archive, pages=pages or NoPages(), parallel=4)
        rebuilding = Rebuilding(
            nfts=self.nfts,
            upgrades=self.upgrades,
            chain=self.chain,
            program=PROGRAM,
            scanning=scanning,
            policy=self.policy,
            clock=self.clock,
        )
        return rebuilding.run(self.base, registered=registered or {}, writes=writes, **options)


def at_rest(nft: Nft) -> Nft:
    """A registry row without what a rebuild cannot know: times and versions."""
    return replace(nft, created_at=EPOCH, updated_at=EPOCH, version=0)
