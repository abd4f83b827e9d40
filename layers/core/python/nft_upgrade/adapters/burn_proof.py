"""Decodes an RPC node's getTransaction answer (base64) into what the burn checks look at. No I/O.

The raw bytes are decoded and verified here; only effects (balances, inner instructions, look-up
table addresses) are taken from the node's `meta`. Burns are found at top level, in inner
instructions and inside `batch` (p-token, discriminator 255), which writes neither logs nor inner
instructions. Format of a batch: 255, then for each instruction the number of its accounts (u8),
the length of its data (u8) and that data; the accounts follow each other in the outer list.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import base58
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters.token_accounts import TOKEN_PROGRAMS
from nft_upgrade.domain.burn import BurnInstruction, ObservedTransaction, TokenBalance

BURN, BURN_CHECKED, BATCH = 8, 15, 255
_AMOUNT = slice(1, 9)
_BATCH_HEADER = 2
_BURN_ACCOUNTS = 3
"""Token account, mint, authority; what follows signs for a multisig authority."""


class _Call(NamedTuple):
    """One instruction with its accounts resolved."""

    program: str
    accounts: Sequence[str]
    data: bytes
    place: str


def observed_transaction(answer: Mapping[str, Any], *, finalized: bool) -> ObservedTransaction:
    """`answer` is the result of getTransaction, not null. Unreadable bytes are no error here:
    the version says so, and the checks hold the burn."""
    version = str(answer.get("version", "legacy"))
    raw = base64.b64decode(answer["transaction"][0])
    try:
        transaction = VersionedTransaction.from_bytes(raw)
    except Exception:  # noqa: BLE001 - solders raises bincode's errors as plain exceptions
        return unreadable_transaction(f"{version} (unreadable)", slot=answer["slot"])
    meta = answer["meta"]
    accounts = _accounts(transaction, meta)
    message = transaction.message
    return ObservedTransaction(
        signature=str(transaction.signatures[0]),
        signatures_valid=all(transaction.verify_with_results()),
        slot=answer["slot"],
        finalized=finalized,
        agreed=True,
        error=None if meta["err"] is None else json.dumps(meta["err"]),
        signers=frozenset(accounts[: message.header.num_required_signatures]),
        pre_balances=_balances(meta.get("preTokenBalances"), accounts),
        post_balances=_balances(meta.get("postTokenBalances"), accounts),
        burns=tuple(_burns(transaction, meta, accounts)),
        version=version,
    )


def unreadable_transaction(version: str, *, slot: int = 0) -> ObservedTransaction:
    """A transaction that is on chain but that we cannot read: our defect, never the user's."""
    return ObservedTransaction(
        signature="",
        signatures_valid=False,
        slot=slot,
        finalized=False,
        agreed=True,
        error=None,
        signers=frozenset(),
        pre_balances=(),
        post_balances=(),
        burns=(),
        version=version,
    )


def _accounts(transaction: VersionedTransaction, meta: Mapping[str, Any]) -> list[str]:
    """Static accounts, then those a v0 message loads from look-up tables: the runtime's order."""
    static = [str(pubkey) for pubkey in transaction.message.account_keys]
    loaded = meta.get("loadedAddresses") or {}
    return [*static, *loaded.get("writable", ()), *loaded.get("readonly", ())]


def _balances(
    entries: Sequence[Mapping[str, Any]] | None, accounts: Sequence[str]
) -> tuple[TokenBalance, ...]:
    return tuple(
        TokenBalance(
            account=accounts[entry["accountIndex"]],
            mint=entry["mint"],
            owner=entry.get("owner", ""),
            amount=int(entry["uiTokenAmount"]["amount"]),
            decimals=entry["uiTokenAmount"]["decimals"],
            token_program=entry.get("programId", ""),
        )
        for entry in entries or ()
    )


def _burns(
    transaction: VersionedTransaction, meta: Mapping[str, Any], accounts: Sequence[str]
) -> Iterator[BurnInstruction]:
    for call in (*_top_calls(transaction, accounts), *_inner_calls(meta, accounts)):
        for single in _unbatched(call):
            burn = _burn(single)
            if burn is not None:
                yield burn


def _top_calls(transaction: VersionedTransaction, accounts: Sequence[str]) -> Iterator[_Call]:
    for compiled in transaction.message.instructions:
        named = [accounts[index] for index in compiled.accounts]
        yield _Call(accounts[compiled.program_id_index], named, bytes(compiled.data), "top")


def _inner_calls(meta: Mapping[str, Any], accounts: Sequence[str]) -> Iterator[_Call]:
    """Inner instructions carry base58 data, whatever the transaction's own encoding."""
    for group in meta.get("innerInstructions") or ():
        for inner in group["instructions"]:
            program = accounts[inner["programIdIndex"]]
            # Only burns matter; decoding everything else would cost time for nothing.
            if program in TOKEN_PROGRAMS:
                named = [accounts[index] for index in inner["accounts"]]
                yield _Call(program, named, base58.b58decode(inner["data"]), "inner")


def _unbatched(call: _Call) -> Iterator[_Call]:
    """The instructions inside a batch, or the instruction itself. Batches do not nest."""
    if call.program not in TOKEN_PROGRAMS or call.data[:1] != bytes([BATCH]):
        yield call
        return
    accounts, data = call.accounts, call.data[1:]
    while len(data) >= _BATCH_HEADER:
        account_count, length = data[0], data[1]
        inside = data[_BATCH_HEADER : _BATCH_HEADER + length]
        yield _Call(call.program, accounts[:account_count], inside, "batch")
        accounts, data = accounts[account_count:], data[_BATCH_HEADER + length :]


def _burn(call: _Call) -> BurnInstruction | None:
    """A Burn has u8 + u64 amount, a BurnChecked one byte of decimals more."""
    is_burn = call.data[:1] in (bytes([BURN]), bytes([BURN_CHECKED])) and len(call.data) >= 9
    if call.program not in TOKEN_PROGRAMS or not is_burn or len(call.accounts) < _BURN_ACCOUNTS:
        return None
    account, mint, authority, *signers = call.accounts
    return BurnInstruction(
        token_program=call.program,
        account=account,
        mint=mint,
        authority=authority,
        signers=tuple(signers),
        amount=int.from_bytes(call.data[_AMOUNT], "little"),
        place=call.place,
    )
