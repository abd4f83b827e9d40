"""What one node does wrong, as tests order it: calls that go wrong, and how far it lags.

Faults of the chain itself, the same for all its nodes, are the ledger's: skipped slots, forks,
finality, payers without money.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from solders.transaction import VersionedTransaction

from local.solana import lies
from local.solana.errors import InvalidParams
from local.solana.messages import decode_transaction
from local.solana.params import Params

ANY_METHOD = "*"


class Fault(StrEnum):
    """How a call goes wrong."""

    DROP_SEND = "drop-send"
    """`sendTransaction` answers the signature, and nothing ever lands."""
    NULL = "null"
    """The answer is null (or each value in it), as from a node that never saw what is asked for."""
    LIE = "lie"
    """The answer is well formed and wrong (lies.py)."""
    ERROR_500 = "error-500"
    """HTTP 500 with a body that is not JSON."""
    TOO_MANY = "429"
    """HTTP 429; Retry-After is the order's `seconds`."""
    GARBAGE = "garbage"
    """HTTP 200 with a body that is not JSON."""
    STALL = "stall"
    """The answer is held back for the order's `seconds`."""


@dataclass(frozen=True, slots=True)
class HttpFault:
    """An answer that is none of JSON-RPC's. `retry_after` in seconds, None: no such header."""

    status: int
    body: bytes
    retry_after: int | None = None


@dataclass(slots=True)
class Order:
    """How many more calls go wrong, and the seconds that belong to it."""

    left: int
    seconds: float


@dataclass(slots=True)
class Faults:
    """What is still to go wrong on one node."""

    lag: int = 0
    """Slots that this node's reads are behind; what it is sent reaches the cluster at once."""
    loses: Callable[[VersionedTransaction], bool] = lambda transaction: False
    """Whether a sent transaction is lost on the way."""
    calls: Counter[str] = field(default_factory=Counter)
    """How often each method was called on this node, right or wrong."""
    _orders: dict[tuple[str, Fault], Order] = field(default_factory=dict)

    def order(self, method: str, kind: str, count: int, *, seconds: float = 1.0) -> None:
        """The next `count` calls of `method` (`*`: any) go wrong; 0 takes the order back."""
        if kind not in list(Fault):
            raise InvalidParams(f"unknown kind {kind}; known are {', '.join(Fault)}")
        self._orders[(method, Fault(kind))] = Order(count, seconds)

    @property
    def any_left(self) -> bool:
        return any(order.left for order in self._orders.values())

    def stall(self, methods: list[str]) -> float:
        """Seconds for which the answer to these methods is held back."""
        order = self._first(methods, Fault.STALL)
        return order.seconds if order else 0.0

    def http(self, methods: list[str]) -> HttpFault | None:
        """What a request naming these methods gets instead of an answer."""
        if order := self._first(methods, Fault.TOO_MANY):
            return HttpFault(429, b"ordered by a test\n", int(order.seconds))
        if self._first(methods, Fault.ERROR_500):
            return HttpFault(500, b"ordered by a test\n")
        if self._first(methods, Fault.GARBAGE):
            return HttpFault(200, b"<html>ordered by a test</html>\n")
        return None

    def around(self, method: str, call: Callable[[], Any], params: Params) -> Any:
        """What `method` answers, gone wrong if that was ordered."""
        self.calls[method] += 1
        if method == "sendTransaction" and self._is_lost(params):
            return str(_sent(params).signatures[0])
        result = call()
        if self._take(method, Fault.NULL):
            return _nulled(result)
        return lies.told(method, result) if self._take(method, Fault.LIE) else result

    def _is_lost(self, params: Params) -> bool:
        is_ordered = self._take("sendTransaction", Fault.DROP_SEND) is not None
        return is_ordered or self.loses(_sent(params))

    def _first(self, methods: list[str], fault: Fault) -> Order | None:
        taken = (self._take(method, fault) for method in methods)
        return next((order for order in taken if order), None)

    def _take(self, method: str, fault: Fault) -> Order | None:
        for name in (method, ANY_METHOD):
            order = self._orders.get((name, fault))
            if order is not None and order.left > 0:
                order.left -= 1
                return order
        return None


def _sent(params: Params) -> VersionedTransaction:
    return decode_transaction(params.text(0), params.config(1).text("encoding", "base58"))


def _nulled(result: Any) -> Any:
    if not isinstance(result, dict) or "context" not in result:
        return None
    value = result["value"]
    return {**result, "value": [None] * len(value) if isinstance(value, list) else None}
