"""What an execution left behind, in the terms of a node: LiteSVM's result plus what it lacks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import base58
from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    InnerInstruction,
    SimulatedTransactionInfo,
    SimulateResult,
    TransactionMetadata,
    TransactionResult,
)
from solders.transaction_status import UiTransactionStatusMeta

from local.solana import messages, tokens
from local.solana.messages import Loaded

Json: TypeAlias = dict[str, Any]
AccountReader: TypeAlias = Callable[[Pubkey], Account | None]

TEXTS = {
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "InsufficientFundsForFee": "Insufficient funds for fee",
    "InvalidAccountForFee": "This account may not be used to pay transaction fees",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    "SignatureFailure": "Transaction did not pass signature verification",
}
"""Agave's words for the errors that come without a log line."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """LiteSVM's result, and the transaction's accounts before and after it, in order."""

    result: TransactionResult
    before: Sequence[Account | None]
    after: Sequence[Account | None]


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction in a block. `error` and `meta` are JSON as nodes show it."""

    transaction: VersionedTransaction
    signature: str
    slot: int
    error: Any
    loaded: Loaded
    meta: Json
    memo: str | None
    unit_price: int
    starved: bool = False
    """Its payer had no money while it ran."""

    @property
    def writable(self) -> set[Pubkey]:
        """The accounts it locked for writing."""
        message = self.transaction.message
        static = enumerate(self.loaded.static)
        own = {pubkey for index, pubkey in static if messages.is_writable(message, index)}
        return own.union(self.loaded.writable)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A dry run. `reason` is the error in words, None when it would succeed."""

    error: Any
    reason: str | None
    logs: list[str]
    units: int
    fee: int | None
    return_data: Json | None
    inner_instructions: list[Json]
    accounts: dict[Pubkey, Account]


def landed(
    transaction: VersionedTransaction,
    slot: int,
    loaded: Loaded,
    outcome: Outcome,
    account: AccountReader,
    *,
    starved: bool = False,
) -> Landed:
    """The record of an execution; `account` reads mints the transaction does not name."""
    error = _error_of(outcome.result)
    return Landed(
        transaction=transaction,
        signature=str(transaction.signatures[0]),
        slot=slot,
        error=error,
        loaded=loaded,
        meta=_meta(loaded, outcome, error, account),
        memo=messages.memo_of(transaction.message),
        unit_price=messages.unit_price_of(transaction.message),
        starved=starved,
    )


def simulated(result: SimulateResult) -> Simulated:
    """What LiteSVM's simulation says."""
    metadata = result.meta()
    error = _error_of(result)
    post = result.post_accounts() if isinstance(result, SimulatedTransactionInfo) else []
    return Simulated(
        error=error,
        reason=_reason(error, metadata.logs()),
        logs=metadata.logs(),
        units=metadata.compute_units_consumed(),
        fee=metadata.fee(),
        return_data=_return_data(metadata),
        inner_instructions=_inner_instructions(metadata),
        accounts=dict(post),
    )


def refused(error: str) -> Simulated:
    """A dry run that ended before any instruction."""
    return Simulated(error, TEXTS.get(error, error), [], 0, None, None, [], {})


def _meta(loaded: Loaded, outcome: Outcome, error: Any, account: AccountReader) -> Json:
    metadata = _metadata_of(outcome.result)
    return {
        "err": error,
        "status": {"Ok": None} if error is None else {"Err": error},
        "fee": metadata.fee(),
        "preBalances": _balances(outcome.before),
        "postBalances": _balances(outcome.after),
        "innerInstructions": _inner_instructions(metadata),
        "logMessages": metadata.logs(),
        "preTokenBalances": _token_balances(loaded, outcome.before, account),
        "postTokenBalances": _token_balances(loaded, outcome.after, account),
        "rewards": [],
        "loadedAddresses": {
            "writable": [str(pubkey) for pubkey in loaded.writable],
            "readonly": [str(pubkey) for pubkey in loaded.readonly],
        },
        "computeUnitsConsumed": metadata.compute_units_consumed(),
        **({"returnData": data} if (data := _return_data(metadata)) else {}),
    }


def _balances(accounts: Sequence[Account | None]) -> list[int]:
    return [account.lamports if account else 0 for account in accounts]


def _token_balances(
    loaded: Loaded, accounts: Sequence[Account | None], account: AccountReader
) -> list[Json]:
    """As Agave collects them: every token account among the transaction's, both programs.

    `account` reads the mints that the transaction does not name (a plain transfer names none).
    """
    present = dict(zip(loaded.pubkeys, accounts, strict=True))
    balances = (
        _token_balance(index, each, lambda mint: present.get(mint) or account(mint))
        for index, each in enumerate(accounts)
        if each is not None
    )
    return [balance for balance in balances if balance is not None]


def _token_balance(index: int, account: Account, mint_account: AccountReader) -> Json | None:
    token_account = tokens.token_account_of(account)
    if token_account is None:
        return None
    mint = mint_account(token_account.mint)
    facts = tokens.mint_of(mint) if mint else None
    if facts is None:
        return None
    return {
        "accountIndex": index,
        "mint": str(token_account.mint),
        "owner": str(token_account.owner),
        "programId": str(account.owner),
        "uiTokenAmount": tokens.ui_amount(token_account.amount, facts.decimals),
    }


def _inner_instructions(metadata: TransactionMetadata) -> list[Json]:
    return [
        {"index": index, "instructions": [_inner_instruction(each) for each in instructions]}
        for index, instructions in enumerate(metadata.inner_instructions())
        if instructions
    ]


def _inner_instruction(inner: InnerInstruction) -> Json:
    instruction = inner.instruction()
    return {
        "programIdIndex": instruction.program_id_index,
        "accounts": list(instruction.accounts),
        "data": base58.b58encode(instruction.data).decode(),
        "stackHeight": inner.stack_height(),
    }


def _return_data(metadata: TransactionMetadata) -> Json | None:
    returned = metadata.return_data()
    if not returned.data:
        return None
    data: Json = json.loads(returned.to_json())
    return data


def _metadata_of(result: TransactionResult) -> TransactionMetadata:
    return result.meta() if isinstance(result, FailedTransactionMetadata) else result


def _error_of(result: TransactionResult | SimulateResult) -> Any:
    """The error as JSON (solders writes it inside a transaction's meta only)."""
    if not isinstance(result, FailedTransactionMetadata):
        return None
    return json.loads(UiTransactionStatusMeta(result.err(), 0, [], []).to_json())["err"]


def _reason(error: Any, logs: Sequence[str]) -> str | None:
    if error is None:
        return None
    if isinstance(error, str):
        return TEXTS.get(error, error)
    if "InstructionError" in error:
        return f"Error processing Instruction {error['InstructionError'][0]}: {_last_failure(logs)}"
    if "InsufficientFundsForRent" in error:
        index = error["InsufficientFundsForRent"]["account_index"]
        return f"Transaction results in an account ({index}) with insufficient funds for rent"
    return json.dumps(error)


def _last_failure(logs: Sequence[str]) -> str:
    """The last `Program ... failed: <reason>`, which ends in the error's own words."""
    failures = [line.split(" failed: ", 1)[1] for line in logs if " failed: " in line]
    return failures[-1] if failures else "instruction failed"
