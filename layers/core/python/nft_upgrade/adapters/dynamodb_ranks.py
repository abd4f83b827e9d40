"""The leaderboard in the index `by_rank`: written in 8 partitions, read as one."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any
from zlib import crc32

from nft_upgrade.adapters.dynamodb_cursors import cut, read_cursor, write_cursor
from nft_upgrade.adapters.dynamodb_errors import storage
from nft_upgrade.adapters.stats_facts import user_of
from nft_upgrade.domain.stats import LeaderboardPage, RankedUser, UserStats

RANK_SHARDS = 8
"""A partition of an index takes 1,000 write units a second: 8,000 completed upgrades here."""
LATEST_MILLISECOND = 9_999_999_999_999
MAX_PAGE = 100


def rank(stats: UserStats) -> str | None:
    """Sorts by level, then the earlier time above the later one; None: not on the board."""
    reached_at = stats.reached_at
    if reached_at is None:
        return None
    return f"{stats.ranked_level:04d}#{_time_left(reached_at):013d}#{stats.user_id}"


def rank_shard(generation: int, user_id: str) -> str:
    """Where the user stands in the index."""
    return _shard(generation, crc32(user_id.encode()) % RANK_SHARDS)


def merged_page(index: Any, generation: int, *, limit: int, cursor: str | None) -> LeaderboardPage:
    """The best of all shards below the cursor. A page costs `limit` + 1 rows of each shard.

    A cursor is the last row's rank and position: it holds in every generation.
    """
    size = min(limit, MAX_PAGE)
    after, position = _read(cursor) if cursor is not None else (None, 0)
    with storage():
        shards = [_best(index, generation, shard, after, size + 1) for shard in range(RANK_SHARDS)]
        found = list(islice(merge(*shards, key=lambda item: item.rank, reverse=True), size + 1))
    page, last = cut(found, size)
    rows = [RankedUser(position + n, _stats(item)) for n, item in enumerate(page, 1)]
    return LeaderboardPage(rows, _write(last, position + size) if last else None)


def _best(index: Any, generation: int, shard: int, after: str | None, limit: int) -> Iterator[Any]:
    is_below = type(index).rank < after if after else None
    return iter(
        index.query(
            _shard(generation, shard),
            range_key_condition=is_below,
            scan_index_forward=False,
            limit=limit,
            page_size=limit,
        )
    )


def _shard(generation: int, number: int) -> str:
    return f"g{generation}#{number}"


def _time_left(moment: datetime) -> int:
    return LATEST_MILLISECOND - int(moment.timestamp() * 1000)


def _stats(item: Any) -> UserStats:
    return user_of(str(item.rank).split("#", 2)[2], item.facts)


def _write(last: Any, position: int) -> str:
    return write_cursor(str(last.rank), str(position))


def _read(cursor: str) -> tuple[str, int]:
    """ValueError when the text is none of ours."""
    after, position = read_cursor(cursor, 2)
    level, left, user_id = _parts(after.split("#", 2))
    if not all(text.isascii() and text.isdigit() for text in (level, left, position)):
        raise ValueError("not a cursor of ours")
    if not user_id or len(position) > 9:
        raise ValueError("not a cursor of ours")
    return after, int(position)


def _parts(parts: Sequence[str]) -> Sequence[str]:
    if len(parts) != 3:
        raise ValueError("not a cursor of ours")
    return parts
