"""Each check alone, and how they add up. The frauds themselves run on a real SVM in
tests/adapters/test_burn_proof.py; here every check is made to be the only one that fails."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nft_upgrade.domain import base58
from nft_upgrade.domain.burn import (
    BurnClaim,
    BurnEvidence,
    BurnInstruction,
    ObservedMint,
    ObservedTransaction,
    TokenBalance,
    Verdict,
)
from nft_upgrade.domain.burn_checks import NOT_FOUND_AFTER, check_burn

SIGNATURE = base58.encode(bytes(range(100, 164)))
MINT, OWNER, ACCOUNT, PROGRAM = "mint", "owner", "account", "program"
HELD = TokenBalance(ACCOUNT, MINT, OWNER, 1, 0, PROGRAM)
BURN = BurnInstruction(PROGRAM, ACCOUNT, MINT, OWNER, (), 1, "top")
TRANSACTION = ObservedTransaction(
    signature=SIGNATURE,
    signatures_valid=True,
    slot=500,
    finalized=True,
    agreed=True,
    error=None,
    signers=frozenset({OWNER}),
    pre_balances=(HELD,),
    post_balances=(),
    burns=(BURN,),
    version="legacy",
)
BURNED_MINT = ObservedMint(MINT, True, 500, PROGRAM, 0, 0, None, None)
EVIDENCE = BurnEvidence(SIGNATURE, True, TRANSACTION, BURNED_MINT, 1_000)
CLAIM = BurnClaim(
    signature=SIGNATURE,
    mint=MINT,
    owner=OWNER,
    token_program=PROGRAM,
    level=1,
    registry_level=1,
    already_redeemed=False,
    opened_slot=400,
    claimed_height=900,
)

Change = Callable[[BurnEvidence, BurnClaim], tuple[BurnEvidence, BurnClaim]]


def transaction(**changes: Any) -> Change:
    def change(evidence: BurnEvidence, claim: BurnClaim) -> tuple[BurnEvidence, BurnClaim]:
        assert evidence.transaction is not None
        return replace(evidence, transaction=replace(evidence.transaction, **changes)), claim

    return change


def mint(**changes: Any) -> Change:
    def change(evidence: BurnEvidence, claim: BurnClaim) -> tuple[BurnEvidence, BurnClaim]:
        assert evidence.mint is not None
        return replace(evidence, mint=replace(evidence.mint, **changes)), claim

    return change


def claim(**changes: Any) -> Change:
    return lambda evidence, claim: (evidence, replace(claim, **changes))


def evidence(**changes: Any) -> Change:
    return lambda evidence, claim: (replace(evidence, **changes), claim)


def test_an_honest_burn_is_proven_and_names_its_owner() -> None:
    proof = check_burn(EVIDENCE, CLAIM)
    assert proof.verdict is Verdict.PROVEN
    assert proof.first_problem is None
    assert (proof.owner, proof.slot) == (OWNER, 500)
    assert {check.rule for check in proof.checks} == {f"V{number}" for number in range(1, 14)}


OTHER_HELD = replace(HELD, account="other", owner="someone")
BY_DELEGATE = replace(BURN, authority="delegate")
ONE_PROBLEM: dict[str, tuple[Change, str, str, Verdict]] = {
    "V1 malformed": (claim(signature="0OIl"), "V1", "invalid_signature_format", Verdict.REJECTED),
    "V2 other cluster": (
        evidence(cluster_matches=False),
        "V2",
        "wrong_cluster",
        Verdict.PENDING,
    ),
    "V3 not final": (transaction(finalized=False), "V3", "burn_not_final", Verdict.PENDING),
    "V3 disputed": (transaction(agreed=False), "V3", "providers_disagree", Verdict.PENDING),
    "V3 unreadable": (
        transaction(version="2"),
        "V3",
        "burn_unsupported_transaction",
        Verdict.PENDING,
    ),
    "V4 failed": (transaction(error='"x"'), "V4", "burn_tx_failed", Verdict.REJECTED),
    "V5 other transaction": (
        transaction(signature="another"),
        "V5",
        "provider_answer_invalid",
        Verdict.PENDING,
    ),
    "V5 forged": (
        transaction(signatures_valid=False),
        "V5",
        "provider_answer_invalid",
        Verdict.PENDING,
    ),
    "V6 other mint": (
        transaction(pre_balances=(replace(HELD, mint="another"),)),
        "V6",
        "burn_wrong_mint",
        Verdict.REJECTED,
    ),
    "V6 other owner": (
        transaction(pre_balances=(replace(HELD, owner="another"),)),
        "V6",
        "burn_wrong_owner",
        Verdict.REJECTED,
    ),
    "V6 empty before": (
        transaction(pre_balances=(replace(HELD, amount=0),)),
        "V6",
        "burn_incomplete",
        Verdict.REJECTED,
    ),
    "V6 still held": (
        transaction(post_balances=(HELD,)),
        "V6",
        "burn_incomplete",
        Verdict.REJECTED,
    ),
    "V6 only empty accounts": (
        transaction(pre_balances=(replace(HELD, amount=0), replace(OTHER_HELD, amount=0))),
        "V6",
        "burn_incomplete",
        Verdict.REJECTED,
    ),
    "V6 several accounts": (
        transaction(pre_balances=(HELD, OTHER_HELD)),
        "V6",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V6 other decimals": (
        transaction(pre_balances=(replace(HELD, decimals=1),)),
        "V6",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V6 other program": (
        transaction(pre_balances=(replace(HELD, token_program="another"),)),
        "V6",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V7 transfer": (
        transaction(post_balances=(replace(HELD, amount=0), OTHER_HELD)),
        "V7",
        "burn_is_transfer",
        Verdict.REJECTED,
    ),
    "V8 supply left": (mint(supply=1), "V8", "supply_not_zero", Verdict.REJECTED),
    "V8 read too early": (mint(slot=499), "V8", "mint_not_read", Verdict.PENDING),
    "V8 disputed": (mint(agreed=False), "V8", "mint_not_read", Verdict.PENDING),
    "V8 not read": (evidence(mint=None), "V8", "mint_not_read", Verdict.PENDING),
    "V8 gone": (mint(exists=False), "V8", "mint_missing", Verdict.UNDER_REVIEW),
    "V8 can mint again": (
        mint(mint_authority="x"),
        "V8",
        "mint_authority_left",
        Verdict.UNDER_REVIEW,
    ),
    "V8 other program": (
        mint(token_program="x"),
        "V8",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V8 other decimals": (
        mint(decimals=2),
        "V8",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V9 amount 0": (
        transaction(burns=(replace(BURN, amount=0),)),
        "V9",
        "burn_incomplete",
        Verdict.REJECTED,
    ),
    "V9 from another account": (
        transaction(burns=(replace(BURN, account="other"),)),
        "V9",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V9 by another program": (
        transaction(burns=(replace(BURN, token_program="other"),)),
        "V9",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V9 no known burn": (
        transaction(burns=()),
        "V9",
        "burn_unsupported_transaction",
        Verdict.UNDER_REVIEW,
    ),
    "V10 delegate": (
        transaction(burns=(BY_DELEGATE,)),
        "V10",
        "burn_by_delegate",
        Verdict.UNDER_REVIEW,
    ),
    "V10 owner is a program": (
        transaction(signers=frozenset({"payer"})),
        "V10",
        "burn_by_delegate",
        Verdict.UNDER_REVIEW,
    ),
    "V11 redeemed": (claim(already_redeemed=True), "V11", "already_redeemed", Verdict.REJECTED),
    "V11 other level": (claim(registry_level=2), "V11", "burn_wrong_level", Verdict.REJECTED),
    "V12 early": (claim(opened_slot=501), "V12", "burn_before_request", Verdict.UNDER_REVIEW),
    "V13 used": (
        claim(signature_used_by_other=True),
        "V13",
        "burn_already_used",
        Verdict.REJECTED,
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_each_check_alone_stops_a_burn(name: str) -> None:
    change, rule, code, verdict = ONE_PROBLEM[name]
    proof = check_burn(*change(EVIDENCE, CLAIM))
    assert proof.verdict is verdict
    problem = proof.first_problem
    assert problem is not None
    assert (problem.rule, problem.code) == (rule, code)
    assert problem.reason.endswith(".")


def test_every_rule_is_made_to_fail_alone() -> None:
    assert {rule for _, rule, _, _ in ONE_PROBLEM.values()} == {f"V{n}" for n in range(1, 14)}


def unseen(claimed: int | None, height: int) -> tuple[Verdict, str | None]:
    proof = check_burn(
        replace(EVIDENCE, transaction=None, finalized_height=height),
        replace(CLAIM, claimed_height=claimed),
    )
    problem = proof.first_problem
    return proof.verdict, problem.code if problem else None


def test_null_is_never_no_burn_before_the_signature_can_no_longer_land() -> None:
    last = 900 + NOT_FOUND_AFTER
    assert unseen(900, last) == (Verdict.PENDING, "burn_not_seen")
    assert unseen(900, last + 1) == (Verdict.REJECTED, "burn_not_found")


def test_an_unknown_height_at_the_claim_never_ends_in_a_rejection() -> None:
    assert unseen(None, 10**12) == (Verdict.PENDING, "burn_not_seen")


def test_a_blockhashs_life_and_the_fork_depth_are_waited_for_in_full() -> None:
    assert NOT_FOUND_AFTER > 150 + 32


def test_pending_wins_over_a_failure() -> None:
    change = transaction(error='"x"', finalized=False)
    assert check_burn(*change(EVIDENCE, CLAIM)).verdict is Verdict.PENDING


def test_a_failure_wins_over_a_review() -> None:
    change = transaction(burns=(BY_DELEGATE,), error='"x"')
    assert check_burn(*change(EVIDENCE, CLAIM)).verdict is Verdict.REJECTED


def test_the_most_telling_fault_is_named_first() -> None:
    # A transfer leaves the supply and shows no burn: the user is told "transfer".
    transferred = transaction(post_balances=(OTHER_HELD,), burns=())
    proof = check_burn(*mint(supply=1)(*transferred(EVIDENCE, CLAIM)))
    assert proof.first_problem is not None
    assert proof.first_problem.code == "burn_is_transfer"
    # A failed transaction burned nothing: the user is told "failed".
    failed = transaction(post_balances=(HELD,), error='"x"')
    proof = check_burn(*mint(supply=1)(*failed(EVIDENCE, CLAIM)))
    assert proof.first_problem is not None
    assert proof.first_problem.code == "burn_tx_failed"


def test_a_burn_that_keeps_the_empty_account_open_is_proven() -> None:
    change = transaction(post_balances=(replace(HELD, amount=0),))
    assert check_burn(*change(EVIDENCE, CLAIM)).verdict is Verdict.PROVEN


def test_other_tokens_in_the_same_transaction_do_not_matter() -> None:
    fee = TokenBalance("a", "usdc", "someone", 5, 6, "classic")
    change = transaction(
        pre_balances=(fee, HELD),
        post_balances=(replace(fee, amount=9),),
        burns=(replace(BURN, mint="usdc", amount=3), BURN),
    )
    assert check_burn(*change(EVIDENCE, CLAIM)).verdict is Verdict.PROVEN


def test_the_proof_is_plain_json() -> None:
    document = json.loads(json.dumps(check_burn(EVIDENCE, CLAIM).as_json()))
    assert document["verdict"] == "proven"
    assert document["checks"][0]["rule"] == "V1"


@pytest.mark.parametrize(
    "text",
    ["", SIGNATURE[:-2], SIGNATURE + "1", "1" + SIGNATURE, SIGNATURE + " ", "1" * 63, "z" * 200],
)
def test_a_signature_text_that_is_not_the_one_of_64_bytes_is_refused(text: str) -> None:
    assert not base58.is_canonical(text, length=64)


@given(raw=st.binary(min_size=64, max_size=64))
def test_every_64_bytes_have_exactly_one_text(raw: bytes) -> None:
    text = base58.encode(raw)
    assert base58.is_canonical(text, length=64)
    assert base58.decode(text) == raw


@given(text=st.text(max_size=100))
def test_no_text_makes_the_decoder_fail_otherwise_than_with_value_error(text: str) -> None:
    base58.is_canonical(text, length=64)
