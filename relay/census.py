"""The limit per user across processes: what each tells the others, and what it does about it.

Pure, like the hub; records go out and come in through relay/control.py. A user's tabs may land on
different processes, and each process alone would allow the limit again.

1. Whenever a user's streams change, the process tells when each of that user's was opened: always
   the whole list, so a later record makes up for a lost one.
2. Who hears of an opening and has streams of the same user tells its own list in turn. Only lists
   of users with streams here are kept.
3. A moment later, when the others have answered, each process ranks all of the user's streams by
   age and ends its own among those that are too many. A process that was not heard since the
   opening does not count: it may be dead, and its streams gone.
4. Every process is heard twice a second. One that is heard for the first time, or again, is told
   everything, so nothing need be kept for whoever is away.

So the limit holds within about a second, and only eventually: while Kafka is away each process
keeps it for itself, as without a census. An evicted stream's id tells its reconnect to stay away at
any process, so two processes cannot evict each other's newcomers in turn.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from relay.hub import Hub

BEAT_SECONDS = 0.5
SETTLE_SECONDS = 1.0
"""From an opening to the judgement: the time for an answer, which takes up to one beat."""
SILENT_SECONDS = 3.0
USERS_PER_RECORD = 2_000
"""About 150 kB; brokers take 1 MB."""


class Census:
    """One process's knowledge of the others' streams. Times are seconds of the hub's clock."""

    def __init__(self, process_id: str, hub: Hub, *, per_user: int) -> None:
        self._id = process_id
        self._hub = hub
        self._per_user = per_user
        self._heard: dict[str, float] = {}
        self._lists: dict[bytes, dict[str, tuple[float, ...]]] = {}
        # The first and the last opening not judged yet.
        self._asked: dict[bytes, tuple[float, float]] = {}
        self._owed: set[bytes] = set()
        self._tells_all = False
        self.evicted = 0
        self.bad_records = 0

    @property
    def others(self) -> int:
        """Processes heard of late."""
        return len(self._heard)

    def beat(self, now: float) -> list[bytes]:
        """What to tell now; ends what is due. Call it every `BEAT_SECONDS`."""
        self._forget_silent(now)
        self._judge_due(now)
        changed = self._hub.take_changed()
        for message_key in changed:
            self._tidy(message_key)
        if not self._heard:
            return [self._record({})]
        for message_key in (key for key, is_opening in changed.items() if is_opening):
            self._ask(message_key, now)
        return list(self._records(self._entries(changed)))

    def hear(self, value: bytes, now: float) -> None:
        """A record of any process, this one's own among them."""
        try:
            told = json.loads(value)
            process, users = str(told["process"]), dict(told["users"])
            if process == self._id:
                return
            if process not in self._heard:
                self._tells_all = True
            self._heard[process] = now
            for user_id, entry in users.items():
                self._note(process, user_id.encode(), entry, now)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.bad_records += 1

    def repeat(self) -> None:
        """A record was not sent: tell everything again."""
        self._tells_all = True

    # --- telling ------------------------------------------------------------------------------

    def _entries(self, changed: Mapping[bytes, bool]) -> dict[bytes, bool]:
        """Of whom to tell; True: an opening, which asks for answers."""
        entries = dict.fromkeys(self._owed, False) | dict(changed)
        if self._tells_all:
            entries |= dict.fromkeys(self._hub.users(), True)
        self._owed, self._tells_all = set(), False
        return entries

    def _records(self, entries: Mapping[bytes, bool]) -> Iterator[bytes]:
        rows = iter(entries.items())
        while part := dict(islice(rows, USERS_PER_RECORD)):
            yield self._record(part)
        if not entries:
            yield self._record({})

    def _record(self, entries: Mapping[bytes, bool]) -> bytes:
        users = {
            message_key.decode(): [self._hub.opened_at(message_key), asks]
            for message_key, asks in entries.items()
        }
        text = json.dumps({"process": self._id, "users": users}, separators=(",", ":"))
        return text.encode()

    # --- hearing ------------------------------------------------------------------------------

    def _note(self, process: str, message_key: bytes, entry: Any, now: float) -> None:
        if not self._hub.listens(message_key):
            return
        opened_at, asks = tuple(map(float, entry[0])), bool(entry[1])
        self._lists.setdefault(message_key, {})[process] = opened_at
        if asks:
            self._owed.add(message_key)
            self._ask(message_key, now)

    def _tidy(self, message_key: bytes) -> None:
        if not self._hub.listens(message_key):
            self._lists.pop(message_key, None)
            self._asked.pop(message_key, None)

    def _forget_silent(self, now: float) -> None:
        self._heard = {p: at for p, at in self._heard.items() if now - at < SILENT_SECONDS}
        if not self._heard:
            self._lists.clear()
            self._asked.clear()

    # --- judging ------------------------------------------------------------------------------

    def _ask(self, message_key: bytes, now: float) -> None:
        first, _ = self._asked.get(message_key, (now, now))
        self._asked[message_key] = (first, now)

    def _judge_due(self, now: float) -> None:
        """From the first opening on, so that whoever keeps opening does not put it off."""
        due = [key for key, (first, _) in self._asked.items() if now - first >= SETTLE_SECONDS]
        for message_key in due:
            first, last = self._asked.pop(message_key)
            if last > first:
                self._asked[message_key] = (last, last)
            self._judge(message_key, since=first)

    def _judge(self, message_key: bytes, *, since: float) -> None:
        own = [(opened_at, self._id) for opened_at in self._hub.opened_at(message_key)]
        ranked = sorted((*own, *self._elsewhere(message_key, since)))
        too_many = ranked[: max(0, len(ranked) - self._per_user)]
        count = sum(process == self._id for _, process in too_many)
        self.evicted += count
        self._hub.evict_oldest(message_key, count)

    def _elsewhere(self, message_key: bytes, since: float) -> Iterable[tuple[float, str]]:
        for process, opened_at in self._lists.get(message_key, {}).items():
            if self._heard.get(process, 0.0) > since:
                yield from ((moment, process) for moment in opened_at)
