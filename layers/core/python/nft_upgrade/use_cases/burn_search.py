"""Who burned an NFT, found in the mint's own history."""

from dataclasses import dataclass

from nft_upgrade.ports import Chain
from nft_upgrade.use_cases.sweeping import (
    SIGNATURES_ASKED_FOR,
    SIGNATURES_LOOKED_AT,
    from_both_ends,
)


@dataclass(frozen=True, slots=True)
class SeenBurn:
    """A finalized transaction after which nobody held the NFT any more."""

    signature: str
    owner: str
    """Who held it before."""
    slot: int


def find_burn(chain: Chain, mint: str) -> SeenBurn | None:
    """Looked for from both ends of the history: anybody can add transactions that name the mint."""
    signatures = chain.signatures_for(mint, limit=SIGNATURES_ASKED_FOR)
    for signature in from_both_ends(signatures)[:SIGNATURES_LOOKED_AT]:
        seen = chain.burn_evidence(signature, mint).transaction
        if seen is None or not (seen.finalized and seen.agreed) or seen.error is not None:
            continue
        before = [held for held in seen.pre_balances if held.mint == mint and held.amount == 1]
        after = sum(held.amount for held in seen.post_balances if held.mint == mint)
        if len(before) == 1 and after == 0:
            return SeenBurn(signature, before[0].owner, seen.slot)
    return None
