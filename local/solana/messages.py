"""Transactions on the wire: decoding, the accounts they load, the fee they pay."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import base58
from solders.account import Account
from solders.message import Message, MessageV0, MessageV1
from solders.message.v1 import MAX_TRANSACTION_SIZE as V1_MAX_TRANSACTION_SIZE
from solders.message.v1 import V1_PREFIX
from solders.pubkey import Pubkey
from solders.transaction import SanitizeError, VersionedTransaction

from local.solana.errors import InvalidParams

AnyMessage: TypeAlias = Message | MessageV0 | MessageV1

LOOKUP_TABLE_PROGRAM = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
LOOKUP_TABLE_HEADER = 56
COMPUTE_BUDGET_PROGRAM = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
MEMO_PROGRAMS = {
    Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
    Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo"),
}
MAX_TRANSACTION_SIZE = 1232
LAMPORTS_PER_SIGNATURE = 5000
SET_UNIT_LIMIT, SET_UNIT_PRICE = 2, 3
DEFAULT_UNITS, BUILTIN_UNITS, MAX_UNITS = 200_000, 3_000, 1_400_000
BUILTIN_PROGRAMS = {Pubkey.default(), COMPUTE_BUDGET_PROGRAM}


class LookupFailed(Exception):
    """A lookup table is missing or too short; the message is the node's."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The accounts of a transaction in the order its indexes mean: static, then looked up."""

    static: Sequence[Pubkey]
    writable: Sequence[Pubkey] = ()
    readonly: Sequence[Pubkey] = ()

    @property
    def pubkeys(self) -> list[Pubkey]:
        return [*self.static, *self.writable, *self.readonly]


def decode_bytes(text: str, encoding: str, *, what: str) -> bytes:
    """Base58 or base64 text of the wire format."""
    try:
        if encoding == "base58":
            return base58.b58decode(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidParams(f"invalid {encoding} encoding: {error} in {what}") from error


def decode_transaction(text: str, encoding: str) -> VersionedTransaction:
    """The transaction in `text`; InvalidParams when it is none."""
    wire = decode_bytes(text, encoding, what="transaction")
    limit = V1_MAX_TRANSACTION_SIZE if wire[:1] == bytes([V1_PREFIX]) else MAX_TRANSACTION_SIZE
    if len(wire) > limit:
        raise InvalidParams(f"transaction too large: {len(wire)} bytes (max: {limit})")
    try:
        transaction = VersionedTransaction.from_bytes(wire)
    except ValueError as error:
        raise InvalidParams(f"failed to deserialize VersionedTransaction: {error}") from error
    try:
        transaction.sanitize()
    except SanitizeError as error:
        raise InvalidParams(
            "invalid transaction: Transaction failed to sanitize accounts offsets correctly"
        ) from error
    return transaction


def load(message: AnyMessage, account: Callable[[Pubkey], Account | None]) -> Loaded:
    """The message's accounts, lookup tables resolved by `account`; LookupFailed."""
    if not isinstance(message, MessageV0):
        return Loaded(message.account_keys)
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    for lookup in message.address_table_lookups:
        table = _table(account(lookup.account_key))
        writable += _picked(table, lookup.writable_indexes)
        readonly += _picked(table, lookup.readonly_indexes)
    return Loaded(message.account_keys, writable, readonly)


def fee_of(message: AnyMessage) -> int:
    """Base fee by signatures plus the prioritization fee, as LiteSVM charges it.

    It charges version 1 no prioritization fee; the public clusters do.
    """
    base = message.header.num_required_signatures * LAMPORTS_PER_SIGNATURE
    if isinstance(message, MessageV1):
        return base
    return base - (-unit_price_of(message) * _unit_limit(message) // 1_000_000)


def unit_price_of(message: AnyMessage) -> int:
    """Micro-lamports offered per compute unit."""
    if isinstance(message, MessageV1):
        units = message.config.compute_unit_limit or DEFAULT_UNITS
        return (message.config.priority_fee or 0) * 1_000_000 // units
    return _budget(message, SET_UNIT_PRICE, size=8) or 0


def is_writable(message: AnyMessage, index: int) -> bool:
    """Whether the static account at `index` is locked for writing; invoked programs never are."""
    if any(each.program_id_index == index for each in message.instructions):
        return False
    header, signers = message.header, message.header.num_required_signatures
    if index < signers:
        return index < signers - header.num_readonly_signed_accounts
    return index < len(message.account_keys) - header.num_readonly_unsigned_accounts


def memo_of(message: AnyMessage) -> str | None:
    """Memos as `getSignaturesForAddress` shows them: `[length] text`, joined by `; `."""
    memos = [
        f"[{len(instruction.data)}] {instruction.data.decode(errors='replace')}"
        for instruction in message.instructions
        if _program(message, instruction.program_id_index) in MEMO_PROGRAMS
    ]
    return "; ".join(memos) or None


def _table(account: Account | None) -> list[Pubkey]:
    if account is None:
        raise LookupFailed("Transaction loads an address table account that doesn't exist")
    if account.owner != LOOKUP_TABLE_PROGRAM:
        raise LookupFailed("Transaction loads an address table account with an invalid owner")
    addresses = account.data[LOOKUP_TABLE_HEADER:]
    return [Pubkey(addresses[at : at + 32]) for at in range(0, len(addresses) - 31, 32)]


def _picked(table: list[Pubkey], indexes: bytes) -> list[Pubkey]:
    if any(index >= len(table) for index in indexes):
        raise LookupFailed("Transaction address table lookup uses an invalid index")
    return [table[index] for index in indexes]


def _unit_limit(message: Message | MessageV0) -> int:
    chosen = _budget(message, SET_UNIT_LIMIT, size=4)
    if chosen is not None:
        return min(chosen, MAX_UNITS)
    programs = [_program(message, each.program_id_index) for each in message.instructions]
    units = [BUILTIN_UNITS if each in BUILTIN_PROGRAMS else DEFAULT_UNITS for each in programs]
    return min(sum(units), MAX_UNITS)


def _budget(message: Message | MessageV0, kind: int, *, size: int) -> int | None:
    """The argument of the compute-budget instruction `kind`, None without one."""
    for instruction in message.instructions:
        is_budget = _program(message, instruction.program_id_index) == COMPUTE_BUDGET_PROGRAM
        if is_budget and instruction.data[:1] == bytes([kind]):
            return int.from_bytes(instruction.data[1 : 1 + size], "little")
    return None


def _program(message: AnyMessage, index: int) -> Pubkey | None:
    """Programs are always static accounts."""
    keys = message.account_keys
    return keys[index] if index < len(keys) else None
