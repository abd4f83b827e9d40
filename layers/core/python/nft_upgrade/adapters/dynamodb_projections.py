"""What the consumers keep, in the table `projections`.

| projection                      | entry                  | what                              |
|---------------------------------|------------------------|-----------------------------------|
| user#<user>                     | stats                  | UserStats; in the index `by_rank` |
| counted#<upgrade>               | <sequence>             | analytics has counted this event  |
| audit#<upgrade>                 | <sequence>             | AuditEntry                        |
| dead#<consumer>                 | <topic-partition-...>  | DeadLetter                        |

`facts` is JSON text. Errors: see dynamodb_errors.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from nft_upgrade.adapters import dynamodb_tables as tables
from nft_upgrade.adapters.dynamodb_errors import (
    CONDITION_FAILED,
    Pause,
    is_condition_failure,
    persistently,
    storage,
)
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.consumers.ports import (
    AuditEntry,
    DeadLetter,
    LeaderboardPage,
    UserStats,
)
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent, iso, parse_iso
from nft_upgrade.messages import from_record, to_record

RANK_SHARD = "all"
"""One shard carries 1,000 completed upgrades a second, DynamoDB's limit of one partition."""
LATEST_MILLISECOND = 9_999_999_999_999
MAX_PAGE = 100


class ByRank(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The leaderboard's order; a sparse index: only users with a completed upgrade are in it."""

    rank_shard = UnicodeAttribute(hash_key=True)
    rank = UnicodeAttribute(range_key=True)

    class Meta:
        index_name = "by_rank"
        projection = AllProjection()


class Row(Model):
    """One item; `Database.bind` makes the class that knows its table."""

    TABLE = tables.PROJECTIONS
    projection = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    facts = UnicodeAttribute()
    version = NumberAttribute(null=True)
    rank_shard = UnicodeAttribute(null=True)
    rank = UnicodeAttribute(null=True)
    by_rank = ByRank()


class DynamoDbStats:
    """`StatsStore`."""

    def __init__(self, database: Database, *, pause: Pause = time.sleep) -> None:
        self._table = database.bind(Row)
        self._connection = database.connection
        self._pause = pause

    def stats(self, user_id: str) -> UserStats | None:
        row = _get(self._table, f"user#{user_id}", "stats")
        return _stats(row) if row else None

    def was_counted(self, upgrade_id: str, sequence: int) -> bool:
        return _get(self._table, f"counted#{upgrade_id}", _place(sequence)) is not None

    def count(self, event: UpgradeEvent, after: UserStats) -> bool:
        marker = self._table(f"counted#{event.upgrade_id}", _place(event.sequence), facts="{}")
        row = self._table(f"user#{after.user_id}", "stats", **_stats_attributes(after))
        # True for the version this count was made from; a user's first row must not exist.
        is_unmoved = (
            self._table.projection.does_not_exist()
            if after.version == 1
            else self._table.version == after.version - 1
        )

        def write_both() -> None:
            with TransactWrite(connection=self._connection) as write:
                write.save(marker, condition=self._table.projection.does_not_exist())
                write.save(row, condition=is_unmoved)

        with storage():
            try:
                persistently(write_both, self._pause)
            except TransactWriteError as error:
                return _decide_count(error)
        return True

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        with storage():
            found = self._table.by_rank.query(
                RANK_SHARD,
                scan_index_forward=False,
                limit=min(limit, MAX_PAGE),
                page_size=min(limit, MAX_PAGE),
                last_evaluated_key=_read_cursor(cursor),
            )
            page = [_stats(row) for row in found]
            return LeaderboardPage(page, _write_cursor(found.last_evaluated_key))


class DynamoDbAuditTrail:
    """`AuditTrail`."""

    def __init__(self, database: Database) -> None:
        self._table = database.bind(Row)

    def entry(self, upgrade_id: str, sequence: int) -> AuditEntry | None:
        row = _get(self._table, f"audit#{upgrade_id}", _place(sequence))
        return _audit_entry(row) if row else None

    def append(self, entry: AuditEntry) -> bool:
        record = json.loads(to_record(entry.event).value)
        facts = {"recordedAt": iso(entry.recorded_at), "record": record}
        place = _place(entry.event.sequence)
        return _put_new(self._table, f"audit#{entry.event.upgrade_id}", place, facts)

    def entries(self, upgrade_id: str) -> Sequence[AuditEntry]:
        return [_audit_entry(row) for row in _query(self._table, f"audit#{upgrade_id}")]


class DynamoDbDeadLetters:
    """`DeadLetters`."""

    def __init__(self, database: Database) -> None:
        self._table = database.bind(Row)

    def bury(self, letter: DeadLetter) -> None:
        # An embedded broker counts its offsets from 0 after a restart: the value's hash tells
        # such records apart.
        digest = hashlib.sha256(letter.value.encode()).hexdigest()[:16]
        entry = f"{letter.topic}-{letter.partition}-{letter.offset:012d}-{digest}"
        facts = {**asdict(letter), "at": iso(letter.at)}
        _put_new(self._table, f"dead#{letter.consumer}", entry, facts)

    def letters(self, consumer: str) -> Sequence[DeadLetter]:
        return [_letter(row) for row in _query(self._table, f"dead#{consumer}")]


# --- rows -----------------------------------------------------------------------------------------


def _get(table: type[Row], projection: str, entry: str) -> Row | None:
    with storage():
        try:
            return table.get(projection, entry, consistent_read=True)
        except DoesNotExist:
            return None


def _query(table: type[Row], projection: str) -> list[Row]:
    with storage():
        return list(table.query(projection, consistent_read=True))


def _put_new(table: type[Row], projection: str, entry: str, facts: Mapping[str, Any]) -> bool:
    """False: something is there already, and stays."""
    with storage():
        try:
            table(projection, entry, facts=_text(facts)).save(table.projection.does_not_exist())
        except PutError as error:
            if is_condition_failure(error):
                return False
            raise
    return True


def _decide_count(error: TransactWriteError) -> bool:
    """Which item stopped the transaction: the marker (counted before) or the user's row."""
    codes = [reason.code if reason else None for reason in error.cancellation_reasons]
    if codes[:1] == [CONDITION_FAILED]:
        return False
    if CONDITION_FAILED in codes:
        raise VersionConflict("The user's statistics moved.") from error
    raise error


def _place(sequence: int) -> str:
    return f"{sequence:08d}"


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)


# --- facts ----------------------------------------------------------------------------------------

_TIMES = ("reached_at", "last_opened_at", "last_completed_at", "last_event_at")


def _stats_attributes(stats: UserStats) -> dict[str, Any]:
    facts = asdict(stats)
    facts |= {name: iso(facts[name]) for name in _TIMES if facts[name]}
    attributes: dict[str, Any] = {"facts": _text(facts), "version": stats.version}
    if stats.upgrades_completed and stats.reached_at:
        attributes |= {"rank_shard": RANK_SHARD, "rank": _rank(stats, stats.reached_at)}
    return attributes


def _rank(stats: UserStats, reached_at: datetime) -> str:
    """Sorts by level, then the earlier time above the later one."""
    left = LATEST_MILLISECOND - int(reached_at.timestamp() * 1000)
    return f"{stats.level:04d}#{left:013d}#{stats.user_id}"


def _stats(row: Row) -> UserStats:
    facts = json.loads(row.facts)
    facts |= {name: parse_iso(facts[name]) for name in _TIMES if facts[name]}
    return UserStats(**facts)


def _audit_entry(row: Row) -> AuditEntry:
    facts = json.loads(row.facts)
    return AuditEntry(from_record(_text(facts["record"])), parse_iso(facts["recordedAt"]))


def _letter(row: Row) -> DeadLetter:
    facts = json.loads(row.facts)
    return DeadLetter(**{**facts, "at": parse_iso(facts["at"])})


# --- cursors --------------------------------------------------------------------------------------


def _write_cursor(last: Mapping[str, Any] | None) -> str | None:
    """The index key of the last row; the rest follows from it."""
    if not last:
        return None
    return base64.urlsafe_b64encode(last["rank"]["S"].encode()).decode()


def _read_cursor(cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    rank = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    level, left, user_id = rank.split("#", 2)
    if not (level.isdigit() and left.isdigit() and user_id):
        raise ValueError("not a cursor of ours")
    return {
        "rank_shard": {"S": RANK_SHARD},
        "rank": {"S": rank},
        "projection": {"S": f"user#{user_id}"},
        "entry": {"S": "stats"},
    }
