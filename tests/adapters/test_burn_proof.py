"""Burns and frauds as real transactions on a real SVM behind a real node, then decoded and judged.

Only what no SVM here can make (look-up tables, v1, garbled answers) is written by hand.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import base58
import pytest
import solders.system_program as system
from solders.hash import Hash
from solders.instruction import CompiledInstruction, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageAddressTableLookup, MessageHeader, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.adapters.burn_proof import observed_transaction
from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.burn import BurnClaim, BurnProof, ObservedTransaction, Verdict
from nft_upgrade.domain.burn_checks import check_burn
from tests.chain_builders import (
    CLASSIC,
    INCINERATOR,
    OWNER,
    STRANGER,
    approve,
    batch,
    burn,
    classic_nft,
    close,
    keypair,
    move,
    signed,
)
from tests.fixtures.solana import SolanaNode
from tests.solana_world import SolanaWorld

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


@dataclass
class Court:
    """A world to act in, and the judgement over what was done there."""

    world: SolanaWorld
    chain: SolanaChain

    def judge(
        self, signature: str, mint: Pubkey, *, owner: Keypair = OWNER, program: str = TOKEN_2022
    ) -> BurnProof:
        claim = BurnClaim(
            signature=signature,
            mint=str(mint),
            owner=str(owner.pubkey()),
            token_program=program,
            level=1,
            registry_level=1,
            already_redeemed=False,
            opened_slot=0,
            claimed_height=None,
        )
        return check_burn(self.chain.burn_evidence(signature, str(mint)), claim)


@pytest.fixture(scope="module")
def court(solana: SolanaNode) -> Iterator[Court]:
    world, chain = SolanaWorld(solana.url), SolanaChain([solana.url])
    yield Court(world, chain)
    chain.close()
    world.close()


@pytest.fixture
def mint(court: Court) -> Pubkey:
    """The owner's fresh NFT."""
    return court.world.give_nft()


def account_of(
    mint: Pubkey, owner: Keypair = OWNER, program: Pubkey = TOKEN_2022_PROGRAM_ID
) -> Pubkey:
    return spl.get_associated_token_address(owner.pubkey(), mint, program)


def burn_own(mint: Pubkey, *, amount: int = 1) -> Instruction:
    return burn(account_of(mint), mint, OWNER.pubkey(), amount=amount)


def problem_of(proof: BurnProof) -> tuple[Verdict, str | None]:
    problem = proof.first_problem
    return proof.verdict, problem.code if problem else None


PROVEN = (Verdict.PROVEN, None)


def test_our_own_burn_transaction_is_proven(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint), close(account_of(mint), OWNER.pubkey())], OWNER)
    proof = court.judge(signature, mint)
    assert problem_of(proof) == PROVEN
    assert proof.owner == str(OWNER.pubkey())


def test_what_a_wallet_puts_around_the_burn_does_not_matter(court: Court, mint: Pubkey) -> None:
    tip = system.transfer(
        system.TransferParams(
            from_pubkey=OWNER.pubkey(), to_pubkey=STRANGER.pubkey(), lamports=1_000_000
        )
    )
    memo = Instruction(MEMO, b"hello", [])
    assert (
        problem_of(court.judge(court.world.send([memo, tip, burn_own(mint), memo], OWNER), mint))
        == PROVEN
    )


def test_somebody_else_may_pay_for_the_burn(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], STRANGER, OWNER)
    assert problem_of(court.judge(signature, mint)) == PROVEN


def test_a_burn_of_another_nft_is_refused(court: Court, mint: Pubkey) -> None:
    other = court.world.give_nft()
    signature = court.world.send([burn_own(other)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_wrong_mint")


def test_a_burn_by_another_owner_is_refused(court: Court) -> None:
    mint = court.world.give_nft(STRANGER)
    account = account_of(mint, STRANGER)
    signature = court.world.send([burn(account, mint, STRANGER.pubkey())], STRANGER)
    proof = court.judge(signature, mint, owner=OWNER)
    assert problem_of(proof) == (Verdict.REJECTED, "burn_wrong_owner")
    assert proof.owner == str(STRANGER.pubkey())


def test_a_failed_burn_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint, amount=2)], OWNER, fails=True)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_tx_failed")


@pytest.mark.parametrize("target", [STRANGER.pubkey(), INCINERATOR])
def test_a_transfer_is_no_burn_not_even_to_the_incinerator(
    court: Court, mint: Pubkey, target: Pubkey
) -> None:
    signature = court.world.send(move(account_of(mint), mint, OWNER.pubkey(), target), OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_is_transfer")


def test_a_burn_of_amount_zero_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint, amount=0)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_incomplete")


def test_a_look_at_the_nft_is_no_burn_even_after_it_was_burned_elsewhere(
    court: Court, mint: Pubkey
) -> None:
    # The supply is 0 by then, but this signature did not do it.
    nothing = court.world.send([burn_own(mint, amount=0)], OWNER)
    court.world.send([burn_own(mint)], OWNER)
    assert problem_of(court.judge(nothing, mint)) == (Verdict.REJECTED, "burn_incomplete")


def test_the_signature_of_an_unrelated_transaction_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([Instruction(MEMO, b"unrelated", [])], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_wrong_mint")


def test_a_burn_by_a_delegate_is_for_a_human(court: Court, mint: Pubkey) -> None:
    account = account_of(mint)
    court.world.send([approve(account, mint, OWNER.pubkey(), STRANGER.pubkey())], OWNER)
    signature = court.world.send([burn(account, mint, STRANGER.pubkey())], STRANGER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.UNDER_REVIEW, "burn_by_delegate")


def test_a_delegates_burn_that_the_owner_pays_for_is_still_for_a_human(
    court: Court, mint: Pubkey
) -> None:
    account = account_of(mint)
    court.world.send([approve(account, mint, OWNER.pubkey(), STRANGER.pubkey())], OWNER)
    signature = court.world.send([burn(account, mint, STRANGER.pubkey())], OWNER, STRANGER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.UNDER_REVIEW, "burn_by_delegate")


def test_an_nft_that_changes_hands_and_burns_at_once_is_for_a_human(
    court: Court, mint: Pubkey
) -> None:
    moved = move(account_of(mint), mint, OWNER.pubkey(), STRANGER.pubkey())
    burned = burn(account_of(mint, STRANGER), mint, STRANGER.pubkey())
    signature = court.world.send([*moved, burned], OWNER, STRANGER)
    assert problem_of(court.judge(signature, mint)) == (
        Verdict.UNDER_REVIEW,
        "burn_unsupported_transaction",
    )


def test_a_burn_that_is_not_final_is_pending(court: Court, mint: Pubkey) -> None:
    wire = signed([burn_own(mint)], court.world.blockhash().value, OWNER)
    signature = court.world.submit(wire)
    assert court.judge(signature, mint).verdict is Verdict.PENDING
    court.world.finalize(signature)
    assert problem_of(court.judge(signature, mint)) == PROVEN


@pytest.fixture
def classic(court: Court) -> Pubkey:
    """The owner's fresh classic SPL NFT."""
    mint = keypair(f"classic {court.world.blockhash().value}")
    instructions = classic_nft(mint, OWNER.pubkey(), STRANGER.pubkey(), court.world.rent(82))
    court.world.send(instructions, STRANGER, mint)
    return mint.pubkey()


def classic_burn(mint: Pubkey) -> Instruction:
    account = account_of(mint, program=TOKEN_PROGRAM_ID)
    return burn(account, mint, OWNER.pubkey(), program=TOKEN_PROGRAM_ID)


def test_a_classic_burn_is_proven(court: Court, classic: Pubkey) -> None:
    signature = court.world.send([classic_burn(classic)], OWNER)
    assert problem_of(court.judge(signature, classic, program=CLASSIC)) == PROVEN


def test_a_burn_inside_a_batch_is_found(court: Court, classic: Pubkey) -> None:
    account = account_of(classic, program=TOKEN_PROGRAM_ID)
    both = batch(classic_burn(classic), close(account, OWNER.pubkey(), program=TOKEN_PROGRAM_ID))
    signature = court.world.send([both], OWNER)
    assert problem_of(court.judge(signature, classic, program=CLASSIC)) == PROVEN
    transaction = court.chain.burn_evidence(signature, str(classic)).transaction
    assert transaction is not None
    assert [burn.place for burn in transaction.burns] == ["batch"]


def test_a_burn_under_another_program_than_the_pinned_one_is_for_a_human(
    court: Court, classic: Pubkey
) -> None:
    signature = court.world.send([classic_burn(classic)], OWNER)
    verdict, code = problem_of(court.judge(signature, classic, program=TOKEN_2022))
    assert (verdict, code) == (Verdict.UNDER_REVIEW, "burn_unsupported_transaction")


# --- by hand ---------------------------------------------------------------------------------

HAND_MINT, HAND_ACCOUNT = keypair("hand mint").pubkey(), keypair("hand account").pubkey()
HEADER = MessageHeader(1, 0, 1)
BURN_DATA = bytes([8]) + (1).to_bytes(8, "little")


def answer(raw: bytes, **meta: Any) -> dict[str, Any]:
    return {
        "slot": 7,
        "version": meta.pop("version", "legacy"),
        "transaction": [base64.b64encode(raw).decode(), "base64"],
        "meta": {"err": None, "preTokenBalances": [], "postTokenBalances": [], **meta},
    }


def observed(raw: bytes, **meta: Any) -> ObservedTransaction:
    return observed_transaction(answer(raw, **meta), finalized=True)


def test_accounts_from_look_up_tables_are_resolved_in_the_runtimes_order() -> None:
    lookup = MessageAddressTableLookup(keypair("table").pubkey(), bytes([0, 1]), b"")
    compiled = CompiledInstruction(1, BURN_DATA, bytes([2, 3, 0]))
    message = MessageV0(
        HEADER, [OWNER.pubkey(), TOKEN_2022_PROGRAM_ID], Hash.default(), [compiled], [lookup]
    )
    raw = bytes(VersionedTransaction(message, [OWNER]))
    loaded = {"writable": [str(HAND_ACCOUNT), str(HAND_MINT)], "readonly": []}
    (found,) = observed(raw, version=0, loadedAddresses=loaded).burns
    assert (found.account, found.mint) == (str(HAND_ACCOUNT), str(HAND_MINT))
    assert (found.authority, found.amount, found.place) == (str(OWNER.pubkey()), 1, "top")


def test_a_burn_called_by_another_program_is_found() -> None:
    message = Message.new_with_compiled_instructions(
        1,
        0,
        2,
        [OWNER.pubkey(), HAND_ACCOUNT, HAND_MINT, TOKEN_2022_PROGRAM_ID, MEMO],
        Hash.default(),
        [CompiledInstruction(4, b"", bytes([0]))],
    )
    raw = bytes(VersionedTransaction(message, [OWNER]))
    inner = {
        "programIdIndex": 3,
        "accounts": [1, 2, 0],
        "data": base58.b58encode(BURN_DATA).decode(),
    }
    (found,) = observed(raw, innerInstructions=[{"index": 0, "instructions": [inner]}]).burns
    assert (found.place, found.mint, found.amount) == ("inner", str(HAND_MINT), 1)


def test_the_members_that_signed_for_a_multisig_are_kept() -> None:
    member = keypair("member").pubkey()
    instruction = burn(HAND_ACCOUNT, HAND_MINT, OWNER.pubkey())
    accounts = [*instruction.accounts, type(instruction.accounts[0])(member, False, False)]
    message = Message(
        [Instruction(instruction.program_id, instruction.data, accounts)], OWNER.pubkey()
    )
    (found,) = observed(bytes(VersionedTransaction(message, [OWNER]))).burns
    assert found.signers == (str(member),)


def test_a_burn_of_another_program_is_none() -> None:
    instruction = burn(HAND_ACCOUNT, HAND_MINT, OWNER.pubkey(), program=MEMO)
    message = Message([instruction], OWNER.pubkey())
    assert observed(bytes(VersionedTransaction(message, [OWNER]))).burns == ()


def test_forged_bytes_do_not_verify() -> None:
    message = Message([Instruction(MEMO, b"x", [])], OWNER.pubkey())
    forged = VersionedTransaction.populate(message, [Signature.new_unique()])
    assert not observed(bytes(forged)).signatures_valid
    assert observed(bytes(VersionedTransaction(message, [OWNER]))).signatures_valid


def test_bytes_that_cannot_be_read_are_held_not_refused() -> None:
    found = observed(b"\xff\xff\xff", version=7)
    assert found.version == "7 (unreadable)"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x08", bytes([255]), bytes([255, 200]), bytes([255, 3, 200, 8]), bytes([15]) * 5],
)
def test_truncated_instruction_data_is_no_burn_and_no_crash(data: bytes) -> None:
    message = Message([Instruction(TOKEN_PROGRAM_ID, data, [])], OWNER.pubkey())
    assert observed(bytes(VersionedTransaction(message, [OWNER]))).burns == ()
