"""The named checks that decide whether a claimed burn is proven (chain.md section 3).

Each check is a pure function of the evidence and the claim. Effects (balances, supply) decide,
instructions only say who did it. Three rules run through all of them:

- Null is never "no burn". What cannot be known yet is PENDING, and pending wins.
- What our own side got wrong (wrong cluster, a provider's odd answer, a transaction version we
  cannot read) is PENDING too: the user's burn must not be refused for it.
- An NFT that is really gone but in a way we did not foresee is REVIEW, never FAIL: a refusal
  would lose it.

They are reported with the most telling fault first, which is not quite the order of their numbers:
a used signature (V13) and the registry's word (V11) come before the effects.
"""

from collections.abc import Callable, Sequence
from typing import Any

from nft_upgrade.domain.base58 import is_canonical
from nft_upgrade.domain.burn import (
    BurnClaim,
    BurnEvidence,
    BurnInstruction,
    BurnProof,
    Check,
    ObservedTransaction,
    Outcome,
    TokenBalance,
)

BLOCKHASH_LIFE = 150
"""Blocks for which a blockhash may be used: afterwards its transaction can never land."""
FORK_DEPTH = 32
"""Blocks until the height itself is rooted."""
LAG_MARGIN = 300
"""Blocks by which the provider asked for a height may have lagged, and by which the wallet may
send its transaction after naming it. Generous: a false "not found" sends the user around again."""
NOT_FOUND_AFTER = BLOCKHASH_LIFE + FORK_DEPTH + LAG_MARGIN

READABLE_VERSIONS = frozenset({"legacy", "0", "1"})
"""Transaction versions the decoder knows; any other is our defect: hold and alert."""


def check_burn(evidence: BurnEvidence, claim: BurnClaim) -> BurnProof:
    """All checks that can be made on what was seen; without a transaction, fewer."""
    checks = [check_signature_format(claim)]
    if checks[0].outcome is not Outcome.PASS:
        # No transaction can have it: nothing else is to be waited for.
        return BurnProof(claim.signature, claim.mint, None, None, tuple(checks))
    checks += [check_cluster(evidence), check_finalized(evidence, claim)]
    registry = [check_signature_unused(claim), check_registry(claim)]
    transaction = evidence.transaction
    if transaction is None or transaction.version not in READABLE_VERSIONS:
        return BurnProof(claim.signature, claim.mint, None, None, (*checks, *registry))
    checks += [check_succeeded(transaction), check_signatures(transaction, claim), *registry]
    checks += [check(transaction, claim) for check in EFFECTS]
    checks.append(check_supply(evidence, claim))
    checks += [check(transaction, claim) for check in ATTRIBUTION]
    return BurnProof(
        claim.signature,
        claim.mint,
        transaction.slot,
        owner_at_burn(transaction, claim.mint),
        tuple(checks),
        commitment="finalized" if transaction.finalized else "confirmed",
    )


def owner_at_burn(transaction: ObservedTransaction, mint: str) -> str | None:
    """Who held the NFT when the transaction began; None unless exactly one account did."""
    held = _holding(transaction, mint)
    return held[0].owner if len(held) == 1 else None


def check_signature_format(claim: BurnClaim) -> Check:
    """V1: 64 bytes in canonical base58, so that one signature has one text."""
    rule = _Rule("V1", "The signature is 64 bytes of canonical base58", signature=claim.signature)
    if not is_canonical(claim.signature, length=64):
        return rule.fail("invalid_signature_format", "The signature is not base58 of 64 bytes.")
    return rule.ok("The signature is well formed.")


def check_cluster(evidence: BurnEvidence) -> Check:
    """V2: the genesis hash is the configured one; another one is our own misconfiguration."""
    rule = _Rule("V2", "The cluster is the configured one", matches=evidence.cluster_matches)
    if not evidence.cluster_matches:
        return rule.pending("wrong_cluster", "The RPC provider serves another cluster than ours.")
    return rule.ok("The cluster's genesis hash is the configured one.")


def check_finalized(evidence: BurnEvidence, claim: BurnClaim) -> Check:
    """V3: present, finalized and agreed on; missing for good only once it can no longer land."""
    transaction = evidence.transaction
    if transaction is None:
        return _not_seen(evidence, claim)
    rule = _Rule(
        "V3",
        "The transaction is final",
        slot=transaction.slot,
        finalized=transaction.finalized,
        agreed=transaction.agreed,
        version=transaction.version,
    )
    if transaction.version not in READABLE_VERSIONS:
        return rule.pending(
            "burn_unsupported_transaction", "We cannot read this transaction version yet."
        )
    if not transaction.finalized:
        return rule.pending("burn_not_final", "The transaction is not finalized yet.")
    if not transaction.agreed:
        return rule.pending("providers_disagree", "RPC providers do not agree on it yet.")
    return rule.ok("The transaction is finalized.")


def _not_seen(evidence: BurnEvidence, claim: BurnClaim) -> Check:
    last = _last_height(claim)
    height = evidence.finalized_height
    rule = _Rule("V3", "The transaction is final", finalizedHeight=height, notFoundAfter=last)
    if last is None or height is None or height <= last:
        return rule.pending("burn_not_seen", "The transaction is not on chain yet.")
    return rule.fail("burn_not_found", "The transaction never reached the chain and no longer can.")


def _last_height(claim: BurnClaim) -> int | None:
    """The finalized height past which a transaction that is not there never will be."""
    if claim.last_valid_block_height is not None:
        return claim.last_valid_block_height + FORK_DEPTH
    return None if claim.claimed_height is None else claim.claimed_height + NOT_FOUND_AFTER


def check_succeeded(transaction: ObservedTransaction) -> Check:
    """V4: failed transactions are visible and paid for, but change nothing."""
    rule = _Rule("V4", "The transaction succeeded", error=transaction.error)
    if transaction.error is not None:
        return rule.fail("burn_tx_failed", "The transaction failed on chain: nothing was burned.")
    return rule.ok("The transaction succeeded.")


def check_signatures(transaction: ObservedTransaction, claim: BurnClaim) -> Check:
    """V5: it is the claimed transaction, and its signatures verify here. Else a provider lies."""
    rule = _Rule(
        "V5",
        "The transaction's signatures verify",
        first=transaction.signature,
        valid=transaction.signatures_valid,
    )
    if transaction.signature != claim.signature or not transaction.signatures_valid:
        return rule.pending(
            "provider_answer_invalid", "The provider's answer does not match the signature."
        )
    return rule.ok("All Ed25519 signatures verify, the first is the claimed one.")


def check_signature_unused(claim: BurnClaim) -> Check:
    """V13: one signature proves one burn of this NFT; storage takes the lock for good."""
    rule = _Rule("V13", "The signature is unused", usedByOther=claim.signature_used_by_other)
    if claim.signature_used_by_other:
        return rule.fail("burn_already_used", "This signature already proves another request.")
    return rule.ok("No other request uses this signature.")


def check_registry(claim: BurnClaim) -> Check:
    """V11: our registry knows the NFT at the request's level, and it is not redeemed."""
    rule = _Rule(
        "V11",
        "The NFT is registered at the request's level",
        level=claim.level,
        registryLevel=claim.registry_level,
        alreadyRedeemed=claim.already_redeemed,
    )
    if claim.already_redeemed:
        return rule.fail("already_redeemed", "This NFT already has its successor.")
    if claim.level != claim.registry_level:
        return rule.fail("burn_wrong_level", "The registry knows this NFT at another level.")
    return rule.ok("The registry knows this NFT at the request's level.")


def check_balances(transaction: ObservedTransaction, claim: BurnClaim) -> Check:
    """V6: before, exactly one account of the owner held exactly this NFT; after, it holds none."""
    listed = _of(transaction.pre_balances, claim.mint)
    rule = _Rule(
        "V6",
        "The owner held the NFT before and does not after",
        before=[_shown(balance) for balance in listed],
        after=[_shown(balance) for balance in _of(transaction.post_balances, claim.mint)],
    )
    if not listed:
        return rule.fail("burn_wrong_mint", "The transaction does not touch this NFT.")
    # Anybody can make empty accounts of a mint, and move nothing between them.
    held = _holding(transaction, claim.mint)
    if not held:
        return rule.fail("burn_incomplete", "Nobody held the NFT when the transaction began.")
    if len(held) > 1:
        return rule.review(
            "burn_unsupported_transaction", "Several accounts held this NFT at once."
        )
    return _held_alone(rule, held[0], transaction, claim)


def _held_alone(
    rule: "_Rule", held: TokenBalance, transaction: ObservedTransaction, claim: BurnClaim
) -> Check:
    if held.owner != claim.owner:
        return rule.fail("burn_wrong_owner", "Another wallet held the NFT at the burn.")
    if held.token_program != claim.token_program or held.decimals != 0:
        return rule.review(
            "burn_unsupported_transaction", "Not the token program or decimals we registered."
        )
    if held.amount != 1:
        return rule.fail("burn_incomplete", "The owner's account did not hold the NFT.")
    if _kept(transaction, held):
        return rule.fail("burn_incomplete", "The owner still holds the NFT after it.")
    return rule.ok("The owner's one account went from 1 to 0.")


def _kept(transaction: ObservedTransaction, held: TokenBalance) -> bool:
    after = _of(transaction.post_balances, held.mint)
    return any(balance.account == held.account and balance.amount > 0 for balance in after)


def check_nobody_gained(transaction: ObservedTransaction, claim: BurnClaim) -> Check:
    """V7: a burn makes nobody richer; a transfer does, also one to the incinerator."""
    before = {held.account: held.amount for held in _of(transaction.pre_balances, claim.mint)}
    after = _of(transaction.post_balances, claim.mint)
    gained = [_shown(has) for has in after if has.amount > before.get(has.account, 0)]
    rule = _Rule("V7", "No account gained the NFT", gained=gained)
    if gained:
        return rule.fail("burn_is_transfer", "The NFT was sent to another account, not burned.")
    return rule.ok("No account gained the NFT.")


def check_supply(evidence: BurnEvidence, claim: BurnClaim) -> Check:
    """V8: the mint, read at or after the burn's slot, has supply 0 and can mint no more."""
    mint, transaction = evidence.mint, evidence.transaction
    if mint is None or transaction is None:
        return _Rule("V8", _SUPPLY).pending("mint_not_read", "The mint was not read yet.")
    rule = _Rule(
        "V8",
        _SUPPLY,
        supply=mint.supply,
        decimals=mint.decimals,
        mintAuthority=mint.mint_authority,
        slot=mint.slot,
        exists=mint.exists,
    )
    if not mint.agreed or mint.slot < transaction.slot:
        return rule.pending("mint_not_read", "The mint was not read after the burn yet.")
    if not mint.exists:
        return rule.review("mint_missing", "The mint account is gone altogether.")
    if mint.supply != 0:
        return rule.fail("supply_not_zero", "The NFT still exists: its supply is not 0.")
    if mint.token_program != claim.token_program or mint.decimals != 0:
        return rule.review("burn_unsupported_transaction", "The mint is not as registered.")
    if mint.mint_authority is not None:
        return rule.review("mint_authority_left", "Somebody could mint this NFT again.")
    return rule.ok("The supply is 0 and nobody can mint again.")


def check_instruction(transaction: ObservedTransaction, claim: BurnClaim) -> Check:
    """V9: a burn of exactly 1 from that account decodes, at whatever depth."""
    burns = [burn for burn in transaction.burns if burn.mint == claim.mint]
    rule = _Rule(
        "V9",
        "A burn instruction of amount 1 is in the transaction",
        burns=[{"place": burn.place, "amount": burn.amount} for burn in burns],
    )
    if _matching(transaction, claim):
        return rule.ok("The burn instruction is there.")
    if burns and all(burn.amount == 0 for burn in burns):
        return rule.fail("burn_incomplete", "The burn instruction burns an amount of 0.")
    return rule.review("burn_unsupported_transaction", "No burn of it in a form we know is there.")


def check_authority(transaction: ObservedTransaction, claim: BurnClaim) -> Check:
    """V10: the owner's own signature burned it; a delegate's or a multisig's is for a human."""
    burns = _matching(transaction, claim)
    rule = _Rule(
        "V10",
        "The owner burned it",
        authorities=[burn.authority for burn in burns],
        ownerSigned=claim.owner in transaction.signers,
    )
    by_owner = any(burn.authority == claim.owner for burn in burns)
    if by_owner and claim.owner in transaction.signers:
        return rule.ok("The owner signed the burn.")
    return rule.review("burn_by_delegate", "Not the owner's own signature burned the NFT.")


def check_order(transaction: ObservedTransaction, claim: BurnClaim) -> Check:
    """V12: burned after the request was opened. Slots order, block times do not."""
    rule = _Rule(
        "V12",
        "The burn came after the request",
        slot=transaction.slot,
        openedSlot=claim.opened_slot,
    )
    if transaction.slot < claim.opened_slot:
        return rule.review("burn_before_request", "The burn is older than the request.")
    return rule.ok("The burn came after the request was opened.")


_OfTransaction = Callable[[ObservedTransaction, BurnClaim], Check]
EFFECTS: Sequence[_OfTransaction] = (check_balances, check_nobody_gained)
ATTRIBUTION: Sequence[_OfTransaction] = (check_instruction, check_authority, check_order)
_SUPPLY = "The NFT's supply is 0"


def _of(balances: Sequence[TokenBalance], mint: str) -> list[TokenBalance]:
    return [balance for balance in balances if balance.mint == mint]


def _holding(transaction: ObservedTransaction, mint: str) -> list[TokenBalance]:
    """The accounts that held it when the transaction began."""
    return [balance for balance in _of(transaction.pre_balances, mint) if balance.amount > 0]


def _matching(transaction: ObservedTransaction, claim: BurnClaim) -> list[BurnInstruction]:
    """Burns of the whole NFT, by the pinned program, from the account that held it."""
    accounts = {balance.account for balance in _holding(transaction, claim.mint)}
    return [
        burn
        for burn in transaction.burns
        if (burn.mint, burn.amount, burn.token_program) == (claim.mint, 1, claim.token_program)
        and burn.account in accounts
    ]


def _shown(balance: TokenBalance) -> dict[str, Any]:
    return {"account": balance.account, "owner": balance.owner, "amount": balance.amount}


class _Rule:
    """One rule with its evidence; its methods make the Check."""

    def __init__(self, number: str, title: str, **evidence: Any) -> None:
        self._number, self._title, self._evidence = number, title, evidence

    def ok(self, reason: str) -> Check:
        return self._check(Outcome.PASS, None, reason)

    def fail(self, code: str, reason: str) -> Check:
        return self._check(Outcome.FAIL, code, reason)

    def pending(self, code: str, reason: str) -> Check:
        return self._check(Outcome.PENDING, code, reason)

    def review(self, code: str, reason: str) -> Check:
        return self._check(Outcome.REVIEW, code, reason)

    def _check(self, outcome: Outcome, code: str | None, reason: str) -> Check:
        return Check(self._number, self._title, outcome, code, reason, self._evidence)
