"""Atomic mode on a real SVM: what is built burns and mints together, what a wallet sends back is
co-signed only if it is that, and two-step and atomic mode exclude each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import solders.system_program as system
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, MessageV1, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from local.solana.messages import is_writable
from nft_upgrade.adapters.atomic_transaction import (
    LARGEST_TRANSACTION,
    LIGHTHOUSE,
    ROOM_FOR_WALLET,
    atomic_transaction,
    cosigned,
    require_atomic,
    signature_text,
)
from nft_upgrade.adapters.token_accounts import Account, mint_of, token_account_of
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.ports import Blockhash, Holder, MintOrder
from tests.adapters.court import PROVEN, Court, problem_of
from tests.calling_program import idle_object
from tests.chain_builders import (
    CLASSIC,
    OWNER,
    PROGRAM,
    SOL,
    STRANGER,
    SYSTEM_WALLET,
    UNITS,
    Svm,
    burn,
    classic_nft,
    held_by,
    keypair,
    mint_order,
    move,
    sign_message,
)

BASE = SYSTEM_WALLET.pubkey()
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


@dataclass
class Case:
    """One upgrade on an SVM: OWNER holds the predecessor, the order asks for the successor."""

    svm: Svm
    order: MintOrder
    holder: Holder
    blockhash: Blockhash
    rent: int

    def build(self) -> bytes:
        return atomic_transaction(
            self.holder, self.order, self.blockhash, rent=self.rent, units=120_000, fee=1_000
        )

    def require(self, transaction: bytes) -> bytes:
        return require_atomic(transaction, self.order, self.holder, rent=self.rent)

    def complete(self, transaction: bytes) -> bytes:
        """What the backend does with a transaction that the owner signed."""
        message = self.require(transaction)
        return cosigned(transaction, self.order, bytes(SYSTEM_WALLET.sign_message(message)))

    def instructions(self) -> list[Instruction]:
        """Of what is built, to be tampered with."""
        return decompiled(VersionedTransaction.from_bytes(self.build()).message)


@pytest.fixture
def case() -> Case:
    return a_case()


def a_case(**changes: object) -> Case:
    svm = Svm()
    svm.vm.add_program(LIGHTHOUSE, idle_object())
    first = mint_order(level=1, claim_id="first")
    assert isinstance(svm.mint(first), TransactionMetadata)
    order = mint_order(predecessor=PROGRAM.address_of(first), **changes)  # type: ignore[arg-type]
    rent = svm.rent(PROGRAM.account_size(order))
    return Case(svm, order, svm.holder(first), svm.blockhash, rent)


def decompiled(message: Message | MessageV0 | MessageV1) -> list[Instruction]:
    """The instructions with the privileges that the message gives."""
    keys = message.account_keys
    return [
        Instruction(
            keys[compiled.program_id_index],
            bytes(compiled.data),
            [
                AccountMeta(keys[i], message.is_signer(i), is_writable(message, i))
                for i in compiled.accounts
            ],
        )
        for compiled in message.instructions
    ]


def signed_by_owner(
    case: Case, instructions: Sequence[Instruction], *, version: str = "legacy"
) -> bytes:
    """As a wallet sends it back: the owner's signature is there, the system wallet's is not."""
    blockhash = Hash.from_string(case.blockhash.value)
    if version == "legacy":
        message: Message | MessageV0 = Message.new_with_blockhash(
            list(instructions), OWNER.pubkey(), blockhash
        )
    else:
        message = MessageV0.try_compile(OWNER.pubkey(), list(instructions), [], blockhash)
    return with_owners_signature(message)


def with_owners_signature(message: Message | MessageV0 | MessageV1) -> bytes:
    signatures = [Signature.default()] * message.header.num_required_signatures
    keys = list(message.account_keys)
    signatures[keys.index(OWNER.pubkey())] = OWNER.sign_message(to_bytes_versioned(message))
    return bytes(VersionedTransaction.populate(message, signatures))


def by_wallet(transaction: bytes) -> bytes:
    """Signed as it came."""
    return with_owners_signature(VersionedTransaction.from_bytes(transaction).message)


def guard(*accounts: Pubkey, data: bytes = bytes(range(20))) -> Instruction:
    return Instruction(LIGHTHOUSE, data, [AccountMeta(each, False, False) for each in accounts])


def succeeded(result: TransactionMetadata | FailedTransactionMetadata) -> TransactionMetadata:
    assert isinstance(result, TransactionMetadata), str(result)
    return result


# --- what is built ---------------------------------------------------------------------------


@pytest.mark.parametrize("in_collection", [True, False])
def test_burn_and_mint_happen_together(in_collection: bool) -> None:
    case = a_case(in_collection=in_collection)
    succeeded(case.svm.deliver(case.complete(by_wallet(case.build()))))
    burned = mint_of(Account(TOKEN_2022, case.svm.data(str(case.order.predecessor))))
    minted = mint_of(Account(TOKEN_2022, case.svm.data(PROGRAM.address_of(case.order))))
    assert burned is not None
    assert minted is not None
    assert (burned.supply, minted.supply, minted.mint_authority) == (0, 1, None)
    held = token_account_of(
        Account(TOKEN_2022, case.svm.data(case.svm.holder(case.order).token_account))
    )
    assert held is not None
    assert (held.owner, held.amount) == (OWNER.pubkey(), 1)
    assert case.svm.data(case.holder.token_account) == b""


def test_when_the_burn_fails_nothing_is_minted(case: Case) -> None:
    complete = case.complete(by_wallet(case.build()))
    mint = Pubkey.from_string(str(case.order.predecessor))
    account = Pubkey.from_string(case.holder.token_account)
    succeeded(case.svm.send(move(account, mint, OWNER.pubkey(), STRANGER.pubkey()), OWNER))
    result = case.svm.vm.send_transaction(VersionedTransaction.from_bytes(complete))
    assert isinstance(result, FailedTransactionMetadata)
    assert case.svm.data(PROGRAM.address_of(case.order)) == b""


def test_when_the_mint_fails_nothing_is_burned(case: Case) -> None:
    complete = case.complete(by_wallet(case.build()))
    case.svm.vm.set_account(
        BASE,
        type(case.svm.vm.get_account(BASE))(900_000, b"", Pubkey.default()),  # type: ignore[misc]
    )
    assert isinstance(case.svm.deliver(complete), FailedTransactionMetadata)
    alive = mint_of(Account(TOKEN_2022, case.svm.data(str(case.order.predecessor))))
    assert alive is not None
    assert alive.supply == 1


def test_a_classic_nft_becomes_a_token_2022_one() -> None:
    case = a_case()
    mint = keypair("classic predecessor")
    rent = case.svm.rent(82)
    succeeded(
        case.svm.send(classic_nft(mint, OWNER.pubkey(), STRANGER.pubkey(), rent), STRANGER, mint)
    )
    case.order = replace(case.order, predecessor=str(mint.pubkey()))
    case.holder = held_by(
        str(OWNER.pubkey()), str(mint.pubkey()), program=Pubkey.from_string(CLASSIC)
    )
    case.blockhash = case.svm.blockhash
    succeeded(case.svm.deliver(case.complete(by_wallet(case.build()))))
    assert case.svm.data(PROGRAM.address_of(case.order)) != b""


def test_the_owner_pays_the_fees_and_the_system_wallet_the_rent_alone(case: Case) -> None:
    before = case.svm.vm.get_balance(BASE)
    meta = succeeded(case.svm.deliver(case.complete(by_wallet(case.build()))))
    spent = (before or 0) - (case.svm.vm.get_balance(BASE) or 0)
    token_account = Pubkey.from_string(case.svm.holder(case.order).token_account)
    assert spent == case.rent + (case.svm.vm.get_balance(token_account) or 0)
    assert meta.fee() >= 10_000


def test_the_address_is_that_of_two_step_mode_and_the_first_to_land_excludes_the_other(
    case: Case,
) -> None:
    two_step = sign_message(
        PROGRAM.mint_message(case.order, case.blockhash, rent=case.rent, units=UNITS, fee=0)
    )
    atomic = case.complete(by_wallet(case.build()))
    for first, second in ((two_step, atomic), (atomic, two_step)):
        svm = a_case().svm
        svm.vm = svm.vm.with_blockhash_check(False)
        succeeded(svm.vm.send_transaction(VersionedTransaction.from_bytes(first)))
        result = svm.vm.send_transaction(VersionedTransaction.from_bytes(second))
        assert isinstance(result, FailedTransactionMetadata)
        assert "Custom(0)" in str(result.err())


@pytest.mark.parametrize("in_collection", [True, False])
@pytest.mark.parametrize("level", [2, 3, 4, 5])
def test_every_level_leaves_the_wallet_its_room(in_collection: bool, level: int) -> None:
    names = {2: "Quant Ape", 3: "On-chain Hunter", 4: "Alpha Alchemist", 5: "Quantum Alchemist"}
    case = a_case(
        in_collection=in_collection,
        level=level,
        name=names[level],
        uri=f"https://nft.example/levels/{level}.json",
    )
    assert len(case.build()) + ROOM_FOR_WALLET <= LARGEST_TRANSACTION


def test_a_hundred_bytes_of_guards_still_fit_and_still_work(case: Case) -> None:
    watched = Pubkey.from_string(case.holder.token_account)
    plain = case.build()
    guards = [guard(watched, data=bytes(30)), guard(watched, data=bytes(30))]
    guarded = signed_by_owner(case, [*case.instructions(), *guards])
    assert len(plain) + 100 <= len(guarded) <= LARGEST_TRANSACTION
    succeeded(case.svm.deliver(case.complete(guarded)))


def test_texts_too_long_for_one_transaction_are_refused() -> None:
    with pytest.raises(ValueError, match="room"):
        a_case(uri="https://nft.example/" + "x" * 120).build()


def test_the_compute_budget_is_ours_where_there_is_room_for_it() -> None:
    def programs(case: Case) -> set[Pubkey]:
        return {instruction.program_id for instruction in case.instructions()}

    budget = set_compute_unit_limit(1).program_id
    assert budget in programs(a_case(in_collection=False))
    assert budget not in programs(a_case(in_collection=True))


@pytest.mark.parametrize("change", [{"recipient": str(STRANGER.pubkey())}, {"predecessor": None}])
def test_only_the_holders_own_upgrade_is_built(case: Case, change: dict[str, None]) -> None:
    case.order = replace(case.order, **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        case.build()


# --- what comes back from the wallet -----------------------------------------------------------


def budgets() -> list[Instruction]:
    return [set_compute_unit_limit(300_000), set_compute_unit_price(5_000)]


WALLETS: dict[str, Callable[[list[Instruction]], list[Instruction]]] = {
    "signs it as it is": lambda ours: ours,
    "adds a budget": lambda ours: [*budgets(), *ours],
    "adds a guard behind": lambda ours: [*ours, guard(OWNER.pubkey())],
    "adds guards everywhere": lambda ours: [guard(), *ours[:2], guard(), *ours[2:], guard()],
}


@pytest.mark.parametrize("wallet", WALLETS)
@pytest.mark.parametrize("version", ["legacy", "0"])
def test_what_wallets_do_is_accepted_and_lands(case: Case, wallet: str, version: str) -> None:
    signed = signed_by_owner(case, WALLETS[wallet](case.instructions()), version=version)
    complete = case.complete(signed)
    assert signature_text(complete) == signature_text(signed)
    succeeded(case.svm.deliver(complete))


def test_a_budget_of_the_wallets_own_replaces_ours() -> None:
    case = a_case(in_collection=False)
    ours = [i for i in case.instructions() if i.program_id != budgets()[0].program_id]
    succeeded(case.svm.deliver(case.complete(signed_by_owner(case, [*budgets(), *ours]))))


def pay(source: Pubkey, lamports: int) -> Instruction:
    return system.transfer(
        system.TransferParams(from_pubkey=source, to_pubkey=OWNER.pubkey(), lamports=lamports)
    )


def take_mint_authority(case: Case) -> Instruction:
    """With the system wallet's signature, before it is given up."""
    return spl.set_authority(
        models.SetAuthorityParams(
            account=Pubkey.from_string(PROGRAM.address_of(case.order)),
            authority=models.AuthorityType.MINT_TOKENS,
            current_authority=BASE,
            new_authority=OWNER.pubkey(),
            program_id=TOKEN_2022_PROGRAM_ID,
        )
    )


def through_guard(case: Case) -> Instruction:
    """Whatever a guard program may do one day: not with our signature."""
    return Instruction(LIGHTHOUSE, b"x", [AccountMeta(BASE, is_signer=True, is_writable=True)])


def changed(ours: list[Instruction], at: int, **fields: object) -> list[Instruction]:
    old = ours[at]
    parts = {"program_id": old.program_id, "data": bytes(old.data), "accounts": old.accounts}
    new = {**parts, **fields}
    return [
        *ours[:at],
        Instruction(new["program_id"], new["data"], new["accounts"]),  # type: ignore[arg-type]
        *ours[at + 1 :],
    ]


def other_account(ours: list[Instruction], at: int, position: int) -> list[Instruction]:
    metas = list(ours[at].accounts)
    metas[position] = AccountMeta(
        STRANGER.pubkey(), metas[position].is_signer and False, metas[position].is_writable
    )
    return changed(ours, at, accounts=metas)


TAMPERED: dict[str, Callable[[Case, list[Instruction]], list[Instruction]]] = {
    "money from the system wallet": lambda case, ours: [*ours, pay(BASE, SOL)],
    "money from the owner": lambda case, ours: [*ours, pay(OWNER.pubkey(), 1)],
    "a memo": lambda case, ours: [*ours, Instruction(MEMO, b"x", [])],
    "mint authority taken": lambda case, ours: [*ours[:-1], take_mint_authority(case), ours[-1]],
    "mint authority kept": lambda case, ours: ours[:-1],
    "our signature handed to the guard": lambda case, ours: [*ours, through_guard(case)],
    "our address named to the guard": lambda case, ours: [*ours, guard(BASE)],
    "no burn": lambda case, ours: ours[1:],
    "the burn twice": lambda case, ours: [ours[0], *ours],
    "no mint": lambda case, ours: ours[:2],
    "another order": lambda case, ours: [*ours[2:], *ours[:2]],
    "burn of amount 0": lambda case, ours: changed(ours, 0, data=bytes([15] + [0] * 9)),
    "another token program": lambda case, ours: changed(
        ours, 0, program_id=Pubkey.from_string(CLASSIC)
    ),
    "another nft burned": lambda case, ours: other_account(ours, 0, 1),
    "more rent": lambda case, ours: changed(
        ours, 2, data=bytes(ours[2].data[:4]) + (SOL).to_bytes(8, "little")
    ),
    "rent to somebody else": lambda case, ours: other_account(ours, 2, 1),
    "another recipient": lambda case, ours: other_account(ours, len(ours) - 3, 1),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_tampered_with_is_never_signed(case: Case, name: str) -> None:
    tampered = TAMPERED[name](case, case.instructions())
    with pytest.raises(ValueError):
        case.require(signed_by_owner(case, tampered))


@pytest.mark.parametrize(
    "change",
    [
        {"level": 3},
        {"name": "Quant Apf"},
        {"uri": "https://evil.example/2.json"},
        {"recipient": str(STRANGER.pubkey())},
        {"predecessor": str(keypair("another").pubkey())},
        {"collection": None},
        {"mint_base": str(STRANGER.pubkey())},
    ],
)
def test_another_orders_transaction_is_never_signed(case: Case, change: dict[str, str]) -> None:
    signed = by_wallet(case.build())
    case.order = replace(case.order, **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        case.require(signed)


def test_another_accounts_burn_is_never_signed(case: Case) -> None:
    signed = by_wallet(case.build())
    case.holder = replace(case.holder, token_account=str(keypair("elsewhere").pubkey()))
    with pytest.raises(ValueError, match="stored facts"):
        case.require(signed)


def test_a_newer_blockhash_of_the_wallets_is_accepted(case: Case) -> None:
    case.svm.vm.expire_blockhash()
    case.blockhash = case.svm.blockhash
    case.require(by_wallet(case.build()))


def test_a_durable_nonce_is_never_signed(case: Case) -> None:
    nonce = keypair("nonce").pubkey()
    advance = system.advance_nonce_account(
        system.AdvanceNonceAccountParams(nonce_pubkey=nonce, authorized_pubkey=OWNER.pubkey())
    )
    message = Message.new_with_blockhash(
        [advance, *case.instructions()], OWNER.pubkey(), Hash.new_unique()
    )
    wire = bytes(VersionedTransaction.populate(message, [Signature.default()] * 2))
    with pytest.raises(ValueError, match="stored facts"):
        case.require(by_wallet(wire))


def test_no_more_rent_than_a_mint_may_cost_is_signed(case: Case) -> None:
    case.rent = 10**9
    with pytest.raises(ValueError, match="may cost"):
        case.require(by_wallet(case.build()))


def test_another_rent_is_never_signed(case: Case) -> None:
    signed = by_wallet(case.build())
    case.rent += 1
    with pytest.raises(ValueError, match="stored facts"):
        case.require(signed)


def test_the_owner_signs_first(case: Case) -> None:
    with pytest.raises(ValueError, match="owner's signature"):
        case.require(case.build())


@pytest.mark.parametrize("payer", [SYSTEM_WALLET, STRANGER], ids=["system wallet", "stranger"])
def test_nobody_but_the_owner_pays(case: Case, payer: Keypair) -> None:
    message = Message.new_with_blockhash(
        case.instructions(), payer.pubkey(), Hash.from_string(case.blockhash.value)
    )
    with pytest.raises(ValueError, match="who pays"):
        case.require(with_owners_signature(message))


def test_nobody_else_is_asked_to_sign(case: Case) -> None:
    extra = Instruction(LIGHTHOUSE, b"", [AccountMeta(STRANGER.pubkey(), True, False)])
    with pytest.raises(ValueError, match="who pays"):
        case.require(signed_by_owner(case, [*case.instructions(), extra]))


def test_accounts_behind_a_look_up_table_are_never_signed_for(case: Case) -> None:
    table = AddressLookupTableAccount(
        keypair("table").pubkey(), [Pubkey.from_string(PROGRAM.address_of(case.order))]
    )
    message = MessageV0.try_compile(
        OWNER.pubkey(), case.instructions(), [table], Hash.from_string(case.blockhash.value)
    )
    with pytest.raises(ValueError, match="look-up"):
        case.require(with_owners_signature(message))


def test_version_1_is_never_signed(case: Case) -> None:
    message = MessageV1.try_compile(
        OWNER.pubkey(), case.instructions(), Hash.from_string(case.blockhash.value)
    )
    with pytest.raises(ValueError):
        case.require(with_owners_signature(message))


def test_bytes_behind_the_transaction_are_refused(case: Case) -> None:
    with pytest.raises(ValueError):
        case.require(by_wallet(case.build()) + b"\0")


def test_a_signature_of_ours_that_does_not_verify_is_not_sent(case: Case) -> None:
    with pytest.raises(ValueError, match="does not verify"):
        cosigned(by_wallet(case.build()), case.order, bytes(64))


@given(junk=st.binary(max_size=1300))
@settings(max_examples=200, deadline=None)
def test_junk_is_refused_with_a_value_error(junk: bytes) -> None:
    holder = held_by(str(OWNER.pubkey()), str(mint_order().predecessor))
    with pytest.raises(ValueError):
        require_atomic(junk, mint_order(), holder, rent=1)


FUZZED = a_case()
FUZZED_WIRE = by_wallet(FUZZED.build())


@given(at=st.integers(0, len(FUZZED_WIRE) - 1), bit=st.integers(0, 7))
@settings(max_examples=400, deadline=None)
def test_no_flipped_bit_gets_our_signature(at: int, bit: int) -> None:
    tampered = bytearray(FUZZED_WIRE)
    tampered[at] ^= 1 << bit
    # The second signature is ours: whatever stands there is replaced.
    if 65 <= at < 129:
        assert FUZZED.require(bytes(tampered)) == FUZZED.require(FUZZED_WIRE)
        return
    with pytest.raises(ValueError):
        FUZZED.require(bytes(tampered))


# --- behind a node -------------------------------------------------------------------------------


def test_an_atomic_upgrade_is_proven_by_the_same_checks_as_any_burn(court: Court) -> None:
    collection = court.world.create_collection()
    mint = court.world.give_nft()
    order = mint_order(predecessor=str(mint))
    assert order.collection == collection
    holder = court.chain.holder(str(mint))
    assert holder is not None
    blockhash, rent = court.world.blockhash(), court.world.rent(PROGRAM.account_size(order))
    built = atomic_transaction(holder, order, blockhash, rent=rent, units=UNITS, fee=0)
    signed = by_wallet(built)
    message = require_atomic(signed, order, holder, rent=rent)
    court.chain.send(cosigned(signed, order, bytes(SYSTEM_WALLET.sign_message(message))))
    signature = court.world.finalize(signature_text(signed))
    assert problem_of(court.judge(signature, mint)) == PROVEN
    address = PROGRAM.address_of(order)
    recipient = str(OWNER.pubkey())
    assert court.chain.minted(address, recipient=recipient, commitment="finalized") is True


def test_the_burn_of_a_plain_two_step_upgrade_is_not_taken_for_an_atomic_one(case: Case) -> None:
    account = Pubkey.from_string(case.holder.token_account)
    mint = Pubkey.from_string(str(case.order.predecessor))
    signed = signed_by_owner(case, [burn(account, mint, OWNER.pubkey())])
    with pytest.raises(ValueError):
        case.require(signed)


def test_a_transaction_that_no_node_would_take_is_not_signed(case: Case) -> None:
    large = signed_by_owner(case, [*case.instructions(), guard(data=bytes(150))])
    assert len(large) > LARGEST_TRANSACTION
    with pytest.raises(ValueError, match="do not fit"):
        case.require(large)
