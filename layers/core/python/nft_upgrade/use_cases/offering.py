"""Atomic mode: burn and mint in one transaction, so that there is no time between them at all.

The backend builds it, the owner's wallet signs it first (and pays the fee), the backend checks what
came back instruction by instruction (`submitting.py`) and signs last (`cosigning.py`). The
successor's address is that of two-step mode: whichever lands first excludes the other.
"""

from dataclasses import dataclass

from nft_upgrade.domain.errors import ChainUnavailable, UnsupportedNft
from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.ports import AtomicProgram, Blockhash, Chain, Holder, NftProgram
from nft_upgrade.use_cases.cosigning import Cosigning
from nft_upgrade.use_cases.sending import MOST_UNITS, UNITS_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """What a wallet is asked to sign in atomic mode. Any number may be handed out: each is built
    from the same stored facts, and nothing is written for it."""

    chain: Chain
    program: NftProgram
    atomic: AtomicProgram
    cosigning: Cosigning

    def transaction(self, upgrade: Upgrade, holder: Holder, blockhash: Blockhash) -> bytes:
        """Unsigned, with the compute units that a dry run took.

        UnsupportedNft when it does not fit into one transaction, ChainUnavailable when the dry run
        fails: nothing that cannot work is handed out.
        """
        dry_run = self.chain.simulate(self._built(upgrade, holder, blockhash, MOST_UNITS, fee=0))
        if dry_run.error is not None:
            raise ChainUnavailable(f"A dry run of the upgrade failed: {dry_run.error}")
        units = min(MOST_UNITS, int(dry_run.units * UNITS_MARGIN))
        return self._built(upgrade, holder, blockhash, units, fee=self.chain.priority_fee())

    def rent(self, upgrade: Upgrade) -> int:
        """Lamports of the successor's account."""
        return self.chain.rent(self.program.account_size(self.cosigning.order(upgrade)))

    def _built(
        self, upgrade: Upgrade, holder: Holder, blockhash: Blockhash, units: int, *, fee: int
    ) -> bytes:
        order, rent = self.cosigning.order(upgrade), self.rent(upgrade)
        try:
            return self.atomic.transaction(
                holder, order, blockhash, rent=rent, units=units, fee=fee
            )
        except ValueError as too_large:
            raise UnsupportedNft("This NFT can only be upgraded in two steps.") from too_large
