"""One mint transaction: built from stored facts, signed only if it is exactly that, sent as often
as needed, and given up only when the chain has proven that it never can land (chain.md section 4).
"""

from dataclasses import dataclass
from enum import StrEnum

from nft_upgrade.domain.burn import ObservedTransaction
from nft_upgrade.domain.errors import ChainUnavailable, Conflicting
from nft_upgrade.ports import (
    Chain,
    CollectionOrder,
    MintAttempt,
    MintOrder,
    NftProgram,
    Signer,
)
from nft_upgrade.use_cases.policy import Policy

FINALITY_MARGIN = 32
"""Blocks beyond an attempt's last valid height before it may count as dead (chain.md section 4)."""
MOST_UNITS = 1_400_000
"""The most compute units a transaction may ask for; a dry run must not fail for want of them."""
UNITS_MARGIN = 1.1
"""Head-room over the simulated compute units."""
UNSIGNED = bytes(64)
SIGNATURES_LOOKED_AT = 100
"""How many transactions of a successor's address are looked through for its mint."""


class Progress(StrEnum):
    """How far the mint got; the workflow chooses its next state by it."""

    READY = "ready"
    """An attempt is written down and wants to be sent."""
    PENDING = "pending"
    """Sent; not final yet."""
    FINALIZED = "finalized"
    """The successor is minted at finalized commitment."""
    EXPIRED = "expired"
    """The attempt is provably dead: it never landed and never can."""
    FAILED = "failed"
    """The attempt landed with an error."""
    EXHAUSTED = "exhausted"
    """This execution built as many attempts as one may."""
    NOT_NEEDED = "not_needed"
    """The upgrade is in no status that a mint follows from."""


@dataclass(frozen=True, slots=True)
class MintMessage:
    """A serialized message and the last block height at which it may land."""

    message: bytes
    last_valid_block_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """`signer` is needed by `sign` alone."""

    chain: Chain
    program: NftProgram
    signer: Signer
    policy: Policy

    def build(self, order: MintOrder) -> MintMessage:
        """With the compute units a dry run took and the fee that is going at the moment."""
        blockhash = self.chain.latest_blockhash()
        rent = self.chain.rent(self.program.account_size(order))
        trial = self.program.mint_message(order, blockhash, rent=rent, units=MOST_UNITS, fee=0)
        message = self.program.mint_message(
            order,
            blockhash,
            rent=rent,
            units=self._needed_units(trial),
            fee=self.chain.priority_fee(),
        )
        return MintMessage(message, blockhash.last_valid_block_height)

    def build_collection(self, order: CollectionOrder) -> bytes:
        """The message that creates the collection."""
        blockhash = self.chain.latest_blockhash()
        rent = self.chain.rent(self.program.collection_size(order))
        trial = self.program.collection_message(
            order, blockhash, rent=rent, units=MOST_UNITS, fee=0
        )
        units, fee = self._needed_units(trial), self.chain.priority_fee()
        return self.program.collection_message(order, blockhash, rent=rent, units=units, fee=fee)

    def sign(self, message: bytes, order: MintOrder) -> bytes:
        """ValueError when `message` is anything but the mint of `order`."""
        self.program.require_own(message, order)
        return self.signer.sign(message)

    def send(self, message: bytes, signature: bytes) -> None:
        """Relay once; the same bytes may be sent any number of times."""
        self.chain.send(self.program.wire(message, signature))

    def progress(self, attempt: MintAttempt, *, recipient: str) -> Progress:
        """PENDING is the answer whenever the chain leaves any doubt."""
        if attempt.signature is None:
            # Never sent: it is sent only once its signature is stored.
            return Progress.EXPIRED if self._is_too_old(attempt) else Progress.PENDING
        status = self.chain.signature_status(self.signature_text(attempt))
        if status is None:
            return self._unseen(attempt, recipient)
        if status.commitment != "finalized":
            return Progress.PENDING
        return Progress.FINALIZED if status.error is None else Progress.FAILED

    def is_minted(self, mint: str, *, recipient: str) -> bool | None:
        """At finalized; None: nothing is there. Conflicting: not what we mint is there."""
        minted = self.chain.minted(mint, recipient=recipient, commitment="finalized")
        if minted is False:
            raise Conflicting(f"What is at {mint} is not the NFT that belongs there.")
        return minted

    def is_minted_by(self, signature: str, mint: str, *, recipient: str) -> bool:
        """Whether this finalized transaction minted it for the recipient: true for ever after,
        wherever the NFT went then."""
        seen = self.chain.transaction(signature)
        if seen is None or not _mints(seen, mint):
            return False
        return any(held.mint == mint and held.owner == recipient for held in seen.post_balances)

    def mint_signature(self, mint: str) -> str | None:
        """The finalized transaction that minted it, from the address's own history, oldest first:
        the one before which nobody held it and after which somebody does."""
        for signature in reversed(self.chain.signatures_for(mint, limit=SIGNATURES_LOOKED_AT)):
            seen = self.chain.burn_evidence(signature, mint).transaction
            if seen is not None and _mints(seen, mint):
                return signature
        return None

    def signature_text(self, attempt: MintAttempt) -> str:
        """Base58."""
        if attempt.signature is None:
            raise ValueError("the attempt is not signed")
        return self.program.signature_text(attempt.signature)

    def _needed_units(self, message: bytes) -> int:
        return needed_units(self.chain, self.program.wire(message, UNSIGNED), of="mint")

    def _is_too_old(self, attempt: MintAttempt) -> bool:
        height = self.chain.block_height(commitment="finalized")
        return height > attempt.last_valid_block_height + FINALITY_MARGIN

    def _unseen(self, attempt: MintAttempt, recipient: str) -> Progress:
        """Dead only in this order: too old, then still unknown; Conflicting when what is at the
        address is none of ours. When it is ours, another transaction minted it (one whose record
        is lost): this attempt is dead too, and who would build the next one looks there first."""
        if not self._is_too_old(attempt):
            return Progress.PENDING
        if self.chain.signature_status(self.signature_text(attempt)) is not None:
            return Progress.PENDING
        self.is_minted(attempt.successor, recipient=recipient)
        return Progress.EXPIRED


def needed_units(chain: Chain, transaction: bytes, *, of: str) -> int:
    """The compute units to ask for, with head-room over what a dry run took; ChainUnavailable when
    that fails. `of` names the transaction in the error."""
    dry_run = chain.simulate(transaction)
    if dry_run.error is not None:
        raise ChainUnavailable(f"A dry run of the {of} failed: {dry_run.error}")
    return min(MOST_UNITS, int(dry_run.units * UNITS_MARGIN))


def _mints(seen: ObservedTransaction, mint: str) -> bool:
    """Final, successful, and nobody held the NFT before it but somebody does after it."""
    if not (seen.finalized and seen.agreed) or seen.error is not None:
        return False
    before = sum(held.amount for held in seen.pre_balances if held.mint == mint)
    after = sum(held.amount for held in seen.post_balances if held.mint == mint)
    return (before, after) == (0, 1)
