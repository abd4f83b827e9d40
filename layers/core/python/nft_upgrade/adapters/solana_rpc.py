"""JSON-RPC to one or more Solana nodes: solana-py's async client behind a synchronous front.

- `first` asks node after node until one answers: for questions where a wrong answer costs a retry.
- `every` asks all of them at once and gives at least as many answers as must agree: two, or one
  when only one node is configured. Who decides what agreement is: the caller.

A node that fails is left alone for a while (rpc_circuit.py); after a 429 with Retry-After, for as
long as it asks. A question waits for resting nodes for PATIENCE seconds, then it has no answer, and
the workflow asks again. Every request has a time-out, and once enough nodes have answered, the
others have GRACE seconds left.

Every node proves once that it serves the right cluster (genesis hash) before it is asked anything
else; a node that does not is never believed. Results are plain JSON: the typed parsers of the
libraries refuse what they do not know yet, and nodes are newer than libraries. Nodes are named by
their number in the list, never by URL: URLs hold access tokens.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import httpx2
from pydantic import ValidationError
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.jsonrpc import JsonRpcRequest, SolanaJsonRpcError

from nft_upgrade.adapters.rpc_circuit import Circuit
from nft_upgrade.domain.errors import ChainUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that one question waits for nodes that rest, all in all."""
GRACE = 1.0
"""Seconds that slower nodes have once enough have answered."""
TOO_MANY_REQUESTS = 429
UNASKED_REST = 1.0
"""Seconds of rest after a 429 that does not say how long."""
OF_THE_REQUEST = frozenset({-32600, -32601, -32602, -32002, -32003, -32013, -32015, -32016})
"""JSON-RPC errors that say something about the question, not about the node's health."""


class RpcRefused(Exception):
    """The node answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(f"{message} ({code})")
        self.code, self.message, self.data = code, message, data


class RpcUnreachable(Exception):
    """The node did not answer in time, or not in JSON-RPC, or for another cluster.

    `retry_after`: seconds for which it asked to be left alone."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


UNUSABLE = (RpcRefused, RpcUnreachable, LookupError, TypeError, ValueError)
"""What a node can do wrong; the last three are answers in a shape that is none of RPC's."""


class RpcNode:
    """One node; lives on the pool's event loop."""

    def __init__(self, number: int, url: str, pinned: "PinnedGenesis", timeout: float) -> None:
        self.number = number
        self.circuit = Circuit(time.monotonic)
        self._client = AsyncClient(url, timeout=timeout)
        self._pinned = pinned
        self._timeout = timeout
        self._is_checked = False
        self._checking = asyncio.Lock()

    async def call(self, method: str, *params: Any) -> Any:
        """The `result` of one request. RpcRefused or RpcUnreachable."""
        await self._check_cluster()
        return await self._request(method, *params)

    async def close(self) -> None:
        await self._client.close()

    async def _check_cluster(self) -> None:
        """Once per process and node, however many questions begin at the same time."""
        async with self._checking:
            if not self._is_checked:
                self._pinned.require(await self._request("getGenesisHash"))
                self._is_checked = True

    async def _request(self, method: str, *params: Any) -> Any:
        request = JsonRpcRequest(method=method, params=list(params))
        try:
            async with asyncio.timeout(self._timeout):
                return await self._client.send_rpc_request(request, Any)
        except SolanaJsonRpcError as error:
            raise RpcRefused(error.code, error.message, error.data) from error
        except (SolanaRpcException, ValidationError, TimeoutError) as error:
            retry_after = _retry_after(error.__cause__)
            raise RpcUnreachable(f"{method}: {error!r}", retry_after=retry_after) from error


class PinnedGenesis:
    """The genesis hash all nodes must show; unset, the first one's answer."""

    def __init__(self, genesis_hash: str | None) -> None:
        self._genesis_hash = genesis_hash

    def require(self, shown: str) -> None:
        if self._genesis_hash is None:
            self._genesis_hash = shown
        if shown != self._genesis_hash:
            raise RpcUnreachable(f"another cluster: genesis hash {shown}")


Question = Callable[[RpcNode], Awaitable[T]]


class RpcPool:
    """All configured nodes, in order of preference. The thread and the clients are made on first
    use, so that making a pool costs nothing and a process may fork before."""

    def __init__(self, urls: Sequence[str], *, genesis_hash: str | None, timeout: float) -> None:
        if not urls:
            raise ValueError("at least one RPC url is needed")
        self.must_agree = min(2, len(urls))
        self._urls = tuple(urls)
        self._pinned = PinnedGenesis(genesis_hash)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nodes: list[RpcNode] = []

    def first(self, question: Question[T]) -> T:
        """The first usable answer. Errors of the domain are answers too, and are raised."""
        return self._run(self._first(question))

    def every(self, question: Question[T], *, at_least: int | None = None) -> list[T]:
        """All usable answers, at least so many (`must_agree` when left out); ChainUnavailable."""
        return self._run(self._every(question, at_least or self.must_agree))

    def close(self) -> None:
        """End connections and thread; a later call starts them again."""
        with self._lock:
            if self._loop is None:
                return
            self._submit(self._close_nodes())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = None

    async def _first(self, question: Question[T]) -> T:
        inquiry = _Inquiry(self._nodes, at_least=1)
        while True:
            for node in await inquiry.ready():
                try:
                    answer = await question(node)
                except UNUSABLE as error:
                    inquiry.failed(node, error)
                else:
                    node.circuit.succeeded()
                    return answer

    async def _every(self, question: Question[T], at_least: int) -> list[T]:
        inquiry = _Inquiry(self._nodes, at_least=at_least)
        answers: list[T] = []
        while len(answers) < at_least:
            ready = await inquiry.ready()
            answers += await _asked_together(question, ready, inquiry, at_least - len(answers))
        return answers

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            self._start()
        return self._submit(work)

    def _submit(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _start(self) -> None:
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="solana-rpc", daemon=True
        )
        self._thread.start()
        self._nodes = self._submit(self._open_nodes())

    async def _open_nodes(self) -> list[RpcNode]:
        return [
            RpcNode(number, url, self._pinned, self._timeout)
            for number, url in enumerate(self._urls, start=1)
        ]

    async def _close_nodes(self) -> None:
        for node in self._nodes:
            await node.close()


class _Inquiry:
    """One question: whom it may still ask, why others had no answer, how long it may wait."""

    def __init__(self, nodes: Sequence[RpcNode], *, at_least: int) -> None:
        self._nodes = list(nodes)
        self._missing = at_least
        self._reasons: list[str] = []
        self._deadline = time.monotonic() + PATIENCE

    async def ready(self) -> list[RpcNode]:
        """The nodes to ask now; ChainUnavailable when too few are ready in time."""
        rests = sorted(node.circuit.rest for node in self._nodes)
        if len(rests) < self._missing:
            raise self._unavailable()
        wait = rests[self._missing - 1]
        if time.monotonic() + wait > self._deadline:
            raise self._unavailable()
        await asyncio.sleep(wait)
        return [node for node in self._nodes if node.circuit.rest == 0]

    def answered(self, node: RpcNode) -> None:
        node.circuit.succeeded()
        self._nodes.remove(node)
        self._missing -= 1

    def failed(self, node: RpcNode, error: Exception) -> None:
        """It rests; or, when only this question was refused, it is asked no more about it."""
        self._reasons.append(f"provider {node.number}: {error}")
        if isinstance(error, RpcRefused) and error.code in OF_THE_REQUEST:
            self._nodes.remove(node)
            return
        retry_after = error.retry_after if isinstance(error, RpcUnreachable) else None
        seconds = node.circuit.failed(retry_after=retry_after)
        log.warning("RPC provider %d rests for %.2f s: %s", node.number, seconds, error)

    def _unavailable(self) -> ChainUnavailable:
        reasons = "; ".join(self._reasons) or "every provider rests after failures"
        return ChainUnavailable(f"Solana did not answer: {reasons}")


async def _asked_together(
    question: Question[T], nodes: Sequence[RpcNode], inquiry: _Inquiry, needed: int
) -> list[T]:
    """The answers; once there are as many as needed, slower nodes have GRACE seconds left."""
    waiting = {asyncio.ensure_future(_asked(question, node)): node for node in nodes}
    answers: list[T] = []
    try:
        while waiting:
            timeout = GRACE if len(answers) >= needed else None
            done, _ = await asyncio.wait(
                waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            for task in done:
                answers += _answer_of(task, waiting.pop(task), inquiry)
    finally:
        for task, node in waiting.items():
            task.cancel()
            inquiry.failed(node, RpcUnreachable("slower than the others"))
    return answers


def _answer_of(task: "asyncio.Task[T]", node: RpcNode, inquiry: _Inquiry) -> list[T]:
    """One answer or none. Errors of the domain are raised."""
    try:
        answer = task.result()
    except UNUSABLE as error:
        inquiry.failed(node, error)
        return []
    inquiry.answered(node)
    return [answer]


async def _asked(question: Question[T], node: RpcNode) -> T:
    return await question(node)


def _retry_after(error: BaseException | None) -> float | None:
    """Seconds that a 429 asks for; None for anything else."""
    if not isinstance(error, httpx2.HTTPStatusError):
        return None
    if error.response.status_code != TOO_MANY_REQUESTS:
        return None
    # The header may also hold a date; nodes send seconds.
    told = error.response.headers.get("retry-after", "")
    return float(told) if told.isdigit() else UNASKED_REST
