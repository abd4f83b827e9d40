"""Redeeming tickets: a few at a time, in threads of their own.

Anybody may present a ticket, so here is where strangers can make the relay ask the table. They must
not take the threads that others need, nor queue without bound.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.ports import TicketGrant

WORKERS = 4
MOST_WAITING = 1024
"""At ten milliseconds each the last waits two and a half seconds."""


class Redeeming:
    """Runs a blocking call; one that nobody waits for any more is not begun."""

    def __init__(self, *, workers: int = WORKERS, most: int = MOST_WAITING) -> None:
        """`most` calls under way and waiting."""
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="tickets")
        self._most = most
        self.pending = 0

    async def run(self, call: Callable[[], TicketGrant | None]) -> TicketGrant | None:
        """What `call` returns or raises; StorageUnavailable where too many wait."""
        if self.pending >= self._most:
            raise StorageUnavailable("Too many tickets wait.")
        self.pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self.pending -= 1

    def close(self) -> None:
        """Begin no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
