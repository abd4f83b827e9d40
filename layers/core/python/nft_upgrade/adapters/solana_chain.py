"""The port Chain over JSON-RPC (CHAIN.md sections 3 to 5).

Reads that decide something (was it burned, was it minted, is an attempt dead) ask every node, and
two must say the same; everything else takes the first node that answers. RPC requests per call and
node: burn_evidence 3 (4 while the transaction is not final), holder 2, every other method 1.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from solana.constants import SYSTEM_PROGRAM_ID
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters import token_accounts
from nft_upgrade.adapters.burn_proof import observed_transaction, unreadable_transaction
from nft_upgrade.adapters.solana_rpc import RpcNode, RpcPool, RpcRefused
from nft_upgrade.adapters.token_program import TOKEN_2022, token_account_of
from nft_upgrade.domain.burn import BurnEvidence, ObservedMint, ObservedTransaction
from nft_upgrade.domain.errors import ProvidersDisagree, TransactionRefused
from nft_upgrade.ports import Blockhash, Holder, SignatureStatus, Simulation

CONFIRMED, FINALIZED = "confirmed", "finalized"
COMMITMENTS = ("processed", CONFIRMED, FINALIZED)
NEWEST_VERSION = 1
"""v1 transactions are live since 2026-09-15; with 0 a node answers -32015."""
MOST_ACCOUNTS = 100
"""Per getMultipleAccounts."""
FEE_PERCENTILE = 0.75
"""Of the fees of recent blocks: pay more than most, far less than the highest."""

PREFLIGHT_FAILED = -32002
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
UNSUPPORTED_VERSION = -32015

T = TypeVar("T")


class SolanaChain:
    """Synchronous and thread-safe."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        genesis_hash: str | None = None,
        timeout_seconds: float = 8.0,
        priority_fee_cap: int = 1_000_000,
    ) -> None:
        self._pool = RpcPool(urls, genesis_hash=genesis_hash, timeout=timeout_seconds)
        self._priority_fee_cap = priority_fee_cap

    def close(self) -> None:
        """End connections and the event loop's thread."""
        self._pool.close()

    def latest_blockhash(self) -> Blockhash:
        """At confirmed: what `send` uses for its preflight too."""
        return self._ask(_blockhash, "getLatestBlockhash", {"commitment": CONFIRMED})

    def slot(self, *, commitment: str) -> int:
        return self._ask(int, "getSlot", {"commitment": commitment})

    def block_height(self, *, commitment: str) -> int:
        """The lowest of all nodes': what is dead must be dead for the slowest of them."""
        return min(self._pool.every(lambda node: _block_height(node, commitment)))

    def balance(self, address: str) -> int:
        return self._ask(_value, "getBalance", address, {"commitment": CONFIRMED})

    def rent(self, size: int) -> int:
        config = {"commitment": CONFIRMED}
        return self._ask(int, "getMinimumBalanceForRentExemption", size, config)

    def holder(self, mint: str) -> Holder | None:
        """By the mint alone: the NFT may be in any account of any wallet."""
        return self._pool.first(lambda node: _holder(node, mint))

    def burn_evidence(self, signature: str, mint: str) -> BurnEvidence:
        """What the nodes do not agree on is marked so, and the checks hold it."""
        seen = self._pool.every(lambda node: _burn_evidence(node, signature, mint))
        return replace(
            seen[0],
            transaction=self._agreed_transaction([evidence.transaction for evidence in seen]),
            mint=self._agreed_mint([evidence.mint for evidence in seen if evidence.mint]),
            finalized_height=min(evidence.finalized_height for evidence in seen),
        )

    def mints(self, addresses: Sequence[str], *, commitment: str) -> Sequence[ObservedMint]:
        """ValueError for more than 100."""
        if len(addresses) > MOST_ACCOUNTS:
            raise ValueError(f"at most {MOST_ACCOUNTS} mints per call")
        if not addresses:
            return ()
        rows = self._pool.every(lambda node: _mints(node, addresses, commitment))
        return tuple(self._agreed_mint(column) for column in zip(*rows, strict=True))

    def signatures_for(self, address: str, *, limit: int) -> Sequence[str]:
        """Without failed transactions: they changed nothing."""
        config = {"limit": limit, "commitment": FINALIZED}
        return self._ask(_succeeded, "getSignaturesForAddress", address, config)

    def minted(self, successor: str, *, recipient: str, commitment: str) -> bool | None:
        """Lamports sent to the address ahead of the mint are "no account there"."""
        addresses = [successor, token_account_of(recipient, successor)]
        answers = self._pool.every(lambda node: _minted(node, addresses, recipient, commitment))
        return self._agreed(answers)

    def send(self, transaction: bytes) -> None:
        """TransactionRefused when the preflight says it would fail and nothing says it landed.

        No error: already processed; the blockhash is unknown (a resend after it expired, or a node
        behind: the block height decides later); the address is taken (the chain's own "already
        there": who reads the account decides what that means).
        """
        config = {
            "encoding": "base64",
            "skipPreflight": False,
            "preflightCommitment": CONFIRMED,
            "maxRetries": 0,
        }
        encoded = base64.b64encode(transaction).decode()
        self._pool.first(lambda node: _send(node, encoded, config, transaction))

    def signature_status(self, signature: str) -> SignatureStatus | None:
        """None needs two nodes that say so; of several sightings the least advanced counts."""
        answers = self._pool.every(lambda node: _signature_status(node, signature))
        seen = [status for status in answers if status is not None]
        return min(seen, key=lambda s: COMMITMENTS.index(s.commitment)) if seen else None

    def simulate(self, transaction: bytes) -> Simulation:
        config = {
            "encoding": "base64",
            "commitment": CONFIRMED,
            "sigVerify": False,
            "replaceRecentBlockhash": True,
        }
        encoded = base64.b64encode(transaction).decode()
        return self._ask(_simulation, "simulateTransaction", encoded, config)

    def priority_fee(self) -> int:
        """The 75th percentile of recent blocks; 0 where a node does not serve the question."""
        fees = sorted(self._pool.first(_recent_fees))
        fee = fees[int((len(fees) - 1) * FEE_PERCENTILE)] if fees else 0
        return min(fee, self._priority_fee_cap)

    def _ask(self, read: Callable[[Any], T], method: str, *params: Any) -> T:
        """`read` runs within the question: an answer it cannot read passes to the next node."""

        async def question(node: RpcNode) -> T:
            return read(await node.call(method, *params))

        return self._pool.first(question)

    def _agreed(self, answers: Sequence[T]) -> T:
        answer, count = Counter(answers).most_common(1)[0]
        if count < self._pool.must_agree:
            raise ProvidersDisagree(f"RPC providers contradict each other: {answers}")
        return answer

    def _agreed_transaction(
        self, seen: Sequence[ObservedTransaction | None]
    ) -> ObservedTransaction | None:
        """A null next to a sighting is a node that lags."""
        sighted = [transaction for transaction in seen if transaction is not None]
        if not sighted:
            return None
        transaction, count = Counter(sighted).most_common(1)[0]
        return replace(transaction, agreed=count >= self._pool.must_agree)

    def _agreed_mint(self, seen: Sequence[ObservedMint]) -> ObservedMint:
        """Compared without the slot, of which the lowest counts."""
        slot = min(mint.slot for mint in seen)
        mint, count = Counter(replace(mint, slot=slot) for mint in seen).most_common(1)[0]
        return replace(mint, agreed=count >= self._pool.must_agree)


def _blockhash(answer: Any) -> Blockhash:
    value = answer["value"]
    return Blockhash(value["blockhash"], value["lastValidBlockHeight"], answer["context"]["slot"])


def _value(answer: Any) -> int:
    return int(answer["value"])


def _succeeded(rows: Any) -> list[str]:
    return [row["signature"] for row in rows if row["err"] is None]


def _simulation(answer: Any) -> Simulation:
    value = answer["value"]
    units, logs = value.get("unitsConsumed") or 0, value.get("logs") or ()
    return Simulation(_error_text(value["err"]), units, tuple(logs))


def _error_text(error: Any) -> str | None:
    return None if error is None else json.dumps(error)


async def _block_height(node: RpcNode, commitment: str) -> int:
    return int(await node.call("getBlockHeight", {"commitment": commitment}))


async def _accounts(
    node: RpcNode, addresses: Sequence[str], commitment: str
) -> tuple[int, list[token_accounts.Account | None]]:
    """The context slot and the accounts, in the order asked."""
    config = {"encoding": "base64", "commitment": commitment}
    answer = await node.call("getMultipleAccounts", list(addresses), config)
    found = [token_accounts.account_of(value) for value in answer["value"]]
    if len(found) != len(addresses):
        raise ValueError("getMultipleAccounts: not as many answers as questions")
    return answer["context"]["slot"], found


async def _mints(node: RpcNode, addresses: Sequence[str], commitment: str) -> list[ObservedMint]:
    slot, found = await _accounts(node, addresses, commitment)
    return [
        token_accounts.observed_mint(address, account, slot=slot)
        for address, account in zip(addresses, found, strict=True)
    ]


async def _holder(node: RpcNode, mint: str) -> Holder | None:
    try:
        largest = await node.call("getTokenLargestAccounts", mint, {"commitment": CONFIRMED})
    except RpcRefused as refused:
        if refused.code == INVALID_PARAMS:
            return None  # no mint at that address
        raise
    holding = [row["address"] for row in largest["value"] if int(row["amount"]) > 0]
    if not holding:
        return None
    slot, (account,) = await _accounts(node, holding[:1], CONFIRMED)
    return token_accounts.holder_of(holding[0], account, slot=slot)


async def _minted(
    node: RpcNode, addresses: Sequence[str], recipient: str, commitment: str
) -> bool | None:
    _, (account, held_account) = await _accounts(node, addresses, commitment)
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
        and (str(held.owner), str(held.mint), held.amount) == (recipient, addresses[0], 1)
    )


async def _burn_evidence(node: RpcNode, signature: str, mint: str) -> BurnEvidence:
    transaction, height, (observed,) = await asyncio.gather(
        _transaction(node, signature),
        _block_height(node, FINALIZED),
        _mints(node, [mint], FINALIZED),
    )
    return BurnEvidence(
        claimed_signature=signature,
        # A node of another cluster never gets as far as this: see `RpcNode.call`.
        cluster_matches=True,
        transaction=transaction,
        mint=observed,
        finalized_height=height,
    )


async def _transaction(node: RpcNode, signature: str) -> ObservedTransaction | None:
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


async def _signature_status(node: RpcNode, signature: str) -> SignatureStatus | None:
    config = {"searchTransactionHistory": True}
    (value,) = (await node.call("getSignatureStatuses", [signature], config))["value"]
    if value is None:
        return None
    # A status from history has no confirmationStatus on old nodes, and is final.
    commitment = value.get("confirmationStatus") or FINALIZED
    if commitment not in COMMITMENTS:
        raise ValueError(f"unknown confirmationStatus {commitment}")
    return SignatureStatus(value["slot"], commitment, _error_text(value["err"]))


async def _recent_fees(node: RpcNode) -> list[int]:
    try:
        rows = await node.call("getRecentPrioritizationFees", [])
    except RpcRefused as refused:
        if refused.code == METHOD_NOT_FOUND:
            return []
        raise
    return [row["prioritizationFee"] for row in rows]


async def _send(node: RpcNode, encoded: str, config: Mapping[str, Any], transaction: bytes) -> None:
    try:
        await node.call("sendTransaction", encoded, config)
    except RpcRefused as refused:
        if refused.code != PREFLIGHT_FAILED:
            raise
        error = (refused.data or {}).get("err")
        if not _is_harmless(error, transaction):
            detail = f"The preflight refused the transaction: {refused.message}"
            raise TransactionRefused(detail, error=json.dumps(error)) from refused


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
