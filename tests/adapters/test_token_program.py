"""Every message is executed on a real SVM with the real token programs (LiteSVM)."""

import struct
from dataclasses import replace

import pytest
import solders.system_program as system
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.adapters.token_accounts import Account, mint_of, token_account_of
from nft_upgrade.adapters.token_extensions import UNLIMITED
from nft_upgrade.adapters.token_program import TOKEN_2022, collection_address
from nft_upgrade.ports import Blockhash, MintOrder
from tests.chain_builders import (
    CLASSIC,
    OWNER,
    PREDECESSOR,
    PROGRAM,
    STRANGER,
    SYSTEM_WALLET,
    Svm,
    classic_nft,
    held_by,
    keypair,
    mint_order,
    sign_message,
    sign_wire,
)

LARGEST_TRANSACTION = 1232
BASE = str(SYSTEM_WALLET.pubkey())
METADATA_POINTER, GROUP_MEMBER_POINTER, TOKEN_METADATA, TOKEN_GROUP, TOKEN_GROUP_MEMBER = (
    18,
    22,
    19,
    21,
    23,
)
"""Extension types of Token-2022 (its ExtensionType enum)."""


@pytest.fixture
def svm() -> Svm:
    return Svm()


def extensions_of(data: bytes) -> dict[int, bytes]:
    """The type-length-value entries behind a mint's 166 bytes."""
    found, at = {}, 166
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        if kind == 0:
            break
        found[kind] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def texts_of(metadata: bytes) -> list[str]:
    """name, symbol, uri, then additional fields' names and values."""
    texts, at = [], 64
    for _ in range(3):
        text, at = _text(metadata, at)
        texts.append(text)
    (count,) = struct.unpack_from("<I", metadata, at)
    at += 4
    for _ in range(2 * count):
        text, at = _text(metadata, at)
        texts.append(text)
    return texts


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, at)
    return data[at + 4 : at + 4 + length].decode(), at + 4 + length


def error_of(result: TransactionMetadata | FailedTransactionMetadata) -> str:
    assert isinstance(result, FailedTransactionMetadata)
    return str(result.err())


def succeeded(result: TransactionMetadata | FailedTransactionMetadata) -> TransactionMetadata:
    assert isinstance(result, TransactionMetadata), error_of(result)
    return result


def test_a_minted_nft_is_exactly_what_chain_md_wants(svm: Svm) -> None:
    order = mint_order()
    succeeded(svm.mint(order))
    address = PROGRAM.address_of(order)
    data = svm.data(address)
    mint = mint_of(Account(TOKEN_2022, data))
    assert mint is not None
    assert (mint.supply, mint.decimals) == (1, 0)
    assert mint.mint_authority is None
    assert mint.freeze_authority is None
    pubkey = bytes(Pubkey.from_string(address))
    found = extensions_of(data)
    # No close authority, no permanent delegate, no hook: nothing but these.
    assert set(found) == {
        METADATA_POINTER,
        GROUP_MEMBER_POINTER,
        TOKEN_METADATA,
        TOKEN_GROUP_MEMBER,
    }
    assert found[METADATA_POINTER] == bytes(32) + pubkey
    assert found[GROUP_MEMBER_POINTER] == bytes(32) + pubkey
    assert found[TOKEN_METADATA][:64] == bytes(32) + pubkey
    assert texts_of(found[TOKEN_METADATA]) == [order.name, order.symbol, order.uri, "level", "2"]
    group = bytes(Pubkey.from_string(collection_address(BASE)))
    assert found[TOKEN_GROUP_MEMBER] == pubkey + group + (1).to_bytes(8, "little")


def test_the_recipients_account_holds_the_one_token(svm: Svm) -> None:
    order = mint_order()
    succeeded(svm.mint(order))
    account = token_account_of(Account(TOKEN_2022, svm.data(svm.holder(order).token_account)))
    assert account is not None
    assert (str(account.owner), str(account.mint), account.amount) == (
        order.recipient,
        PROGRAM.address_of(order),
        1,
    )


def test_a_collection_is_optional(svm: Svm) -> None:
    order = mint_order(in_collection=False)
    succeeded(svm.mint(order))
    assert set(extensions_of(svm.data(PROGRAM.address_of(order)))) == {
        METADATA_POINTER,
        TOKEN_METADATA,
    }


def test_the_collection_is_a_group_without_a_limit_that_nobody_can_mint(svm: Svm) -> None:
    data = svm.data(collection_address(BASE))
    mint = mint_of(Account(TOKEN_2022, data))
    assert mint is not None
    assert (mint.supply, mint.mint_authority, mint.freeze_authority) == (0, None, None)
    group = extensions_of(data)[TOKEN_GROUP]
    assert group[:32] == bytes(SYSTEM_WALLET.pubkey())
    assert group[72:80] == UNLIMITED.to_bytes(8, "little")


def test_the_collection_can_be_created_only_once(svm: Svm) -> None:
    assert "Custom(0)" in error_of(svm.deliver(svm.collection()))


def test_a_second_successor_of_the_same_nft_fails_on_chain(svm: Svm) -> None:
    succeeded(svm.mint(mint_order()))
    # Other recipient, other level, other text: the address is the burned mint's alone.
    again = mint_order(recipient=STRANGER, level=3, name="On-chain Hunter")
    assert "InstructionError((3, Tagged(InstructionErrorCustom(0))))" in error_of(svm.mint(again))


def test_a_successor_whose_nft_was_burned_in_turn_cannot_be_minted_again(svm: Svm) -> None:
    order = mint_order()
    succeeded(svm.mint(order))
    transaction = PROGRAM.burn_transaction(
        svm.holder(order), PROGRAM.address_of(order), svm.blockhash
    )
    succeeded(svm.deliver(sign_wire(transaction, OWNER)))
    assert "Custom(0)" in error_of(svm.mint(order))


def test_lamports_sent_to_the_address_beforehand_do_not_stop_the_mint(svm: Svm) -> None:
    order = mint_order()
    target = Pubkey.from_string(PROGRAM.address_of(order))
    gift = system.transfer(
        system.TransferParams(from_pubkey=STRANGER.pubkey(), to_pubkey=target, lamports=2_000_000)
    )
    succeeded(svm.send([gift], STRANGER))
    succeeded(svm.mint(order))
    assert "Custom(0)" in error_of(svm.mint(order))


def test_a_token_account_created_by_somebody_else_does_not_stop_the_mint(svm: Svm) -> None:
    # Nobody can create it before the mint exists, so it is put there by force.
    order = mint_order()
    succeeded(svm.mint(order))
    account = Pubkey.from_string(svm.holder(order).token_account)
    taken = svm.vm.get_account(account)
    assert taken is not None
    fresh = Svm()
    empty = bytearray(taken.data)
    empty[64:72] = bytes(8)
    fresh.vm.set_account(
        account, type(taken)(taken.lamports, bytes(empty), taken.owner, taken.executable)
    )
    succeeded(fresh.mint(order))


def test_lamports_on_the_token_accounts_address_do_not_stop_the_mint(svm: Svm) -> None:
    order = mint_order()
    account = Pubkey.from_string(svm.holder(order).token_account)
    gift = system.transfer(
        system.TransferParams(from_pubkey=STRANGER.pubkey(), to_pubkey=account, lamports=1_000_000)
    )
    succeeded(svm.send([gift], STRANGER))
    succeeded(svm.mint(order))


@pytest.mark.parametrize("in_collection", [True, False])
def test_the_rent_is_exactly_that_of_the_finished_account(svm: Svm, in_collection: bool) -> None:
    order = mint_order(in_collection=in_collection)
    succeeded(svm.mint(order))
    account = svm.vm.get_account(Pubkey.from_string(PROGRAM.address_of(order)))
    assert account is not None
    assert len(account.data) == PROGRAM.account_size(order)
    assert account.lamports == svm.rent(PROGRAM.account_size(order))


def test_an_account_as_long_as_a_multisig_is_padded_as_token_2022_does(svm: Svm) -> None:
    short = mint_order(in_collection=False, name="", uri="")
    filler = "x" * (355 - PROGRAM.account_size(short))
    order = mint_order(in_collection=False, name="", uri=filler)
    assert PROGRAM.account_size(order) == 357
    succeeded(svm.mint(order))
    assert len(svm.data(PROGRAM.address_of(order))) == 357


def test_a_mint_fits_into_a_transaction_and_its_compute_budget(svm: Svm) -> None:
    uri = "https://metadata.nft.example/collections/aiw3/levels/2.json".ljust(120, "x")
    order = mint_order(name="A rather long name of a level", uri=uri)
    wire = sign_message(svm.message(order))
    assert len(wire) < LARGEST_TRANSACTION
    assert succeeded(svm.deliver(wire)).compute_units_consumed() < 60_000


def test_only_the_base_key_signs_and_pays_one_signature(svm: Svm) -> None:
    order = mint_order()
    message = Message.from_bytes(svm.message(order))
    assert message.signer_keys() == [SYSTEM_WALLET.pubkey()]
    # 5,000 lamports, and 80,000 units at 1,000 micro-lamports.
    assert succeeded(svm.mint(order)).fee() == 5_000 + 80


def test_addresses_do_not_depend_on_anything_but_base_and_predecessor() -> None:
    one, other = mint_order(), mint_order(recipient=STRANGER, level=4, name="x", uri="y")
    assert PROGRAM.address_of(one) == PROGRAM.address_of(other)
    assert PROGRAM.address_of(one) == PROGRAM.successor_address(
        mint_base=BASE, predecessor=PREDECESSOR, token_program=TOKEN_2022
    )
    assert PROGRAM.address_of(one) != PROGRAM.address_of(mint_order(mint_base=STRANGER))


def test_the_derivation_never_changes() -> None:
    # A changed address would allow a second successor of an NFT that has one already.
    assert PROGRAM.address_of(mint_order()) == "A6idxF2nPU33MibSPw8VWxiuKwi5xXLrhrMyishoDSUw"
    assert (
        PROGRAM.address_of(mint_order(claim_id="claim-1"))
        == "G6s8sQE5S1YBxVLPhn6jayhLV9DZA5aU6eFvgFT7pC1x"
    )
    assert collection_address(BASE) == "9kUosFRtCpYT3YEPqPCp2dtHABmvccQ55NN43zrewEPL"


def test_a_claim_cannot_be_made_to_take_a_successors_address() -> None:
    raw = bytes(Pubkey.from_string(PREDECESSOR))
    claim = PROGRAM.first_address(
        mint_base=BASE, claim_id=raw.decode("latin-1"), token_program=TOKEN_2022
    )
    assert claim != PROGRAM.address_of(mint_order())


@pytest.mark.parametrize(
    "order",
    [
        replace(mint_order(), claim_id="both"),
        replace(mint_order(), predecessor=None),
        replace(mint_order(), token_program=CLASSIC),
    ],
)
def test_an_order_that_says_too_much_or_too_little_is_refused(order: MintOrder) -> None:
    with pytest.raises(ValueError):
        PROGRAM.address_of(order)


def test_the_signer_accepts_the_message_the_order_asks_for(svm: Svm) -> None:
    for order in (mint_order(), mint_order(in_collection=False), mint_order(claim_id="c-1")):
        PROGRAM.require_own(svm.message(order), order)


@pytest.mark.parametrize(
    "other",
    [
        mint_order(recipient=STRANGER),
        mint_order(level=3),
        mint_order(name="Quant Apf"),
        mint_order(uri="https://evil.example/2.json"),
        mint_order(predecessor=str(keypair("another burned mint").pubkey())),
        mint_order(in_collection=False),
        mint_order(mint_base=STRANGER),
    ],
)
def test_the_signer_refuses_a_message_that_is_not_its_orders(svm: Svm, other: MintOrder) -> None:
    with pytest.raises(ValueError):
        PROGRAM.require_own(svm.message(other), mint_order())


def test_the_signer_refuses_a_message_that_pays_too_much(svm: Svm) -> None:
    order = mint_order()
    dear_rent = PROGRAM.mint_message(order, svm.blockhash, rent=10**9, units=1, fee=1)
    dear_fee = PROGRAM.mint_message(order, svm.blockhash, rent=1, units=1_400_000, fee=10**9)
    for message in (dear_rent, dear_fee):
        with pytest.raises(ValueError, match="pays more"):
            PROGRAM.require_own(message, order)


def test_the_signer_refuses_an_instruction_more(svm: Svm) -> None:
    order = mint_order()
    message = Message.from_bytes(svm.message(order))
    longer = Message.new_with_compiled_instructions(
        message.header.num_required_signatures,
        message.header.num_readonly_signed_accounts,
        message.header.num_readonly_unsigned_accounts,
        message.account_keys,
        message.recent_blockhash,
        [*message.instructions, message.instructions[2]],
    )
    with pytest.raises(ValueError):
        PROGRAM.require_own(bytes(longer), order)


@given(junk=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_the_signer_refuses_junk_with_a_value_error(junk: bytes) -> None:
    with pytest.raises(ValueError):
        PROGRAM.require_own(junk, mint_order())


def test_a_token_2022_nft_is_burned_and_its_account_closed(svm: Svm) -> None:
    order = mint_order()
    succeeded(svm.mint(order))
    holder, address = svm.holder(order), PROGRAM.address_of(order)
    transaction = PROGRAM.burn_transaction(holder, address, svm.blockhash)
    before = svm.vm.get_balance(OWNER.pubkey()) or 0
    succeeded(svm.deliver(sign_wire(transaction, OWNER)))
    mint = mint_of(Account(TOKEN_2022, svm.data(address)))
    assert mint is not None
    assert mint.supply == 0
    assert svm.data(holder.token_account) == b""
    assert (svm.vm.get_balance(OWNER.pubkey()) or 0) > before


def test_a_classic_nft_is_burned_and_its_account_closed(svm: Svm) -> None:
    mint = keypair("classic mint")
    rent = svm.rent(82)
    succeeded(
        svm.send(
            classic_nft(mint, OWNER.pubkey(), STRANGER.pubkey(), rent),
            STRANGER,
            mint,
        )
    )
    holder = held_by(str(OWNER.pubkey()), str(mint.pubkey()), program=TOKEN_PROGRAM_ID)
    transaction = PROGRAM.burn_transaction(holder, str(mint.pubkey()), svm.blockhash)
    succeeded(svm.deliver(sign_wire(transaction, OWNER)))
    burned = mint_of(Account(CLASSIC, svm.data(str(mint.pubkey()))))
    assert burned is not None
    assert burned.supply == 0
    assert svm.data(holder.token_account) == b""


def test_the_burn_transaction_comes_unsigned_with_the_owner_as_payer(svm: Svm) -> None:
    holder = svm.holder(mint_order())
    transaction = VersionedTransaction.from_bytes(
        PROGRAM.burn_transaction(holder, PROGRAM.address_of(mint_order()), svm.blockhash)
    )
    assert transaction.message.account_keys[0] == OWNER.pubkey()
    assert [bytes(signature) for signature in transaction.signatures] == [bytes(64)]
    assert str(transaction.message.recent_blockhash) == svm.blockhash.value


def test_the_burn_goes_to_an_account_that_is_not_the_associated_one() -> None:
    account = str(keypair("auxiliary account").pubkey())
    holder = replace(held_by(str(OWNER.pubkey()), PREDECESSOR), token_account=account)
    blockhash = Blockhash(str(Pubkey.default()), 0, 0)
    transaction = VersionedTransaction.from_bytes(
        PROGRAM.burn_transaction(holder, PREDECESSOR, blockhash)
    )
    assert Pubkey.from_string(account) in transaction.message.account_keys
    usual = spl.get_associated_token_address(
        OWNER.pubkey(), Pubkey.from_string(PREDECESSOR), TOKEN_2022_PROGRAM_ID
    )
    assert usual not in transaction.message.account_keys
