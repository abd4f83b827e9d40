"""Faults that tests order: the next calls of a method go wrong in a given way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from local.solana.errors import InvalidParams
from local.solana.messages import decode_transaction
from local.solana.params import Params

ANY_METHOD = "*"


class Fault(StrEnum):
    """What goes wrong."""

    DROP_SEND = "drop-send"
    """`sendTransaction` answers the signature, and nothing ever lands."""
    NULL = "null"
    """The answer is null (or each value in it), as from a node that lags behind."""
    ERROR_500 = "error-500"
    """HTTP 500 with a body that is not JSON."""
    TOO_MANY = "429"
    """HTTP 429 with Retry-After."""


HTTP_FAULTS = {Fault.ERROR_500: 500, Fault.TOO_MANY: 429}


@dataclass(slots=True)
class Faults:
    """How often each fault is still to happen, by method."""

    _left: dict[tuple[str, Fault], int] = field(default_factory=dict)

    def order(self, method: str, kind: str, count: int) -> None:
        """`count` 0 takes the order back."""
        if kind not in list(Fault):
            raise InvalidParams(f"unknown kind {kind}; known are {', '.join(Fault)}")
        self._left[(method, Fault(kind))] = count

    @property
    def any_left(self) -> bool:
        return any(self._left.values())

    def http_status(self, methods: list[str]) -> int | None:
        """The status that a request naming these methods gets instead of an answer."""
        for fault, status in HTTP_FAULTS.items():
            if any(self._take(method, fault) for method in methods):
                return status
        return None

    def around(self, method: str, call: Callable[[], Any], params: Params) -> Any:
        """What `method` answers, gone wrong if that was ordered."""
        if method == "sendTransaction" and self._take(method, Fault.DROP_SEND):
            return _signature_in(params)
        result = call()
        return _nulled(result) if self._take(method, Fault.NULL) else result

    def _take(self, method: str, fault: Fault) -> bool:
        for name in (method, ANY_METHOD):
            left = self._left.get((name, fault), 0)
            if left > 0:
                self._left[(name, fault)] = left - 1
                return True
        return False


def _signature_in(params: Params) -> str:
    transaction = decode_transaction(params.text(0), params.config(1).text("encoding", "base58"))
    return str(transaction.signatures[0])


def _nulled(result: Any) -> Any:
    if not isinstance(result, dict) or "context" not in result:
        return None
    value = result["value"]
    return {**result, "value": [None] * len(value) if isinstance(value, list) else None}
