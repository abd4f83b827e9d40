"""Two callers at once: the slower one decides again, on what the faster one left."""

from collections.abc import Callable
from typing import TypeVar

from nft_upgrade.domain.errors import VersionConflict

T = TypeVar("T")


def settled(decide: Callable[[], T]) -> T:
    """What `decide` returns; once more after a VersionConflict, so it must read anew each time."""
    try:
        return decide()
    except VersionConflict:
        return decide()
