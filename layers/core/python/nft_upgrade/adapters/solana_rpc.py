"""JSON-RPC to one or more Solana nodes: solana-py's async client behind a synchronous front.

- `first` asks node after node until one answers: for questions where a wrong answer costs a retry.
- `every` asks all of them at once and gives at least as many answers as must agree: two, or one
  when only one node is configured. Who decides what agreement is: the caller.

Every node proves once that it serves the right cluster (genesis hash) before it is asked anything
else; a node that does not is never believed. Results are plain JSON: the typed parsers of the
libraries refuse what they do not know yet, and nodes are newer than libraries.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.jsonrpc import JsonRpcRequest, SolanaJsonRpcError

from nft_upgrade.domain.errors import ChainUnavailable

T = TypeVar("T")


class RpcRefused(Exception):
    """The node answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(f"{message} ({code})")
        self.code, self.message, self.data = code, message, data


class RpcUnreachable(Exception):
    """The node did not answer in time, or not in JSON-RPC, or for another cluster."""


UNUSABLE = (RpcRefused, RpcUnreachable, LookupError, TypeError, ValueError)
"""What a node can do wrong; the last three are answers in a shape that is none of RPC's."""


class RpcNode:
    """One node; lives on the pool's event loop."""

    def __init__(self, url: str, pinned: "PinnedGenesis", timeout: float) -> None:
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
            raise RpcUnreachable(f"{method}: {error!r}") from error


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

    def every(self, question: Question[T]) -> list[T]:
        """All usable answers, at least `must_agree`; else ChainUnavailable."""
        return self._run(self._every(question))

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
        reasons = []
        for node in self._nodes:
            try:
                return await question(node)
            except UNUSABLE as error:
                reasons.append(error)
        raise _unavailable(reasons)

    async def _every(self, question: Question[T]) -> list[T]:
        asked = (_asked(question, node) for node in self._nodes)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        reasons = [answer for answer in answers if isinstance(answer, UNUSABLE)]
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, UNUSABLE):
                raise answer
        usable = [answer for answer in answers if not isinstance(answer, BaseException)]
        if len(usable) < self.must_agree:
            raise _unavailable(reasons)
        return usable

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
        return [RpcNode(url, self._pinned, self._timeout) for url in self._urls]

    async def _close_nodes(self) -> None:
        for node in self._nodes:
            await node.close()


async def _asked(question: Question[T], node: RpcNode) -> T:
    return await question(node)


def _unavailable(reasons: Sequence[Exception]) -> ChainUnavailable:
    return ChainUnavailable("Solana did not answer: " + "; ".join(map(str, reasons)))
