"""What one Solana node is asked, and how its answers are read: the questions of `SolanaChain`.

What cannot be read raises LookupError, TypeError or ValueError; `RpcPool` asks the next node then.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from solana.constants import SYSTEM_PROGRAM_ID
from solders.token.state import TokenAccount
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters import token_accounts
from nft_upgrade.adapters.burn_proof import observed_transaction, unreadable_transaction
from nft_upgrade.adapters.nft_accounts import nft_account
from nft_upgrade.adapters.solana_rpc import RpcNode, RpcRefused
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.burn import BurnEvidence, ObservedMint, ObservedTransaction
from nft_upgrade.domain.errors import TransactionRefused
from nft_upgrade.domain.nft_account import hindrance
from nft_upgrade.ports import Blockhash, Holder, SignatureStatus, Simulation

CONFIRMED, FINALIZED = "confirmed", "finalized"
COMMITMENTS = ("processed", CONFIRMED, FINALIZED)
NEWEST_VERSION = 1
"""v1 transactions are live since 2026-09-15; with 0 a node answers -32015."""

PREFLIGHT_FAILED = -32002
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
UNSUPPORTED_VERSION = -32015

MIN_CONTEXT_SLOT_NOT_REACHED = -32016


def blockhash(answer: Any) -> Blockhash:
    value = answer["value"]
    return Blockhash(value["blockhash"], value["lastValidBlockHeight"], answer["context"]["slot"])


def value_of(answer: Any) -> int:
    return int(answer["value"])


def succeeded(rows: Any) -> list[str]:
    return [row["signature"] for row in rows if row["err"] is None]


def simulation(answer: Any) -> Simulation:
    value = answer["value"]
    units, logs = value.get("unitsConsumed") or 0, value.get("logs") or ()
    return Simulation(_error_text(value["err"]), units, tuple(logs))


def token_accounts_of(answer: Any) -> list[TokenAccount | None]:
    values = answer["value"]
    return [token_accounts.token_account_of(token_accounts.account_of(each)) for each in values]


def _error_text(error: Any) -> str | None:
    return None if error is None else json.dumps(error)


async def _block_height(node: RpcNode, commitment: str) -> int:
    return int(await node.call("getBlockHeight", {"commitment": commitment}))


async def slot_and_height(node: RpcNode, commitment: str) -> tuple[int, int]:
    info = await node.call("getEpochInfo", {"commitment": commitment})
    return int(info["absoluteSlot"]), int(info["blockHeight"])


async def _accounts(
    node: RpcNode, addresses: Sequence[str], commitment: str, floor: int | None
) -> tuple[int, list[token_accounts.Account | None]]:
    """The context slot, at least `floor`, and the accounts, in the order asked."""
    config: dict[str, Any] = {"encoding": "base64", "commitment": commitment}
    if floor is not None:
        config["minContextSlot"] = floor
    answer = await node.call("getMultipleAccounts", list(addresses), config)
    found = [token_accounts.account_of(value) for value in answer["value"]]
    if len(found) != len(addresses):
        raise ValueError("getMultipleAccounts: not as many answers as questions")
    slot = int(answer["context"]["slot"])
    if floor is not None and slot < floor:
        raise ValueError(f"getMultipleAccounts: slot {slot} is older than asked for")
    return slot, found


async def mints(
    node: RpcNode, addresses: Sequence[str], commitment: str, floor: int | None
) -> list[ObservedMint]:
    slot, found = await _accounts(node, addresses, commitment, floor)
    return [
        token_accounts.observed_mint(address, account, slot=slot)
        for address, account in zip(addresses, found, strict=True)
    ]


async def holder(node: RpcNode, mint: str) -> Holder | None:
    try:
        largest = await node.call("getTokenLargestAccounts", mint, {"commitment": CONFIRMED})
    except RpcRefused as refused:
        if refused.code == INVALID_PARAMS:
            return None  # no mint at that address
        raise
    holding = [row["address"] for row in largest["value"] if int(row["amount"]) > 0]
    if not holding:
        return None
    floor = int(largest["context"]["slot"])
    slot, (account, own) = await _accounts(node, [holding[0], mint], CONFIRMED, floor)
    held = token_accounts.holder_of(holding[0], account, slot=slot)
    if held is None:
        return None
    facts = nft_account(mint, own, slot=slot)
    return replace(held, hindrance=hindrance(facts) if facts else "It is no mint any more.")


async def minted(
    node: RpcNode, addresses: Sequence[str], recipient: str, commitment: str, floor: int | None
) -> tuple[int, bool | None]:
    """The context slot and the answer."""
    slot, found = await _accounts(node, addresses, commitment, floor)
    return slot, _is_minted(addresses[0], recipient, *found)


def _is_minted(
    successor: str,
    recipient: str,
    account: token_accounts.Account | None,
    held_account: token_accounts.Account | None,
) -> bool | None:
    if account is None or (account.owner == str(SYSTEM_PROGRAM_ID) and not account.data):
        return None
    mint = token_accounts.mint_of(account)
    held = token_accounts.token_account_of(held_account)
    return (
        account.owner == TOKEN_2022
        and mint is not None
        and (mint.decimals, mint.supply) == (0, 1)
        and mint.mint_authority is None
        and mint.freeze_authority is None
        and held is not None
        and (str(held.owner), str(held.mint), held.amount) == (recipient, successor, 1)
    )


async def burn_evidence(node: RpcNode, signature: str, mint: str) -> BurnEvidence:
    seen, (observed,) = await asyncio.gather(
        transaction(node, signature), mints(node, [mint], FINALIZED, None)
    )
    # Only what is not seen can be too old. That the height is read after it: within LAG_MARGIN.
    height = await _block_height(node, FINALIZED) if seen is None else None
    if seen is not None and seen.finalized and observed.slot < seen.slot:
        observed = await _read_after(node, observed, seen.slot)
    return BurnEvidence(
        claimed_signature=signature,
        # A node of another cluster never gets as far as this: see `RpcNode.call`.
        cluster_matches=True,
        transaction=seen,
        mint=observed,
        finalized_height=height,
    )


async def _read_after(node: RpcNode, observed: ObservedMint, slot: int) -> ObservedMint:
    """The mint as it was at `slot` or later; as observed when the node is not that far."""
    try:
        (later,) = await mints(node, [observed.address], FINALIZED, slot)
    except RpcRefused as refused:
        if refused.code == MIN_CONTEXT_SLOT_NOT_REACHED:
            return observed
        raise
    return later


async def transaction(node: RpcNode, signature: str) -> ObservedTransaction | None:
    """At finalized; else at confirmed, so that "seen, not final" can be told from "not seen"."""
    try:
        answer = await _raw_transaction(node, signature, FINALIZED)
        if answer is not None:
            return observed_transaction(answer, finalized=True)
        answer = await _raw_transaction(node, signature, CONFIRMED)
    except RpcRefused as refused:
        if refused.code == UNSUPPORTED_VERSION:
            return unreadable_transaction(refused.message)
        raise
    return None if answer is None else observed_transaction(answer, finalized=False)


async def _raw_transaction(
    node: RpcNode, signature: str, commitment: str
) -> Mapping[str, Any] | None:
    config = {
        "encoding": "base64",
        "commitment": commitment,
        "maxSupportedTransactionVersion": NEWEST_VERSION,
    }
    answer: Mapping[str, Any] | None = await node.call("getTransaction", signature, config)
    return answer


async def signature_status(node: RpcNode, signature: str) -> SignatureStatus | None:
    config = {"searchTransactionHistory": True}
    (value,) = (await node.call("getSignatureStatuses", [signature], config))["value"]
    if value is None:
        return None
    # A status from history has no confirmationStatus on old nodes, and is final.
    commitment = value.get("confirmationStatus") or FINALIZED
    if commitment not in COMMITMENTS:
        raise ValueError(f"unknown confirmationStatus {commitment}")
    return SignatureStatus(value["slot"], commitment, _error_text(value["err"]))


async def recent_fees(node: RpcNode) -> list[int]:
    try:
        rows = await node.call("getRecentPrioritizationFees", [])
    except RpcRefused as refused:
        if refused.code == METHOD_NOT_FOUND:
            return []
        raise
    return [row["prioritizationFee"] for row in rows]


async def send(
    node: RpcNode, encoded: str, config: Mapping[str, Any], transaction: bytes
) -> TransactionRefused | None:
    """None: relayed, or needless."""
    try:
        await node.call("sendTransaction", encoded, config)
    except RpcRefused as refused:
        if refused.code != PREFLIGHT_FAILED:
            raise
        error = (refused.data or {}).get("err")
        if not _is_harmless(error, transaction):
            detail = f"The preflight refused the transaction: {refused.message}"
            return TransactionRefused(detail, error=json.dumps(error))
    return None


HARMLESS = ("AlreadyProcessed", "BlockhashNotFound")


def _is_harmless(error: Any, transaction: bytes) -> bool:
    """`{"InstructionError": [3, {"Custom": 0}]}` from the System program is "already in use"."""
    if error in HARMLESS:
        return True
    match error:
        case {"InstructionError": [int(index), {"Custom": 0}]}:
            message = VersionedTransaction.from_bytes(transaction).message
            program = message.account_keys[message.instructions[index].program_id_index]
            return program == SYSTEM_PROGRAM_ID
        case _:
            return False
