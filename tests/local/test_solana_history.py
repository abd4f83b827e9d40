import base64

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import create_lookup_table, extend_lookup_table
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from tests.local.solana_chain import (
    CONFIRMED,
    SOL,
    Chain,
    Refused,
    keypair,
    mint_instructions,
    transfer,
    wire,
)

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


@pytest.fixture
def chain() -> Chain:
    return Chain()


def sent(chain: Chain, count: int) -> tuple[str, list[str]]:
    """An address and the signatures of `count` transfers to it, one per slot."""
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    signatures = []
    for _ in range(count):
        signatures.append(chain.send(chain.signed([transfer(user, friend, SOL)], user)))
        chain.pass_slots(2)
    return str(friend), signatures


def test_a_transaction_is_shown_from_its_commitment_on(chain: Chain) -> None:
    user = chain.wallet("user")
    signature = chain.send(chain.signed([transfer(user, user.pubkey(), 1)], user))
    assert chain.ask("getTransaction", signature, CONFIRMED) is None
    chain.pass_slots(1)
    assert chain.ask("getTransaction", signature, CONFIRMED) is not None
    final = {**CONFIRMED, "commitment": "finalized"}
    assert chain.ask("getTransaction", signature, final) is None
    chain.finalize()
    assert chain.ask("getTransaction", signature, final)["slot"] == chain.ledger.landed[-1].slot


def test_blocks_cannot_be_asked_for_below_confirmed(chain: Chain) -> None:
    user = chain.wallet("user")
    for method, about in (
        ("getTransaction", chain.ledger.landed[-1].signature),
        ("getSignaturesForAddress", str(user.pubkey())),
    ):
        with pytest.raises(Refused, match="below `confirmed`") as refused:
            chain.ask(method, about, {"commitment": "processed"})
        assert refused.value.code == -32602


def test_a_versioned_transaction_needs_a_caller_that_can_read_it(chain: Chain) -> None:
    user = chain.wallet("user")
    signature = chain.send(chain.signed([transfer(user, user.pubkey(), 1)], user))
    chain.finalize()
    with pytest.raises(Refused, match='"maxSupportedTransactionVersion": 0') as refused:
        chain.ask("getTransaction", signature)
    assert refused.value.code == -32015
    shown = chain.ask("getTransaction", signature, {"maxSupportedTransactionVersion": 0})
    assert shown["version"] == 0


def test_a_legacy_transaction_is_shown_to_everyone(chain: Chain) -> None:
    user = chain.wallet("user")
    signature = chain.send(chain.signed([transfer(user, user.pubkey(), 1)], user, legacy=True))
    chain.finalize()
    assert "version" not in chain.ask("getTransaction", signature)
    shown = chain.ask("getTransaction", signature, {"maxSupportedTransactionVersion": 0})
    assert shown["version"] == "legacy"
    assert "addressTableLookups" not in shown["transaction"]["message"]


def test_the_wire_bytes_come_back_as_sent(chain: Chain) -> None:
    user = chain.wallet("user")
    transaction = chain.signed([transfer(user, user.pubkey(), 1)], user)
    signature = chain.send(transaction)
    chain.pass_slots(2)
    shown = chain.ask("getTransaction", signature, {**CONFIRMED, "encoding": "base64"})
    assert shown["transaction"] == [wire(transaction), "base64"]


def test_the_parsed_form_names_accounts_with_their_roles(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    signature = chain.send(chain.signed([transfer(user, friend, SOL)], user))
    chain.pass_slots(2)
    shown = chain.ask("getTransaction", signature, {**CONFIRMED, "encoding": "jsonParsed"})
    message = shown["transaction"]["message"]
    roles = [(each["pubkey"], each["signer"], each["writable"]) for each in message["accountKeys"]]
    assert roles == [
        (str(user.pubkey()), True, True),
        (str(friend), False, True),
        (str(Pubkey.default()), False, False),
    ]
    [instruction] = message["instructions"]
    assert instruction["programId"] == str(Pubkey.default())
    assert instruction["accounts"] == [str(user.pubkey()), str(friend)]


def test_inner_instructions_are_listed_under_their_outer_one(chain: Chain) -> None:
    user, mint = chain.wallet("user"), keypair("nft")
    instructions = mint_instructions(chain.ledger.rent(82), user, mint, TOKEN_2022_PROGRAM_ID, 1)
    meta = chain.meta(chain.send(chain.signed(instructions, user, mint)))
    [group] = meta["innerInstructions"]
    assert group["index"] == 2
    assert {each["stackHeight"] for each in group["instructions"]} == {2}
    programs = [
        chain.ledger.landed[-1].loaded.pubkeys[each["programIdIndex"]]
        for each in group["instructions"]
    ]
    assert TOKEN_2022_PROGRAM_ID in programs
    assert meta["computeUnitsConsumed"] > 1000


def test_statuses_climb_with_the_slots(chain: Chain) -> None:
    user = chain.wallet("user")
    signature = chain.send(chain.signed([transfer(user, user.pubkey(), 1)], user))
    seen = []
    for _ in range(5):
        [status] = chain.value("getSignatureStatuses", [signature])
        seen.append((status["confirmationStatus"], status["confirmations"]))
        chain.pass_slots(1)
    assert seen[:4] == [
        ("processed", 0),
        ("confirmed", 1),
        ("confirmed", 2),
        ("finalized", None),
    ]


def test_old_statuses_are_found_only_in_the_history(chain: Chain) -> None:
    user = chain.wallet("user")
    signature = chain.send(chain.signed([transfer(user, user.pubkey(), 1)], user))
    chain.pass_slots(400)
    assert chain.value("getSignatureStatuses", [signature]) == [None]
    searched = chain.value("getSignatureStatuses", [signature], {"searchTransactionHistory": True})
    assert searched[0]["confirmationStatus"] == "finalized"


def test_unknown_signatures_have_no_status(chain: Chain) -> None:
    unknown = str(keypair("nobody").sign_message(b"nothing"))
    assert chain.value("getSignatureStatuses", [unknown, unknown]) == [None, None]


def test_signatures_of_an_address_come_newest_first(chain: Chain) -> None:
    address, signatures = sent(chain, 4)
    chain.finalize()
    entries = chain.ask("getSignaturesForAddress", address)
    assert [each["signature"] for each in entries] == signatures[::-1]
    assert {each["confirmationStatus"] for each in entries} == {"finalized"}


def test_signatures_are_paged_by_before_until_and_limit(chain: Chain) -> None:
    address, signatures = sent(chain, 4)
    chain.finalize()

    def page(**config: object) -> list[str]:
        entries = chain.ask("getSignaturesForAddress", address, config)
        return [each["signature"] for each in entries]

    assert page(limit=2) == [signatures[3], signatures[2]]
    assert page(limit=2, before=signatures[2]) == [signatures[1], signatures[0]]
    assert page(until=signatures[1]) == [signatures[3], signatures[2]]
    assert page(before=signatures[3], until=signatures[0]) == [signatures[2], signatures[1]]
    for limit in (0, 1001):
        with pytest.raises(Refused):
            page(limit=limit)


def test_a_memo_is_shown_with_its_signature(chain: Chain) -> None:
    user = chain.wallet("user")
    memo = Instruction(MEMO, b"hello", [AccountMeta(user.pubkey(), True, False)])
    chain.send(chain.signed([memo], user))
    chain.finalize()
    [newest, *_] = chain.ask("getSignaturesForAddress", str(user.pubkey()))
    assert newest["memo"] == "[5] hello"


def lookup_table(chain: Chain, addresses: list[Pubkey]) -> AddressLookupTableAccount:
    """A table on chain that holds `addresses`, usable from the next slot on."""
    owner = chain.wallet("table owner")
    chain.pass_slots(1)
    create, table = create_lookup_table(
        {
            "authority_address": owner.pubkey(),
            "payer_address": owner.pubkey(),
            "recent_slot": chain.ask("getSlot"),
        }
    )
    extend = extend_lookup_table(
        {
            "lookup_table_address": table,
            "authority_address": owner.pubkey(),
            "payer_address": owner.pubkey(),
            "new_addresses": addresses,
        }
    )
    chain.send(chain.signed([create, extend], owner))
    chain.pass_slots(2)
    return AddressLookupTableAccount(table, addresses)


def test_looked_up_accounts_are_loaded_and_shown(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    table = lookup_table(chain, [friend, keypair("unused").pubkey()])
    message = MessageV0.try_compile(
        user.pubkey(), [transfer(user, friend, SOL)], [table], chain.blockhash()
    )
    signature = chain.send(VersionedTransaction(message, [user]))
    assert chain.lamports(friend) == SOL
    meta = chain.meta(signature)
    assert meta["loadedAddresses"] == {"writable": [str(friend)], "readonly": []}
    assert meta["postBalances"] == [9 * SOL - 5000, 1, SOL]
    entries = chain.ask("getSignaturesForAddress", str(friend), {"commitment": "confirmed"})
    assert [each["signature"] for each in entries] == [signature]


def test_a_lookup_table_that_is_not_there_is_refused(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    table = AddressLookupTableAccount(keypair("table").pubkey(), [friend])
    message = MessageV0.try_compile(
        user.pubkey(), [transfer(user, friend, SOL)], [table], chain.blockhash()
    )
    transaction = VersionedTransaction(message, [user])
    with pytest.raises(Refused, match="address table account that doesn't exist") as refused:
        chain.send(transaction)
    assert refused.value.code == -32602


def test_account_data_comes_in_the_encoding_and_slice_asked_for(chain: Chain) -> None:
    user, mint = chain.wallet("user"), keypair("nft")
    instructions = mint_instructions(chain.ledger.rent(82), user, mint, TOKEN_2022_PROGRAM_ID, 1)
    chain.send(chain.signed(instructions, user, mint))
    address = str(mint.pubkey())

    def data(**config: object) -> object:
        return chain.value("getAccountInfo", address, {"commitment": "processed", **config})["data"]

    whole = data(encoding="base64")
    assert isinstance(whole, list)
    raw = base64.b64decode(whole[0])
    assert len(raw) == 82
    part = data(encoding="base64", dataSlice={"offset": 4, "length": 32})
    assert part == [base64.b64encode(bytes(user.pubkey())).decode(), "base64"]
    short = data(encoding="base58", dataSlice={"offset": 4, "length": 32})
    assert short == [str(user.pubkey()), "base58"]
    assert data(dataSlice={"offset": 4, "length": 32}) == str(user.pubkey())
    with pytest.raises(Refused):
        data(encoding="rot13")


def test_at_most_100_accounts_are_read_at_once(chain: Chain) -> None:
    address = str(chain.wallet("user").pubkey())
    accounts = chain.value("getMultipleAccounts", [address] * 100)
    assert len(accounts) == 100
    with pytest.raises(Refused, match="max 100") as refused:
        chain.ask("getMultipleAccounts", [address] * 101)
    assert refused.value.code == -32602
