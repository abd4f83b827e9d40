"""Mint accounts in full, from real bytes and from hostile ones; and what allocated them."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import AllocateWithSeedParams, allocate_with_seed
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.creations import creations_of
from nft_upgrade.adapters.nft_accounts import nft_account
from nft_upgrade.adapters.token_accounts import Account
from nft_upgrade.adapters.token_extensions import group_offset
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.nft_account import Metadata
from tests.chain_builders import OWNER, PROGRAM, STRANGER, SYSTEM_WALLET, Svm, mint_order

BASE = SYSTEM_WALLET.pubkey()


@pytest.fixture(scope="module")
def minted() -> tuple[str, bytes]:
    """An NFT of ours as it lies on chain: its address and its bytes."""
    svm, order = Svm(), mint_order(level=2)
    svm.mint(order)
    return PROGRAM.address_of(order), svm.data(PROGRAM.address_of(order))


def test_our_own_nft_is_read_as_it_was_built(minted: tuple[str, bytes]) -> None:
    address, data = minted
    order = mint_order(level=2)
    read = nft_account(address, Account(TOKEN_2022, data), slot=7)
    assert read is not None
    assert (read.supply, read.decimals, read.mint_authority, read.slot) == (1, 0, None, 7)
    assert sorted(read.extensions) == [18, 19, 22, 23]
    assert read.collection == order.collection
    assert read.metadata == Metadata(None, order.name, "AIW3", order.uri, (("level", "2"),))


def test_the_group_stands_where_members_are_looked_for(minted: tuple[str, bytes]) -> None:
    order, (_, data) = mint_order(level=2), minted
    at = group_offset(name=order.name, symbol=order.symbol, uri=order.uri, level=2)
    assert order.collection is not None
    assert data[at : at + 32] == bytes(Pubkey.from_string(order.collection))


def test_a_membership_that_speaks_of_another_mint_is_none(minted: tuple[str, bytes]) -> None:
    read = nft_account(str(STRANGER.pubkey()), Account(TOKEN_2022, minted[1]), slot=7)
    assert read is not None and read.collection is None


@settings(max_examples=200, deadline=None)
@given(tail=st.binary(max_size=300), cut=st.integers(0, 400))
def test_hostile_bytes_are_never_an_error(minted: tuple[str, bytes], tail: bytes, cut: int) -> None:
    address, data = minted
    for hostile in (data[:166] + tail, data[:cut], data[:cut] + tail):
        nft_account(address, Account(TOKEN_2022, hostile), slot=1)


# --- what a transaction allocated -----------------------------------------------------------------


def answer(*instructions: Instruction, payer: Any = SYSTEM_WALLET, err: Any = None) -> Any:
    """What getTransaction shows of a transaction of `payer`, which may not sign for others."""
    message = Message.new_with_blockhash(list(instructions), payer.pubkey(), Hash.default())
    wire = bytes(VersionedTransaction(message, [payer]))
    return {
        "slot": 5,
        "version": "legacy",
        "blockTime": 1_700_000_000,
        "transaction": [base64.b64encode(wire).decode(), "base64"],
        "meta": {"err": err, "preTokenBalances": [], "postTokenBalances": []},
    }


def allocation(base: Pubkey, seed: str, owner: Pubkey = TOKEN_2022_PROGRAM_ID) -> Instruction:
    return allocate_with_seed(
        AllocateWithSeedParams(
            address=Pubkey.create_with_seed(base, seed, owner),
            base=base,
            seed=seed,
            space=200,
            owner=owner,
        )
    )


def test_an_allocation_under_our_key_is_found() -> None:
    (found,) = creations_of(answer(allocation(BASE, "a" * 32)), str(BASE))
    assert found.mint == str(Pubkey.create_with_seed(BASE, "a" * 32, TOKEN_2022_PROGRAM_ID))
    assert found.created_at is not None and found.created_at.year == 2023


@pytest.mark.parametrize(
    "shown",
    [
        answer(allocation(BASE, "a"), err={"InstructionError": [0, {"Custom": 0}]}),
        answer(allocation(STRANGER.pubkey(), "a"), payer=STRANGER),
        answer(allocation(BASE, "a", SYSTEM_PROGRAM)),
        answer(Instruction(SYSTEM_PROGRAM, b"\x09\0\0\0", [])),
        answer(Instruction(SYSTEM_PROGRAM, b"", [])),
        answer(Instruction(TOKEN_2022_PROGRAM_ID, bytes(allocation(BASE, "a").data), [])),
        answer(
            Instruction(
                SYSTEM_PROGRAM,
                bytes(allocation(BASE, "a").data),
                [AccountMeta(OWNER.pubkey(), False, True)],
            )
        ),
    ],
    ids=["failed", "strangers", "other-owner", "cut", "empty", "other-program", "other-address"],
)
def test_anything_else_is_no_creation_of_ours(shown: Any) -> None:
    assert list(creations_of(shown, str(BASE))) == []


def test_a_transaction_that_our_key_did_not_sign_creates_nothing() -> None:
    named = Instruction(
        SYSTEM_PROGRAM,
        bytes(allocation(BASE, "a").data),
        [AccountMeta(Pubkey.create_with_seed(BASE, "a", TOKEN_2022_PROGRAM_ID), False, True)],
    )
    assert list(creations_of(answer(named, payer=STRANGER), str(BASE))) == []
