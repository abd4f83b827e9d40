"""The port Chain over JSON-RPC (chain.md sections 3 to 5).

Reads that decide something (was it burned, was it minted, is an attempt dead) ask every node, and
two must say the same; everything else takes the first node that answers, and a send goes to all of
them. RPC requests per call and node: burn_evidence 2 (3 while the transaction is not final, 4 while
it is not seen, and 1 more when the mint was read before the burn's slot), holder 2, rent 0 while
it is remembered, every other method 1.

A provider's URL may lead to many machines, and the next answer may come from one that is behind the
last. So account reads that decide carry `minContextSlot`: the slot that all nodes had reached when
they last answered at that commitment. A node that is behind it refuses, and is not believed.
"""

import base64
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from nft_upgrade.adapters import solana_questions as questions
from nft_upgrade.adapters.solana_rpc import RpcNode, RpcPool
from nft_upgrade.adapters.token_program import token_account_of
from nft_upgrade.domain.burn import BurnEvidence, ObservedMint, ObservedTransaction
from nft_upgrade.domain.errors import ProvidersDisagree
from nft_upgrade.domain.nft import Nft
from nft_upgrade.ports import Blockhash, Holder, SignatureStatus, Simulation

CONFIRMED, FINALIZED = questions.CONFIRMED, questions.FINALIZED
MOST_ACCOUNTS = 100
"""Per getMultipleAccounts."""
FEE_PERCENTILE = 0.75
"""Of the fees of recent blocks: pay more than most, far less than the highest."""
RENT_REMEMBERED = 300.0
"""Seconds."""


log = logging.getLogger(__name__)

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
        self._reached: dict[str, int] = {}
        """By commitment: the slot below which nothing is read any more."""
        self._rents: dict[int, tuple[float, int]] = {}
        """By size: when it was asked for, and the lamports."""

    def close(self) -> None:
        """End connections and the event loop's thread."""
        self._pool.close()

    def latest_blockhash(self) -> Blockhash:
        """At confirmed: what `send` uses for its preflight too."""
        return self._ask(questions.blockhash, "getLatestBlockhash", {"commitment": CONFIRMED})

    def slot(self, *, commitment: str) -> int:
        return self._ask(int, "getSlot", {"commitment": commitment})

    def block_height(self, *, commitment: str) -> int:
        """The lowest of all nodes': what is dead must be dead for the slowest of them.

        getEpochInfo tells the slot too, so that what is read next is not older than this height.
        """
        points = self._pool.every(lambda node: questions.slot_and_height(node, commitment))
        self._reach(commitment, [slot for slot, _ in points])
        return min(height for _, height in points)

    def balance(self, address: str) -> int:
        return self._ask(questions.value_of, "getBalance", address, {"commitment": CONFIRMED})

    def rent(self, size: int) -> int:
        """Asked again every five minutes: it only changes with an epoch, and a mint with too
        little of it fails in its dry run, not on chain."""
        known = self._rents.get(size)
        if known is None or time.monotonic() >= known[0] + RENT_REMEMBERED:
            config = {"commitment": CONFIRMED}
            rent = self._ask(int, "getMinimumBalanceForRentExemption", size, config)
            known = self._rents[size] = (time.monotonic(), rent)
        return known[1]

    def holder(self, mint: str) -> Holder | None:
        """By the mint alone: the NFT may be in any account of any wallet."""
        return self._pool.first(lambda node: questions.holder(node, mint))

    def burn_evidence(self, signature: str, mint: str) -> BurnEvidence:
        """What the nodes do not agree on is marked so, and the checks hold it."""
        seen = self._pool.every(lambda node: questions.burn_evidence(node, signature, mint))
        heights = [each.finalized_height for each in seen if each.finalized_height is not None]
        return replace(
            seen[0],
            transaction=self._agreed_transaction([evidence.transaction for evidence in seen]),
            mint=self._agreed_mint([evidence.mint for evidence in seen if evidence.mint]),
            finalized_height=min(heights, default=None),
        )

    def transaction(self, signature: str) -> ObservedTransaction | None:
        seen = self._pool.every(lambda node: questions.transaction(node, signature))
        return self._agreed_transaction(seen)

    def mints(self, addresses: Sequence[str], *, commitment: str) -> Sequence[ObservedMint]:
        """ValueError for more than 100."""
        if len(addresses) > MOST_ACCOUNTS:
            raise ValueError(f"at most {MOST_ACCOUNTS} mints per call")
        if not addresses:
            return ()
        floor = self._reached.get(commitment)
        rows = self._pool.every(lambda node: questions.mints(node, addresses, commitment, floor))
        self._reach(commitment, [row[0].slot for row in rows])
        return tuple(self._agreed_mint(column) for column in zip(*rows, strict=True))

    def held(self, nfts: Sequence[Nft]) -> Sequence[bool]:
        """ValueError for more than 100."""
        if len(nfts) > MOST_ACCOUNTS:
            raise ValueError(f"at most {MOST_ACCOUNTS} NFTs per call")
        if not nfts:
            return ()
        accounts = [token_account_of(nft.owner, nft.mint, nft.token_program) for nft in nfts]
        config = {"encoding": "base64", "commitment": CONFIRMED}
        found = self._ask(questions.token_accounts_of, "getMultipleAccounts", accounts, config)
        return [
            held is not None
            and (str(held.owner), str(held.mint), held.amount) == (nft.owner, nft.mint, 1)
            for nft, held in zip(nfts, found, strict=True)
        ]

    def signatures_for(self, address: str, *, limit: int) -> Sequence[str]:
        """Without failed transactions: they changed nothing."""
        config = {"limit": limit, "commitment": FINALIZED}
        return self._ask(questions.succeeded, "getSignaturesForAddress", address, config)

    def minted(self, successor: str, *, recipient: str, commitment: str) -> bool | None:
        """Lamports sent to the address ahead of the mint are "no account there"."""
        addresses = [successor, token_account_of(recipient, successor)]
        floor = self._reached.get(commitment)
        answers = self._pool.every(
            lambda node: questions.minted(node, addresses, recipient, commitment, floor)
        )
        self._reach(commitment, [slot for slot, _ in answers])
        return self._agreed(f"mint {successor}", [answer for _, answer in answers])

    def send(self, transaction: bytes) -> None:
        """To every node: one that loses what it is sent must not stop a mint.

        TransactionRefused when every preflight says it would fail and nothing says it landed.

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
        refusals = self._pool.every(
            lambda node: questions.send(node, encoded, config, transaction), at_least=1
        )
        first = refusals[0]
        if first is not None and None not in refusals:
            raise first

    def signature_status(self, signature: str) -> SignatureStatus | None:
        """None needs two nodes that say so; of several sightings the least advanced counts."""
        answers = self._pool.every(lambda node: questions.signature_status(node, signature))
        seen = [status for status in answers if status is not None]
        return min(seen, key=lambda s: questions.COMMITMENTS.index(s.commitment)) if seen else None

    def simulate(self, transaction: bytes) -> Simulation:
        config = {
            "encoding": "base64",
            "commitment": CONFIRMED,
            "sigVerify": False,
            "replaceRecentBlockhash": True,
        }
        encoded = base64.b64encode(transaction).decode()
        dry_run = self._ask(questions.simulation, "simulateTransaction", encoded, config)
        if dry_run.error is not None:
            self._rents.clear()  # it may be the rent's fault
        return dry_run

    def priority_fee(self) -> int:
        """The 75th percentile of recent blocks; 0 where a node does not serve the question."""
        fees = sorted(self._pool.first(questions.recent_fees))
        fee = fees[int((len(fees) - 1) * FEE_PERCENTILE)] if fees else 0
        return min(fee, self._priority_fee_cap)

    def _ask(self, read: Callable[[Any], T], method: str, *params: Any) -> T:
        """`read` runs within the question: an answer it cannot read passes to the next node."""

        async def question(node: RpcNode) -> T:
            return read(await node.call(method, *params))

        return self._pool.first(question)

    def _reach(self, commitment: str, slots: Sequence[int]) -> None:
        """The lowest slot counts, so that no single node can put the floor out of reach."""
        self._reached[commitment] = max(self._reached.get(commitment, 0), min(slots))

    def _agreed(self, about: str, answers: Sequence[T]) -> T:
        answer, count = Counter(answers).most_common(1)[0]
        if not self._is_agreed(about, count, answers):
            raise ProvidersDisagree(f"RPC providers contradict each other: {answers}")
        return answer

    def _is_agreed(self, about: str, count: int, answers: Sequence[object]) -> bool:
        """A contradiction is logged, even when it is outvoted: somebody should look."""
        if count < len(answers):
            log.warning("RPC providers disagree about %s: %s", about, answers)
        return count >= self._pool.must_agree

    def _agreed_transaction(
        self, seen: Sequence[ObservedTransaction | None]
    ) -> ObservedTransaction | None:
        """A null next to a sighting is a node that lags."""
        sighted = [transaction for transaction in seen if transaction is not None]
        if not sighted:
            return None
        transaction, count = Counter(sighted).most_common(1)[0]
        about = f"transaction {transaction.signature}"
        return replace(transaction, agreed=self._is_agreed(about, count, sighted))

    def _agreed_mint(self, seen: Sequence[ObservedMint]) -> ObservedMint:
        """Compared without the slot, of which the lowest counts."""
        slot = min(mint.slot for mint in seen)
        mint, count = Counter(replace(mint, slot=slot) for mint in seen).most_common(1)[0]
        return replace(mint, agreed=self._is_agreed(f"mint {mint.address}", count, seen))
