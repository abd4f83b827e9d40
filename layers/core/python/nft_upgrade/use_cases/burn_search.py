"""Who burned an NFT, found in the mint's own history."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from nft_upgrade.domain.burn import BurnProof, Outcome, Verdict
from nft_upgrade.ports import Chain

SIGNATURES_ASKED_FOR = 1_000
"""What getSignaturesForAddress gives at once."""
SIGNATURES_LOOKED_AT = 100
"""How many of a burned mint's transactions one run examines for its burn, from both ends: anybody
can add transactions that name the mint, before the burn or after it."""


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


def from_both_ends(signatures: Sequence[str]) -> Sequence[str]:
    """Newest, oldest, second newest, second oldest, ..."""
    half = (len(signatures) + 1) // 2
    newest, oldest = signatures[:half], signatures[half:][::-1]
    return [each for pair in zip_longest(newest, oldest) for each in pair if each is not None]


def is_burn_by_other_owner(proof: BurnProof) -> bool:
    """The very burn of this NFT, made by somebody who held it then, and nothing else amiss."""
    failed = {check.code for check in proof.checks if check.outcome is Outcome.FAIL}
    passed = {check.rule for check in proof.checks if check.outcome is Outcome.PASS}
    is_decided = proof.verdict is Verdict.REJECTED
    return is_decided and failed == {"burn_wrong_owner"} and {"V3", "V4", "V8", "V9"} <= passed
