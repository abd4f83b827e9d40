"""`Upgrades` on DynamoDB: requests, events and attempts in one table, locks in another.

A transition is one TransactWrite (see `dynamodb_transitions`) and costs one call; only a refusal
costs a second one: a strong read of the event, which tells a repetition from a lost race.

How active requests are counted: by a sparse index with keys only (`by_active`), at most one query
per shard. A counter kept in the transaction would be exact, but one item that every open and every
end writes: transactions on it would cancel each other (TransactionConflict) from a few dozen a
second on. A count of lock items would need an index of its own all the same. The index is behind by
well under a second as a rule; it is read for a reserve of three times the cost, not for a promise.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from nft_upgrade.adapters.dynamodb_cursors import cut, read_cursor, write_cursor
from nft_upgrade.adapters.dynamodb_days import read_many
from nft_upgrade.adapters.dynamodb_errors import (
    Pause,
    is_condition_failure,
    persistently,
    read_item,
    storage,
)
from nft_upgrade.adapters.dynamodb_facts import (
    ATTEMPT,
    LAST_SEQUENCE,
    REQUEST,
    active_partition,
    attempt_entry,
    attempt_facts,
    attempt_of,
    due_shard,
    event_entry,
    event_from_image,
    event_of,
    event_partition,
    held_partition,
    moment_text,
    parse_moment,
    readable_event,
    request_facts,
    request_partition,
    upgrade_of,
)
from nft_upgrade.adapters.dynamodb_items import (
    AttemptItem,
    Database,
    EventItem,
    LockItem,
    NftItem,
    RequestItem,
)
from nft_upgrade.adapters.dynamodb_locks import read_lock, read_locks
from nft_upgrade.adapters.dynamodb_transactions import transact
from nft_upgrade.adapters.dynamodb_transitions import Models, assign, present, steps_of
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Lock, LockKind, Status, Transition, Upgrade
from nft_upgrade.ports import DUE_SHARDS, MintAttempt, Page

__all__ = ["DynamoDbUpgrades", "event_from_image"]
COUNTED_PER_CALL = 1000
NOTED = ("run", "due_at", "due_shard", "claimed_height", "submitted")
"""The attributes that bookkeeping may change."""


class DynamoDbUpgrades:
    """The port over a Database, or the tables of a prefix. Safe to share between threads."""

    def __init__(
        self,
        tables: str | Database,
        *,
        pause: Pause = time.sleep,
        trace_id: Callable[[], str | None] = lambda: None,
        on_commit: Callable[[Transition], None] = lambda transition: None,
    ) -> None:
        """`trace_id`: of the call that is being served now; kept with the events it commits.
        `on_commit` is told each transition once, by the call that committed it."""
        database = Database.of(tables)
        self._trace_id = trace_id
        self._on_commit = on_commit
        self._connection = database.connection
        self._models = Models(
            requests=database.bind(RequestItem),
            events=database.bind(EventItem),
            nfts=database.bind(NftItem),
            locks=database.bind(LockItem),
        )
        self._attempts = database.bind(AttemptItem)
        self._upgrades_table = database.table_name(RequestItem)
        self._pause = pause

    # --- requests ------------------------------------------------------------------------------

    def get(self, upgrade_id: str) -> Upgrade | None:
        item = read_item(self._models.requests, upgrade_id, REQUEST)
        return upgrade_of(item) if item else None

    def get_many(self, upgrade_ids: Sequence[str]) -> Mapping[str, Upgrade]:
        keys = [{"upgrade_id": each, "entry": REQUEST} for each in upgrade_ids]
        found = read_many(self._connection, self._upgrades_table, keys, self._pause)
        return {
            item["upgrade_id"]["S"]: upgrade_of(RequestItem.from_raw_data(item)) for item in found
        }

    def commit(self, transition: Transition) -> None:
        transition = replace(transition, event=replace(transition.event, trace_id=self._trace_id()))
        refused = transact(self._connection, steps_of(transition, self._models), self._pause)
        if not refused:
            self._on_commit(transition)
        elif not self._is_committed(transition.event):
            raise refused[0].error

    def of_user(
        self, user_id: str, *, status: Status | None, limit: int, cursor: str | None
    ) -> Page:
        start = _page_start(user_id, cursor) if cursor else None
        has_status = RequestItem.status == status.value if status else None
        with storage():
            found = self._models.requests.by_user.query(
                user_id,
                filter_condition=has_status,
                scan_index_forward=False,
                limit=limit + 1,
                last_evaluated_key=start,
            )
            page, last = cut([upgrade_of(item) for item in found], limit)
        return Page(page, _page_end(last) if last else None)

    def count_active(self, *, at_most: int) -> int:
        count = 0
        with storage():
            for shard in range(DUE_SHARDS):
                for found in self._active_pages(shard):
                    if count >= at_most:
                        return at_most
                    count += found
        return min(count, at_most)

    def due(self, *, before: datetime, limit: int, shard: int = 0) -> Sequence[Upgrade]:
        is_due = RequestItem.due_at <= before
        with storage():
            found = self._models.requests.by_due.query(
                request_partition(shard), is_due, limit=limit
            )
            return [upgrade_of(item) for item in found]

    def queued(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Upgrade], str | None]:
        shard, start = _queue_start(cursor)
        with storage():
            found = self._models.requests.by_due.query(
                request_partition(shard), limit=limit, last_evaluated_key=start
            )
            page = [upgrade_of(item) for item in found]
        if len(page) == limit:
            return page, _queue_end(shard, page[-1])
        return page, write_cursor(str(shard + 1)) if shard + 1 < DUE_SHARDS else None

    def note(self, before: Upgrade, after: Upgrade) -> None:
        old, new = request_facts(before), request_facts(after)
        # As in a transition, only what differs is written, so that what others noted stays; the run
        # is written all the same, since the condition holds it and an update wants an action.
        names = [name for name in NOTED if name == "run" or new[name] != old[name]]
        actions = [assign(self._models.requests, name, new[name]) for name in names]
        # True until somebody commits a transition or numbers another execution.
        is_unmoved = (RequestItem.version == before.version) & (RequestItem.run == before.run)
        if not self._update(self._models.requests(before.id, REQUEST), actions, is_unmoved):
            self._require_noted(after)

    # --- locks, attempts -----------------------------------------------------------------------

    def lock(self, kind: LockKind, name: str) -> Lock | None:
        return read_lock(self._models.locks, kind, name)

    def locks(self, wanted: Sequence[tuple[LockKind, str]]) -> Sequence[Lock | None]:
        return read_locks(self._models.locks, wanted)

    def attempts(self, upgrade_id: str) -> Sequence[MintAttempt]:
        is_attempt = AttemptItem.entry.startswith(ATTEMPT)
        with storage():
            found = self._attempts.query(upgrade_id, is_attempt, consistent_read=True)
            return [attempt_of(item) for item in found]

    def add_attempt(self, attempt: MintAttempt) -> None:
        item = self._attempts(**present(attempt_facts(attempt)))
        is_new = AttemptItem.entry.does_not_exist()
        with storage():
            try:
                persistently(lambda: item.save(is_new), self._pause)
            except PutError as error:
                if not is_condition_failure(error):
                    raise
                self._require_written(attempt)

    def sign_attempt(self, attempt: MintAttempt, signature: bytes) -> MintAttempt:
        item = self._attempts(attempt.upgrade_id, attempt_entry(attempt.number))
        is_written = AttemptItem.message == attempt.message
        # Signing the same message twice gives the same Ed25519 signature: a repetition passes.
        is_unsigned = AttemptItem.signature.does_not_exist()
        is_signed_so = AttemptItem.signature == signature
        actions: list[Action] = [AttemptItem.signature.set(signature)]
        if not self._update(item, actions, is_written & (is_unsigned | is_signed_so)):
            raise VersionConflict("The attempt is another one, or signed otherwise.")
        return replace(attempt, signature=signature)

    # --- events --------------------------------------------------------------------------------

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        is_later = EventItem.entry.between(event_entry(after + 1), event_entry(LAST_SEQUENCE))
        with storage():
            found = self._models.events.query(upgrade_id, is_later, consistent_read=True)
            return [event_of(item) for item in found]

    def unpublished(self, *, before: datetime, limit: int) -> Sequence[UpgradeEvent]:
        return self._waiting(event_partition, EventItem.due_at < before, limit)

    def mark_published(self, event: UpgradeEvent, *, at: datetime) -> None:
        item = self._models.events(event.upgrade_id, event_entry(event.sequence))
        # False once it is marked, and for an event that does not exist: nothing to do either way.
        is_unmarked = EventItem.due_shard.exists()
        actions: list[Action] = [
            EventItem.published_at.set(at),
            EventItem.due_shard.remove(),
            EventItem.due_at.remove(),
        ]
        self._update(item, actions, is_unmarked)

    def hold_back(self, event: UpgradeEvent, *, at: datetime) -> None:
        item = self._models.events(event.upgrade_id, event_entry(event.sequence))
        actions: list[Action] = [
            EventItem.due_shard.set(held_partition(due_shard(event.upgrade_id))),
            EventItem.due_at.set(at),
        ]
        # False once somebody published it after all.
        self._update(item, actions, EventItem.due_shard.exists())

    def held_back(self, *, limit: int) -> Sequence[UpgradeEvent]:
        return self._waiting(held_partition, None, limit)

    # --- how -----------------------------------------------------------------------------------

    def _waiting(
        self, partition: Callable[[int], str], when: Condition | None, limit: int
    ) -> Sequence[UpgradeEvent]:
        """Page after page until enough are found that can be read."""
        with storage():
            shards = [
                self._models.events.by_due.query(partition(shard), when, page_size=limit)
                for shard in range(DUE_SHARDS)
            ]
            oldest = merge(*shards, key=lambda item: (item.due_at, item.upgrade_id, item.entry))
            readable = (event for item in oldest if (event := readable_event(item)))
            return list(islice(readable, limit))

    def _is_committed(self, event: UpgradeEvent) -> bool:
        """Whether an earlier call, perhaps one whose answer was lost, committed this very event."""
        item = read_item(self._models.events, event.upgrade_id, event_entry(event.sequence))
        return item is not None and item.hash == event.hash

    def _active_pages(self, shard: int) -> Iterator[int]:
        start: Any = None
        while True:
            page = self._connection.query(
                self._upgrades_table,
                active_partition(shard),
                index_name="by_active",
                select="COUNT",
                limit=COUNTED_PER_CALL,
                exclusive_start_key=start,
            )
            yield page["Count"]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return

    def _update(
        self, item: RequestItem | EventItem | AttemptItem, actions: list[Action], when: Condition
    ) -> bool:
        """Whether the condition was true."""
        with storage():
            try:
                persistently(lambda: item.update(actions, when), self._pause)
            except UpdateError as error:
                if not is_condition_failure(error):
                    raise
                return False
        return True

    def _require_noted(self, after: Upgrade) -> None:
        """A repetition, or a lost answer: then what stands there is what was to be written."""
        now = self.get(after.id)
        if now is None or _noted(now) != _noted(after):
            raise VersionConflict("Somebody else moved the upgrade first.")

    def _require_written(self, attempt: MintAttempt) -> None:
        """The same attempt, written before, is no conflict; another one of its number is."""
        entry = attempt_entry(attempt.number)
        item = read_item(self._attempts, attempt.upgrade_id, entry)
        if item is None or item.message != attempt.message:
            raise VersionConflict(f"Attempt {attempt.number} was written by somebody else.")


def _noted(upgrade: Upgrade) -> tuple[Any, ...]:
    """What bookkeeping may have changed, and the place it was done at."""
    return (
        upgrade.version,
        upgrade.run,
        upgrade.due_at,
        upgrade.claimed_height,
        upgrade.submitted,
    )


def _page_start(user_id: str, cursor: str) -> dict[str, Any]:
    created_at, upgrade_id = read_cursor(cursor, 2)
    parse_moment(created_at)
    return {
        "user_id": {"S": user_id},
        "created_at": {"S": created_at},
        "upgrade_id": {"S": upgrade_id},
        "entry": {"S": REQUEST},
    }


def _queue_start(cursor: str | None) -> tuple[int, dict[str, Any] | None]:
    """The shard, and after which item in it; ValueError when the cursor is none of ours."""
    if cursor is None:
        return 0, None
    try:
        (shard,), start = read_cursor(cursor, 1), None
    except ValueError:
        shard, due_at, upgrade_id = read_cursor(cursor, 3)
        parse_moment(due_at)
        start = {
            "due_shard": {"S": request_partition(int(shard))},
            "due_at": {"S": due_at},
            "upgrade_id": {"S": upgrade_id},
            "entry": {"S": REQUEST},
        }
    return int(shard), start


def _queue_end(shard: int, last: Upgrade) -> str:
    if last.due_at is None:
        raise ValueError("what is in the queue has a time")
    return write_cursor(str(shard), moment_text(last.due_at), last.id)


def _page_end(last: Upgrade) -> str:
    return write_cursor(moment_text(last.created_at), last.id)
