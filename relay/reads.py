"""Strong reads of the table: shared per upgrade, many upgrades in one call, few calls at a time."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Upgrade
from relay.replay import History, snapshot_of

MOST_TOGETHER = 100
"""Upgrades in one call: DynamoDB's limit for a BatchGetItem."""
PACE_SECONDS = 0.005
"""From the beginning of one call to that of the next. A reconnect that comes alone is read at once;
of a storm's, those of a moment are read together: a call costs a change of threads, and DynamoDB
answers for a hundred items nearly as fast as for one."""
MOST_WAITING = 8192
"""Upgrades that may wait for a read before openings are turned away. Should all of them have news,
a call takes half a second (a query each, five milliseconds), and with eight workers the last waits
five; who is turned away is told to come back after as much."""


class EventTable(Protocol):
    """The part of `Upgrades` that the relay reads."""

    def get_many(self, upgrade_ids: Sequence[str]) -> Mapping[str, Upgrade]:
        """At most 100 by id, strongly consistent, without those that are none."""

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
        """`workers` calls at a time; `most` upgrades wait for one."""
        self._table = table
        self._workers = workers
        self._most = most
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="table")
        # Ordered: the first of a plain dict is found by walking over all that were taken before.
        self._queued: OrderedDict[str, _Read] = OrderedDict()
        self._running: set[asyncio.Future[None]] = set()
        self._began_at = 0.0
        self._next: asyncio.TimerHandle | None = None
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
        self._start_soon()
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

    def _start_soon(self) -> None:
        if self._queued and self._next is None and len(self._running) < self._workers:
            wait = self._began_at + PACE_SECONDS - time.monotonic()
            self._next = asyncio.get_running_loop().call_later(max(0.0, wait), self._start)

    def _start(self) -> None:
        self._next = None
        count = min(MOST_TOGETHER, len(self._queued))
        if not count:
            return
        self._began_at = time.monotonic()
        jobs = dict(self._queued.popitem(last=False) for _ in range(count))
        running = asyncio.get_running_loop().create_task(self._run(jobs))
        self._running.add(running)
        running.add_done_callback(self._ended)
        self._start_soon()

    def _ended(self, running: asyncio.Future[None]) -> None:
        self._running.discard(running)
        self._start_soon()

    async def _run(self, jobs: Mapping[str, _Read]) -> None:
        loop = asyncio.get_running_loop()
        self.reads += len(jobs)
        wanted = {upgrade_id: job.after for upgrade_id, job in jobs.items()}
        try:
            answers = await loop.run_in_executor(self._pool, self._look, wanted)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            answers = dict.fromkeys(jobs, error)
        for upgrade_id, job in jobs.items():
            self._settle(job.outcome, answers[upgrade_id])

    def _settle(self, outcome: asyncio.Future[History], answer: History | Exception) -> None:
        self.failures += isinstance(answer, Exception)
        if outcome.done():
            return
        if isinstance(answer, History):
            outcome.set_result(answer)
            return
        outcome.set_exception(answer)
        # Nobody may be waiting any more; that is no news for the log.
        outcome.exception()

    # --- in a worker's thread -----------------------------------------------------------------

    def _look(self, wanted: Mapping[str, int]) -> Mapping[str, History | Exception]:
        """The upgrades first: what is committed later reaches the streams as a record. So a stream
        that is up to date costs one read of one item."""
        try:
            found = self._table.get_many(list(wanted))
        except StorageUnavailable:
            raise
        except Exception:
            if len(wanted) == 1:
                raise
            # An item that cannot be read takes nobody else's answer.
            return {each: self._alone(each, after) for each, after in wanted.items()}
        return {each: self._history(found.get(each), after) for each, after in wanted.items()}

    def _alone(self, upgrade_id: str, after: int) -> History | Exception:
        try:
            return self._look({upgrade_id: after})[upgrade_id]
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return error

    def _history(self, upgrade: Upgrade | None, after: int) -> History | Exception:
        if upgrade is None:
            return History(None, ())
        try:
            has_news = upgrade.version > after
            events = self._table.events(upgrade.id, after=after) if has_news else ()
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return error
        return History(snapshot_of(upgrade), events)
