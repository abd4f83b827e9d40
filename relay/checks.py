"""Streams against the table: what records did not bring, the table has.

1. A gap waits a moment before the table is asked: a user's records come from several partitions,
   and the missing one is usually in the same fetch.
2. All streams are checked when Kafka is back, slowly all the time, and every few seconds while
   Kafka does not answer: an outage makes streams late, never wrong.
3. A check whose read failed is owed, and made as soon as the table answers. Without that, one
   failed read at the moment Kafka came back would leave its streams late until the slow round.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable

from relay.hub import Hub
from relay.logs import about
from relay.reads import Reader
from relay.replay import frame_of

log = logging.getLogger(__name__)

GAP_PATIENCE_SECONDS = 0.02
Spawn = Callable[[Coroutine[None, None, None]], None]


class Checks:
    """Everything is called in the event loop; `spawn` runs a coroutine beside the caller."""

    def __init__(self, hub: Hub, reader: Reader, *, at_a_time: int, spawn: Spawn) -> None:
        self._hub = hub
        self._reader = reader
        self._at_a_time = at_a_time
        self._spawn = spawn
        self._waiting: set[str] = set()
        self._owed: OrderedDict[str, None] = OrderedDict()

    def gap(self, upgrade_id: str) -> None:
        """An event came before its turn: fill the gap, unless it fills itself."""
        if upgrade_id not in self._waiting:
            self._waiting.add(upgrade_id)
            loop = asyncio.get_running_loop()
            loop.call_later(GAP_PATIENCE_SECONDS, self._fill_gap, upgrade_id)

    def _fill_gap(self, upgrade_id: str) -> None:
        self._waiting.discard(upgrade_id)
        if self._hub.has_gap(upgrade_id):
            self._spawn(self._check(upgrade_id))

    async def check_all(self) -> None:
        """Every open stream, a few reads at a time."""
        self._owed = OrderedDict.fromkeys(self._hub.upgrade_ids())
        await self._pay()

    async def for_ever(
        self, *, step: float, every: float, is_connected: Callable[[], bool]
    ) -> None:
        """What is owed at every step; everything every so often, at every step during an outage."""
        waited = 0.0
        while True:
            await asyncio.sleep(step)
            waited += step
            if not is_connected() or waited >= every:
                waited = 0.0
                await self.check_all()
            else:
                await self._pay()

    async def _pay(self) -> None:
        """Until nothing is owed, or a whole batch failed: then the table does not answer."""
        while self._owed:
            count = min(self._at_a_time, len(self._owed))
            some = [self._owed.popitem(last=False)[0] for _ in range(count)]
            if not any(await self._check_several(some)):
                return

    async def _check_several(self, upgrade_ids: Iterable[str]) -> list[bool]:
        return await asyncio.gather(*map(self._succeeds, upgrade_ids))

    async def _check(self, upgrade_id: str) -> None:
        await self._succeeds(upgrade_id)

    async def _succeeds(self, upgrade_id: str) -> bool:
        """Send everything the table has and a stream has not; False: it is owed again."""
        seen = self._hub.seen(upgrade_id)
        if seen is None:
            return True
        try:
            history = await self._reader.read(upgrade_id, after=seen)
        except Exception as error:  # noqa: BLE001 - whatever storage raises: ask again, later
            log.warning("table: %s: %s", type(error).__name__, error, extra=about(upgrade_id))
            self._owed[upgrade_id] = None
            return False
        self._hub.fill(upgrade_id, [frame_of(event) for event in history.events])
        return True
