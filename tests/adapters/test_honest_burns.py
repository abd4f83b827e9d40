"""Honest burns in every shape a wallet, a marketplace or an old hand gives them: all are proven."""

import pytest
import solders.system_program as system
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import ACCOUNT_LEN, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.adapters.atomic_transaction import LIGHTHOUSE
from nft_upgrade.domain.burn import Verdict
from tests.adapters.court import PROVEN, Court, account_of, burn_own, classic_burn, problem_of
from tests.calling_program import call_through
from tests.chain_builders import (
    CLASSIC,
    OWNER,
    STRANGER,
    approve,
    batch,
    burn,
    close,
    keypair,
    signed,
)

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def test_our_own_burn_transaction_is_proven(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint), close(account_of(mint), OWNER.pubkey())], OWNER)
    proof = court.judge(signature, mint)
    assert problem_of(proof) == PROVEN
    assert proof.owner == str(OWNER.pubkey())


def test_somebody_else_may_pay_for_the_burn(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], STRANGER, OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_a_burn_that_is_not_final_is_pending(court: Court, mint: Pubkey) -> None:
    wire = signed([burn_own(mint)], court.world.blockhash().value, OWNER)
    signature = court.world.submit(wire)
    assert court.judge(signature, mint).verdict is Verdict.PENDING
    court.world.finalize(signature)
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_a_classic_burn_is_proven(court: Court, classic: Pubkey) -> None:
    signature = court.world.send([classic_burn(classic)], OWNER)
    assert problem_of(court.judge(signature, classic, token_program=CLASSIC)) == PROVEN


def test_a_burn_inside_a_batch_is_found(court: Court, classic: Pubkey) -> None:
    account = account_of(classic, program=TOKEN_PROGRAM_ID)
    both = batch(classic_burn(classic), close(account, OWNER.pubkey(), program=TOKEN_PROGRAM_ID))
    signature = court.world.send([both], OWNER)
    assert problem_of(court.judge(signature, classic, token_program=CLASSIC)) == PROVEN
    transaction = court.chain.burn_evidence(signature, str(classic)).transaction
    assert transaction is not None
    assert [burn.place for burn in transaction.burns] == ["batch"]


def test_a_burn_may_leave_the_empty_account_open(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN
    assert (
        court.world.rpc("getTokenAccountBalance", str(account_of(mint)))["value"]["amount"] == "0"
    )


def test_a_plain_burn_that_does_not_check_decimals_is_proven(court: Court, mint: Pubkey) -> None:
    plain = spl.burn(
        models.BurnParams(
            program_id=TOKEN_2022_PROGRAM_ID,
            account=account_of(mint),
            mint=mint,
            owner=OWNER.pubkey(),
            amount=1,
        )
    )
    assert problem_of(court.judge(court.world.send([plain], OWNER), mint)) == PROVEN


def auxiliary_account(court: Court, mint: Pubkey) -> Pubkey:
    """OWNER's NFT, moved into an account of its owner's that is not the associated one."""
    account = keypair(f"auxiliary {mint}")
    create = system.create_account(
        system.CreateAccountParams(
            from_pubkey=OWNER.pubkey(),
            to_pubkey=account.pubkey(),
            lamports=court.world.rent(ACCOUNT_LEN),
            space=ACCOUNT_LEN,
            owner=TOKEN_2022_PROGRAM_ID,
        )
    )
    initialize = spl.initialize_account(
        models.InitializeAccountParams(
            program_id=TOKEN_2022_PROGRAM_ID,
            account=account.pubkey(),
            mint=mint,
            owner=OWNER.pubkey(),
        )
    )
    moved = spl.transfer_checked(
        models.TransferCheckedParams(
            program_id=TOKEN_2022_PROGRAM_ID,
            source=account_of(mint),
            mint=mint,
            dest=account.pubkey(),
            owner=OWNER.pubkey(),
            amount=1,
            decimals=0,
        )
    )
    court.world.send([create, initialize, moved], OWNER, account)
    return account.pubkey()


def test_a_burn_from_an_account_that_is_not_the_associated_one_is_proven(
    court: Court, mint: Pubkey
) -> None:
    account = auxiliary_account(court, mint)
    holder = court.chain.holder(str(mint))
    assert holder is not None
    assert holder.token_account == str(account)
    signature = court.world.send(
        [burn(account, mint, OWNER.pubkey()), close(account, OWNER.pubkey())], OWNER
    )
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_a_burn_inside_another_programs_call_is_proven(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([call_through(burn_own(mint))], OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN
    assert places(court, signature, mint) == ["inner"]


def test_a_batch_inside_another_programs_call_is_proven(court: Court, classic: Pubkey) -> None:
    signature = court.world.send([call_through(batch(classic_burn(classic)))], OWNER)
    assert problem_of(court.judge(signature, classic, token_program=CLASSIC)) == PROVEN
    assert places(court, signature, classic) == ["batch"]


def test_a_batch_of_token_2022_is_proven(court: Court, mint: Pubkey) -> None:
    both = batch(burn_own(mint), close(account_of(mint), OWNER.pubkey()))
    both = Instruction(TOKEN_2022_PROGRAM_ID, bytes(both.data), both.accounts)
    signature = court.world.send([both], OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN
    assert places(court, signature, mint) == ["batch"]


def test_a_version_0_burn_with_looked_up_accounts_is_proven(court: Court, mint: Pubkey) -> None:
    table = court.lookup_table(mint, account_of(mint), TOKEN_2022_PROGRAM_ID)
    signature = court.send_v0([burn_own(mint)], OWNER, table=table)
    transaction = court.chain.burn_evidence(signature, str(mint)).transaction
    assert transaction is not None
    assert transaction.version == "0"
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_a_version_1_burn_is_proven(court: Court, mint: Pubkey) -> None:
    signature = court.send_v1([burn_own(mint)], OWNER)
    transaction = court.chain.burn_evidence(signature, str(mint)).transaction
    assert transaction is not None
    assert transaction.version == "1"
    assert problem_of(court.judge(signature, mint)) == PROVEN


def guard(mint: Pubkey) -> Instruction:
    """As wallets add them: an assertion about the user's accounts."""
    watched = [
        AccountMeta(account_of(mint), False, False),
        AccountMeta(OWNER.pubkey(), True, False),
    ]
    return Instruction(LIGHTHOUSE, bytes(range(40)), watched)


@pytest.mark.parametrize("version", ["legacy", "0"])
def test_what_wallets_put_around_the_burn_does_not_matter(
    court: Court, mint: Pubkey, version: str
) -> None:
    tip = system.transfer(
        system.TransferParams(
            from_pubkey=OWNER.pubkey(), to_pubkey=STRANGER.pubkey(), lamports=1_000_000
        )
    )
    instructions = [
        set_compute_unit_limit(100_000),
        set_compute_unit_price(1_000),
        guard(mint),
        Instruction(MEMO, b"hello", []),
        tip,
        burn_own(mint),
        guard(mint),
    ]
    if version == "0":
        signature = court.send_v0(instructions, OWNER, table=court.lookup_table(mint))
    else:
        signature = court.world.send(instructions, OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_a_delegation_that_nobody_used_does_not_spoil_the_owners_burn(
    court: Court, mint: Pubkey
) -> None:
    delegated = approve(account_of(mint), mint, OWNER.pubkey(), STRANGER.pubkey())
    signature = court.world.send([delegated, burn_own(mint)], OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_two_nfts_burned_in_one_transaction_are_two_burns(court: Court, mint: Pubkey) -> None:
    other = court.world.give_nft()
    signature = court.world.send([burn_own(mint), burn_own(other)], OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN
    assert problem_of(court.judge(signature, other)) == PROVEN


def places(court: Court, signature: str, mint: Pubkey) -> list[str]:
    """Where the burns were found."""
    transaction = court.chain.burn_evidence(signature, str(mint)).transaction
    assert transaction is not None
    return [found.place for found in transaction.burns]
