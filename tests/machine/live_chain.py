"""The real adapter on the real ledger without HTTP: two nodes of one chain in this process.

`SolanaChain` decides as in production (two nodes must agree, what lags is not believed); only its
pool of connections is replaced by one that asks in turn and never waits.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from local.solana import rpc
from local.solana.faults import Faults
from local.solana.ledger import Ledger
from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.solana_rpc import UNUSABLE, RpcPool, RpcRefused, RpcUnreachable
from nft_upgrade.domain.errors import ChainUnavailable
from tests.local.solana_chain import ManualClock

T = TypeVar("T")


class InProcessNode:
    """One node's JSON-RPC, as `RpcNode` gives it, with faults of its own."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        self.number = number
        self.faults = Faults()
        self.fails_next = 0
        self._ledger = ledger

    async def call(self, method: str, *params: Any) -> Any:
        """The result. RpcRefused or RpcUnreachable."""
        if self.fails_next:
            self.fails_next -= 1
            raise RpcUnreachable(f"node {self.number} is down")
        self._ledger.catch_up()
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        with self._ledger.behind(self.faults.lag):
            body = rpc.answer(json.dumps(request).encode(), self._ledger, self.faults)
        answer = json.loads(body)
        if error := answer.get("error"):
            raise RpcRefused(error["code"], error["message"], error.get("data"))
        return answer["result"]

    def heal(self) -> None:
        self.faults = Faults()
        self.fails_next = 0


class InProcessPool:
    """As RpcPool: `first` usable answer, or `every` one and enough of them. Nobody rests."""

    def __init__(self, nodes: Sequence[InProcessNode]) -> None:
        self.must_agree = min(2, len(nodes))
        self._nodes = nodes
        self._loop = asyncio.new_event_loop()

    def first(self, question: Callable[[Any], Awaitable[T]]) -> T:
        for node in self._nodes:
            try:
                return self._ask(question, node)
            except UNUSABLE:
                continue
        raise ChainUnavailable("no node answers")

    def every(
        self, question: Callable[[Any], Awaitable[T]], *, at_least: int | None = None
    ) -> list[T]:
        answers = []
        for node in self._nodes:
            try:
                answers.append(self._ask(question, node))
            except UNUSABLE:
                continue
        if len(answers) < (at_least or self.must_agree):
            raise ChainUnavailable("too few nodes answer")
        return answers

    def close(self) -> None:
        self._loop.close()

    def _ask(self, question: Callable[[Any], Awaitable[T]], node: InProcessNode) -> T:
        async def asked() -> T:
            return await question(node)

        return self._loop.run_until_complete(asked())


class LiveChain(SolanaChain):
    """The port Chain over nodes in this process."""

    def __init__(self, nodes: Sequence[InProcessNode]) -> None:
        super().__init__([f"in-process:{node.number}" for node in nodes])
        self._pool = cast(RpcPool, InProcessPool(nodes))


class OneClock:
    """The product's clock is the chain's: whoever sleeps lets slots pass."""

    def __init__(self, chain_clock: ManualClock) -> None:
        self._chain_clock = chain_clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._chain_clock.moment, UTC)

    def sleep(self, seconds: float) -> None:
        self._chain_clock.moment += seconds
