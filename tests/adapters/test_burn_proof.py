"""What no SVM and no honest node makes, written by hand: garbled answers and odd instructions.

Real burns and frauds are in test_honest_burns.py and test_burn_frauds.py.
"""

import base64
from typing import Any

import base58
import pytest
from solders.hash import Hash
from solders.instruction import CompiledInstruction, Instruction
from solders.message import Message, MessageAddressTableLookup, MessageHeader, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.adapters.burn_proof import observed_transaction
from nft_upgrade.domain.burn import ObservedTransaction
from tests.chain_builders import OWNER, burn, keypair

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
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
