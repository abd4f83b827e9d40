"""Strong reads of the table: coalesced per upgrade, and never more than so many at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Upgrade
from relay.replay import History, snapshot_of

MOST_WAITING = 4096
"""Upgrades that may wait for a read before openings are turned away. At ten milliseconds a read and
eight workers the last waits five seconds; who is turned away is told to come back after as much."""


class EventTable(Protocol):
    """The part of `Upgrades` that the relay reads."""

    def get(self, upgrade_id: str) -> Upgrade | None:
        """Strongly consistent; None when there is none."""

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        """Events with a sequence above `after`, in order, strongly consistent."""


class _Read:
    """One read that has not begun yet; whoever asks meanwhile shares it."""

    __slots__ = ("after", "askers", "outcome")

    def __init__(self, after: int, outcome: asyncio.Future[History]) -> None:
        self.after = after
        self.askers = 0
        self.outcome = outcome


class Reader:
    """The table from the event loop.

    A read is shared only until it begins: one that is already under way may not see what the
    asker was woken by. One that nobody waits for any more is not begun.
    """

    def __init__(self, table: EventTable, *, workers: int, most: int = MOST_WAITING) -> None:
        """`workers` reads at a time; `most` wait for one."""
        self._table = table
        self._workers = workers
        self._most = most
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="table")
        # Ordered: the first of a plain dict is found by walking over all that were taken before.
        self._queued: OrderedDict[str, _Read] = OrderedDict()
        self._running: set[asyncio.Future[None]] = set()
        self.reads = 0
        self.failures = 0

    @property
    def waiting(self) -> int:
        """Reads that wait for a worker."""
        return len(self._queued)

    async def read(self, upgrade_id: str, *, after: int, is_opening: bool = False) -> History:
        """The upgrade and at least its events after `after`, as of a moment after this call.

        Raises what the port raises. An opening is refused (StorageUnavailable) where too many wait
        already; the checks of streams that are live never are.
        """
        job = self._queued.get(upgrade_id)
        if job is None:
            if is_opening and len(self._queued) >= self._most:
                raise StorageUnavailable("Too many reads of the table wait.")
            job = self._enqueue(upgrade_id, after)
        job.after = min(job.after, after)
        job.askers += 1
        self._start_some()
        try:
            # Shielded: one asker's leaving must not take the answer from the others.
            return await asyncio.shield(job.outcome)
        finally:
            job.askers -= 1
            if not job.askers and self._queued.get(upgrade_id) is job:
                del self._queued[upgrade_id]

    def _enqueue(self, upgrade_id: str, after: int) -> _Read:
        job = _Read(after, asyncio.get_running_loop().create_future())
        self._queued[upgrade_id] = job
        return job

    def close(self) -> None:
        """Begin no more reads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start_some(self) -> None:
        while self._queued and len(self._running) < self._workers:
            upgrade_id, job = self._queued.popitem(last=False)
            running = asyncio.ensure_future(self._run(upgrade_id, job))
            self._running.add(running)
            running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Future[None]) -> None:
        self._running.discard(running)
        self._start_some()

    async def _run(self, upgrade_id: str, job: _Read) -> None:
        loop = asyncio.get_running_loop()
        self.reads += 1
        try:
            history = await loop.run_in_executor(self._pool, self._look, upgrade_id, job.after)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            self.failures += 1
            _fail(job.outcome, error)
        else:
            if not job.outcome.done():
                job.outcome.set_result(history)

    def _look(self, upgrade_id: str, after: int) -> History:
        """The request first: what is committed later reaches the streams as a record. So a stream
        that is up to date costs one read of one item."""
        upgrade = self._table.get(upgrade_id)
        if upgrade is None:
            return History(None, ())
        events = self._table.events(upgrade_id, after=after) if upgrade.version > after else ()
        return History(snapshot_of(upgrade), events)


def _fail(outcome: asyncio.Future[History], error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
        # Nobody may be waiting any more; that is no news for the log.
        outcome.exception()
