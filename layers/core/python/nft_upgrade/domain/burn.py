"""What the chain shows about a burn, and how the named checks V1..V13 add up to a verdict.

The facts are filled in by the chain adapter; the checks themselves live in `burn_checks.py`.
Rules and their numbers: chain.md section 3. Effects decide, instructions only attribute.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What one check says."""

    PASS = "pass"
    FAIL = "fail"
    PENDING = "pending"
    """Cannot be known yet: not found, not finalized, providers lag or disagree."""
    REVIEW = "review"
    """True, but only a human may accept it."""


class Verdict(StrEnum):
    """What all checks together say."""

    PROVEN = "proven"
    PENDING = "pending"
    REJECTED = "rejected"
    UNDER_REVIEW = "under_review"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule's answer. `code` names the fault when it did not pass; `evidence` is JSON."""

    rule: str
    title: str
    outcome: Outcome
    code: str | None
    reason: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BurnProof:
    """All checks of one claimed burn: what support, frontends and the audit record see."""

    signature: str
    mint: str
    slot: int | None
    owner: str | None
    """The owner on chain at the burn: the recipient of the successor."""
    checks: tuple[Check, ...]
    commitment: str | None = None
    """How far the transaction got when it was looked at; None: not seen."""

    @property
    def verdict(self) -> Verdict:
        """Pending wins over a failure: what is not final may still change."""
        outcomes = {check.outcome for check in self.checks}
        if Outcome.PENDING in outcomes:
            return Verdict.PENDING
        if Outcome.FAIL in outcomes:
            return Verdict.REJECTED
        if Outcome.REVIEW in outcomes:
            return Verdict.UNDER_REVIEW
        return Verdict.PROVEN

    @property
    def first_problem(self) -> Check | None:
        """The check that explains the verdict; None when proven."""
        for outcome in (Outcome.PENDING, Outcome.FAIL, Outcome.REVIEW):
            for check in self.checks:
                if check.outcome is outcome:
                    return check
        return None

    def as_json(self) -> dict[str, Any]:
        """The shape of `GET .../burn-proof` and of the audit record."""
        return {
            "signature": self.signature,
            "mint": self.mint,
            "slot": self.slot,
            "owner": self.owner,
            "commitment": self.commitment,
            "verdict": self.verdict.value,
            "checks": [
                {
                    "rule": check.rule,
                    "title": check.title,
                    "outcome": check.outcome.value,
                    "code": check.code,
                    "reason": check.reason,
                    "evidence": dict(check.evidence),
                }
                for check in self.checks
            ],
        }


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """One entry of a transaction's pre- or postTokenBalances."""

    account: str
    mint: str
    owner: str
    amount: int
    decimals: int
    token_program: str


@dataclass(frozen=True, slots=True)
class BurnInstruction:
    """A decoded Burn or BurnChecked; `place` is `top`, `inner` or `batch`."""

    token_program: str
    account: str
    mint: str
    authority: str
    signers: tuple[str, ...]
    """Members that signed for a multisig authority; empty for a single signer."""
    amount: int
    place: str


@dataclass(frozen=True, slots=True)
class ObservedTransaction:
    """A transaction as the RPC providers show it, decoded.

    `agreed`: as many providers as must agree returned the same slot, err and raw bytes.
    """

    signature: str
    signatures_valid: bool
    slot: int
    finalized: bool
    agreed: bool
    error: str | None
    signers: frozenset[str]
    pre_balances: tuple[TokenBalance, ...]
    post_balances: tuple[TokenBalance, ...]
    burns: tuple[BurnInstruction, ...]
    version: str


@dataclass(frozen=True, slots=True)
class ObservedMint:
    """A mint account at finalized commitment; `slot` is the answer's context slot.

    A closed mint (account gone) has `exists=False` and zeroes.
    """

    address: str
    exists: bool
    slot: int
    token_program: str
    supply: int
    decimals: int
    mint_authority: str | None
    freeze_authority: str | None
    agreed: bool = True


@dataclass(frozen=True, slots=True)
class BurnEvidence:
    """Everything the checks look at. A None is "not seen (yet)", never "not there"."""

    claimed_signature: str
    cluster_matches: bool
    transaction: ObservedTransaction | None
    mint: ObservedMint | None
    finalized_height: int | None
    """Finalized block height when the chain was asked; None when the transaction was seen."""


@dataclass(frozen=True, slots=True)
class BurnClaim:
    """What the request says must be true of the burn."""

    signature: str
    mint: str
    owner: str
    """The signed-in wallet: must be the owner on chain at the burn."""
    token_program: str
    level: int
    registry_level: int
    already_redeemed: bool
    opened_slot: int
    claimed_height: int | None
    """Finalized block height when the signature was first looked for; None: never too old."""
    signature_used_by_other: bool = False
    last_valid_block_height: int | None = None
    """Of a transaction we sent ourselves: past it, it can never land."""
