"""Atomic mode: burn and mint in one transaction, so that there is no time between them at all.

The backend builds it, the owner's wallet signs it first (and pays the fee), the backend checks what
came back instruction by instruction (`submitting.py`) and signs last (`cosigning.py`). The
successor's address is that of two-step mode: whichever lands first excludes the other.
"""

from dataclasses import dataclass
from functools import partial

from nft_upgrade.domain.errors import UnsupportedNft
from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.ports import AtomicProgram, Blockhash, Chain, Holder, MintOrder, NftProgram
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.sending import MOST_UNITS, needed_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """What a wallet is asked to sign in atomic mode. Any number may be handed out: each is built
    from the same stored facts, and nothing is written for it."""

    chain: Chain
    program: NftProgram
    atomic: AtomicProgram
    policy: Policy

    def transaction(self, upgrade: Upgrade, holder: Holder, blockhash: Blockhash) -> bytes:
        """Unsigned, with the compute units that a dry run took.

        UnsupportedNft when it does not fit into one transaction, ChainUnavailable when the dry run
        fails: nothing that cannot work is handed out.
        """
        order, rent = self.terms(upgrade)
        build = partial(self._built, holder, order, blockhash, rent)
        units = needed_units(self.chain, build(MOST_UNITS, fee=0), of="upgrade")
        return build(units, fee=self.chain.priority_fee())

    def terms(self, upgrade: Upgrade) -> tuple[MintOrder, int]:
        """The successor, and the rent of its account in lamports."""
        order = self.policy.successor_order(upgrade)
        return order, self.chain.rent(self.program.account_size(order))

    def _built(
        self,
        holder: Holder,
        order: MintOrder,
        blockhash: Blockhash,
        rent: int,
        units: int,
        *,
        fee: int,
    ) -> bytes:
        try:
            return self.atomic.transaction(
                holder, order, blockhash, rent=rent, units=units, fee=fee
            )
        except ValueError as too_large:
            raise UnsupportedNft("This NFT can only be upgraded in two steps.") from too_large
