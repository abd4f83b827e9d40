"""Adapters that are imported and built when they are first asked something.

The Solana client is a third of the API's cold start, and most routes ask the chain nothing. A fault
while building (no RPC URLs can be read) is the asking route's own, and the next call tries again.
"""

from collections.abc import Callable
from typing import Any


class Later:
    """Whatever `build` makes; `build` keeps what it made (`functools.cache`)."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what asks for these wants to know the class, not the adapter
            raise AttributeError(name)
        return getattr(self._build(), name)


def later(build: Callable[[], Any]) -> Any:
    """Typed by whoever returns it: `def chain() -> Chain: return later(_chain)`."""
    return Later(build)
