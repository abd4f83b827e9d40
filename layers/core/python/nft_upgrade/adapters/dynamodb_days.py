"""A day's counters: written in 16 partitions, read as one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from pynamodb.connection import Connection

from nft_upgrade.adapters.dynamodb_errors import Pause, persistently, storage
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.stats import DayStats

DAY_SHARDS = 16
"""A partition takes 1,000 write units a second and an event costs two here: 8,000 events."""
ENTRY = "counters"
BATCH = 96
"""DynamoDB's BatchGetItem takes 100 keys; this is six days."""
ROUNDS = 8
_KEYS = frozenset({"projection", "entry"})


def day_partition(prefix: str, day: date, shard: int) -> str:
    """The partition key of one shard."""
    return f"{prefix}day#{day.isoformat()}#{shard:02d}"


def read_days(
    connection: Connection, table: str, prefix: str, first: date, last: date, pause: Pause
) -> list[DayStats]:
    """Each day from first to last, strongly consistent shard by shard."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    counters: dict[str, Counter[str]] = {day.isoformat(): Counter() for day in days}
    keys = [
        {"projection": day_partition(prefix, day, shard), "entry": ENTRY}
        for day in days
        for shard in range(DAY_SHARDS)
    ]
    for start in range(0, len(keys), BATCH):
        for item in _read(connection, table, keys[start : start + BATCH], pause):
            day = item["projection"]["S"].split("#")[-2]
            counters[day].update(_numbers(item))
    return [DayStats(day, counters[day.isoformat()]) for day in days]


def _read(
    connection: Connection, table: str, keys: Sequence[Any], pause: Pause
) -> Iterator[dict[str, Any]]:
    """All of them: what DynamoDB left out is asked for again."""
    wanted = list(keys)
    for number in range(ROUNDS):
        with storage():
            answer = persistently(
                lambda: connection.batch_get_item(table, wanted, consistent_read=True),  # noqa: B023
                pause,
            )
        yield from answer["Responses"].get(table, ())
        wanted = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if not wanted:
            return
        pause(0.05 * 2**number)
    raise StorageUnavailable("DynamoDB leaves keys of a batch unread.")


def _numbers(item: dict[str, Any]) -> dict[str, int]:
    return {name: int(fact["N"]) for name, fact in item.items() if name not in _KEYS}
