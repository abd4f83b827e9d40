"""NFTs that others minted, taken in by an operator: checked on chain before they are registered.

The level is the operator's word: nothing that an NFT says about itself is evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nft_upgrade.domain.base58 import is_canonical
from nft_upgrade.domain.errors import (
    ChainUnavailable,
    Conflicting,
    InvalidMint,
    InvalidTargetLevel,
    MintingPaused,
    NftNotFree,
    UnsupportedNft,
)
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.nft_account import NftAccount, hindrance
from nft_upgrade.domain.upgrade import Lock, LockKind
from nft_upgrade.ports import Chain, Clock, Holder, Nfts
from nft_upgrade.use_cases.policy import Policy


class Accounts(Protocol):
    """Mint accounts in full."""

    def accounts(self, addresses: Sequence[str]) -> Sequence[NftAccount | None]:
        """In the order asked, at finalized, at most 100; None where no mint is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registering:
    """For operators alone."""

    nfts: Nfts
    chain: Chain
    archive: Accounts
    policy: Policy
    clock: Clock

    def register(self, mint: str, level: int, *, mint_base: str) -> Nft:
        """The row, written now or before; `mint_base` is pinned: successors derive from it.

        InvalidMint, InvalidTargetLevel, UnsupportedNft, NftNotFree; MintingPaused while the
        collection does not exist; AlreadyOwnsNft when its holder
        has another NFT of ours; Conflicting when it is registered otherwise. Then nothing was
        written. One write: a crash before it leaves nothing, and the same call again is the same.
        """
        if not is_canonical(mint, length=32):
            raise InvalidMint("The mint is not base58 of 32 bytes.")
        if not 1 <= level <= self.policy.catalogue.top:
            raise InvalidTargetLevel(f"There is no level {level}.")
        known = self.nfts.get(mint)
        if known is not None:
            return _same(known, level)
        self._require_collection(mint_base)
        self._require_sound(mint, mint_base)
        holder = self._holder(mint)
        nft = self._row(holder, mint, level, mint_base)
        self.nfts.register(nft, takes=(Lock(LockKind.OWNER, holder.owner, mint),))
        return nft

    def _require_collection(self, mint_base: str) -> None:
        """Without it no successor can be minted, and every open would be refused."""
        own = self.policy.collection_of(mint_base)
        if own is not None and self.archive.accounts([own])[0] is None:
            raise MintingPaused("The collection is not there yet: the first issue_nft creates it.")

    def _require_sound(self, mint: str, mint_base: str) -> None:
        (account,) = self.archive.accounts([mint])
        if account is None:
            raise UnsupportedNft("No mint of a token program that we can verify is there.")
        reason = hindrance(account)
        if reason is not None:
            raise UnsupportedNft(reason)
        if account.supply != 1:
            raise UnsupportedNft(f"Its supply is {account.supply}, not 1.")
        own = self.policy.collection_of(mint_base)
        if own is not None and account.collection == own:
            raise Conflicting("We minted this NFT: rebuild the registry instead.")

    def _holder(self, mint: str) -> Holder:
        holder = self.chain.holder(mint)
        if holder is None:
            raise ChainUnavailable("Nobody is seen to hold it at the moment; ask again.")
        if holder.frozen or holder.delegate or holder.close_authority:
            raise NftNotFree("It is frozen, delegated, escrowed or listed: its holder frees it.")
        return holder

    def _row(self, holder: Holder, mint: str, level: int, mint_base: str) -> Nft:
        now = self.clock.now()
        return Nft(
            mint=mint,
            owner=holder.owner,
            level=level,
            status=NftStatus.ACTIVE,
            version=1,
            token_program=holder.token_program,
            mint_base=mint_base,
            created_at=now,
            updated_at=now,
        )


def _same(known: Nft, level: int) -> Nft:
    if known.mint_signature is not None or known.predecessor is not None:
        raise Conflicting("We minted this NFT ourselves.")
    if known.level != level:
        raise Conflicting(f"It is registered already, at level {known.level}.")
    return known
