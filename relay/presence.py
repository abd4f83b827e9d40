"""Tells the table who watches, so that nobody is mailed what they see live.

1. A user's mark is written when the first stream is seen and again before it runs out, at most so
   often, 25 users to a call. One write unit per user and renewal: with marks of 60 s some 80 to 90
   an hour.
2. A mark is never taken back. A completed upgrade ends its streams, and the notification is decided
   a moment later: by then the user must still count as having watched.
3. One pass at a time, in a thread of its own. A table that does not answer makes marks late, which
   at worst is a mail too many; streams do not notice.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from nft_upgrade.ports import Presence

log = logging.getLogger(__name__)
BATCH = 25
"""Items of one BatchWriteItem."""
PASS_SECONDS = 2.0
RENEW_AT = 0.75
"""Of a mark's life; what is left covers a pass, a slow write and other machines' clocks."""


class PresenceMarks:
    """Marks of one process. Everything is called in the event loop."""

    def __init__(
        self,
        presence: Presence,
        *,
        life: float,
        users: Callable[[], Iterable[bytes]],
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        """`life`: seconds a mark holds; `users`: message keys of those with an open stream."""
        self._presence = presence
        self._life = life
        self._users = users
        self._now = now
        self._random = random
        self._renewals: dict[bytes, float] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="presence")
        self.written = 0
        self.failures = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.mark_due()
            await asyncio.sleep(min(PASS_SECONDS, self._life / 8))

    async def mark_due(self) -> None:
        """One pass: mark who is not marked or soon no longer, forget who has left."""
        loop = asyncio.get_running_loop()
        users = set(self._users())
        self._renewals = {user: due for user, due in self._renewals.items() if user in users}
        due = [user for user in users if self._renewals.get(user, 0.0) <= loop.time()]
        for start in range(0, len(due), BATCH):
            some = due[start : start + BATCH]
            until = self._now() + timedelta(seconds=self._life)
            names = [user.decode() for user in some]
            try:
                await loop.run_in_executor(self._pool, self._mark, names, until)
            except Exception as error:  # noqa: BLE001 - whatever storage raises: the next pass tries
                self.failures += 1
                log.warning("presence: %s: %s", type(error).__name__, error)
                return
            self._marked(some, loop.time())

    def close(self) -> None:
        """Begin no more writes."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _mark(self, user_ids: list[str], until: datetime) -> None:
        self._presence.mark(user_ids, until=until)

    def _marked(self, users: list[bytes], at: float) -> None:
        """A little apart, so that a restart's reconnects are not renewed as one wave."""
        self.written += len(users)
        for user in users:
            share = RENEW_AT * (0.9 + 0.1 * self._random())
            self._renewals[user] = at + self._life * share
