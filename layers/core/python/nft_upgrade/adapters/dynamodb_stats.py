"""What analytics keeps, in the table `projections`, one generation beside the other.

| projection                | entry    | what                                                   |
|---------------------------|----------|--------------------------------------------------------|
| generations               | pointer  | `Pointer`                                              |
| g<n>#journey#<upgrade>    | journey  | `Journey`: which events were counted                   |
| g<n>#user#<user>          | stats    | `UserStats`; in the index `by_rank`                    |
| g<n>#firsts               | <level>  | `First`                                                |
| g<n>#day#<date>#<shard>   | counters | a number per counter and per bucket of a duration      |

Nothing here is hot: journeys and users spread by themselves, a day's counters over 16 partitions,
the leaderboard over 8 of the index. One event is one TransactWrite: journey and user on condition
of their version, additions to the days on none (the journey's condition lets them happen once).
"""

import json
import time
from collections.abc import Sequence
from datetime import date
from typing import Any
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from nft_upgrade.adapters import dynamodb_tables as tables
from nft_upgrade.adapters.dynamodb_days import DAY_SHARDS, ENTRY, day_partition, read_days
from nft_upgrade.adapters.dynamodb_errors import Pause, read_item, storage
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_ranks import merged_page, rank, rank_shard
from nft_upgrade.adapters.dynamodb_transactions import Order, Step, transact
from nft_upgrade.adapters.dynamodb_transitions import present
from nft_upgrade.adapters.stats_facts import (
    first_of,
    first_text,
    journey_of,
    journey_text,
    user_of,
    user_text,
)
from nft_upgrade.consumers.stats_ports import Pointer
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.stats import Count, DayStats, First, Journey, LeaderboardPage, UserStats


class ByRank(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The leaderboard's order; a sparse index: only users with a completed upgrade are in it."""

    rank_shard = UnicodeAttribute(hash_key=True)
    rank = UnicodeAttribute(range_key=True)

    class Meta:
        index_name = "by_rank"
        projection = AllProjection()


class StatsItem(Model):
    """Any of them; a day's counters are attributes of their own names."""

    TABLE = tables.PROJECTIONS
    projection = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    facts = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)
    place = UnicodeAttribute(null=True)
    rank_shard = UnicodeAttribute(null=True)
    rank = UnicodeAttribute(null=True)
    by_rank = ByRank()


class DynamoDbStatsStore:
    """`StatsStore`: one generation."""

    def __init__(self, database: Database, generation: int, *, pause: Pause = time.sleep) -> None:
        self._items = database.bind(StatsItem)
        self._table = database.table_name(StatsItem)
        self._connection = database.connection
        self._generation = generation
        self._prefix = prefix(generation)
        self._pause = pause

    def journey(self, upgrade_id: str) -> Journey | None:
        item = read_item(self._items, *self._journey_place(upgrade_id))
        return journey_of(upgrade_id, item.facts) if item else None

    def stats(self, user_id: str) -> UserStats | None:
        item = read_item(self._items, *self._user_place(user_id))
        return user_of(user_id, item.facts) if item else None

    def apply(self, count: Count) -> None:
        refused = transact(self._connection, self._steps(count), self._pause)
        if refused:
            raise refused[0].error

    def days(self, first: date, last: date) -> list[DayStats]:
        return read_days(self._connection, self._table, self._prefix, first, last, self._pause)

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        return merged_page(self._items.by_rank, self._generation, limit=limit, cursor=cursor)

    def firsts(self) -> list[First]:
        with storage():
            return [first_of(item.facts) for item in self._items.query(f"{self._prefix}firsts")]

    # --- what one event writes ---------------------------------------------------------------

    def _steps(self, count: Count) -> Sequence[Step]:
        journey, stats = count.journey, count.stats
        steps = [
            self._replace(
                self._items(
                    *self._journey_place(journey.upgrade_id),
                    facts=journey_text(journey),
                    version=journey.version,
                )
            ),
            self._replace(
                self._items(
                    *self._user_place(stats.user_id),
                    facts=user_text(stats),
                    version=stats.version,
                    **present({"rank": rank(stats), "rank_shard": self._rank_shard(stats)}),
                )
            ),
            *(self._add(count, day) for day in count.days),
        ]
        return [*steps, self._claim(count.first)] if count.first else steps

    def _replace(self, item: StatsItem) -> Step:
        # True while the item is the one that this count was made from.
        is_unmoved = (
            StatsItem.projection.does_not_exist()
            if item.version == 1
            else StatsItem.version == item.version - 1
        )
        return Step(
            Order.PUT,
            lambda write: write.save(item, is_unmoved),
            lambda _: VersionConflict("The statistics moved."),
        )

    def _add(self, count: Count, day: date) -> Step:
        # All counts of one upgrade go to one shard, so that the spread needs no memory.
        shard = crc32(count.event.upgrade_id.encode()) % DAY_SHARDS
        item = self._items(day_partition(self._prefix, day, shard), ENTRY)
        grow: list[Action] = [Path([name]).add(by) for name, by in count.days[day].items()]
        return Step(
            Order.UPDATE,
            lambda write: write.update(item, grow),
            lambda _: VersionConflict("The day's counters have no condition."),
        )

    def _claim(self, first: First) -> Step:
        item = self._items(f"{self._prefix}firsts", f"{first.level:04d}", facts=first_text(first))
        item.place = first.place
        # True when nobody reached the level earlier; once false it stays so: places only fall.
        is_first = StatsItem.place.does_not_exist() | (StatsItem.place > first.place)
        return Step(
            Order.PUT,
            lambda write: write.save(item, is_first),
            lambda _: VersionConflict("Another was first."),
            may_be_left_out=True,
        )

    def _rank_shard(self, stats: UserStats) -> str | None:
        return rank_shard(self._generation, stats.user_id) if stats.reached else None

    def _journey_place(self, upgrade_id: str) -> tuple[str, str]:
        return f"{self._prefix}journey#{upgrade_id}", "journey"

    def _user_place(self, user_id: str) -> tuple[str, str]:
        return f"{self._prefix}user#{user_id}", "stats"


class DynamoDbGenerations:
    """`Generations`."""

    def __init__(self, database: Database, *, pause: Pause = time.sleep) -> None:
        self._database = database
        self._items = database.bind(StatsItem)
        self._pause = pause
        self._stores: dict[int, DynamoDbStatsStore] = {}

    def pointer(self) -> Pointer:
        return self._read()[0]

    def store(self, generation: int) -> DynamoDbStatsStore:
        if generation not in self._stores:
            store = DynamoDbStatsStore(self._database, generation, pause=self._pause)
            self._stores[generation] = store
        return self._stores[generation]

    def begin(self) -> int:
        pointer, version = self._read()
        generation = pointer.last + 1
        self._write(Pointer(pointer.current, generation, generation), version)
        return generation

    def switch(self, generation: int) -> None:
        pointer, version = self._read()
        if pointer.building != generation:
            raise VersionConflict("Another rebuild took over.")
        self._write(Pointer(generation, None, pointer.last), version)

    def abandon(self, generation: int) -> None:
        pointer, version = self._read()
        if pointer.building == generation:
            self._write(Pointer(pointer.current, None, pointer.last), version)

    def drop(self, generation: int) -> int:
        pointer = self.pointer()
        if generation in pointer.counted_into or generation > pointer.last:
            raise ValueError(f"Generation {generation} is in use.")
        is_inside = StatsItem.projection.startswith(prefix(generation))
        with storage(), self._items.batch_write() as batch:
            items = list(self._items.scan(is_inside))
            for item in items:
                batch.delete(item)
        return len(items)

    def _read(self) -> tuple[Pointer, int]:
        item = read_item(self._items, "generations", "pointer")
        return (Pointer(**json.loads(item.facts)), int(item.version)) if item else (Pointer(), 0)

    def _write(self, pointer: Pointer, version: int) -> None:
        """Raises VersionConflict when somebody moved it since it was read at `version`."""
        facts = json.dumps(
            {"current": pointer.current, "building": pointer.building, "last": pointer.last}
        )
        item = self._items("generations", "pointer", facts=facts, version=version + 1)
        is_unmoved = (
            StatsItem.version == version if version else StatsItem.projection.does_not_exist()
        )
        step = Step(
            Order.PUT,
            lambda write: write.save(item, is_unmoved),
            lambda _: VersionConflict("Another rebuild took over."),
        )
        if transact(self._database.connection, [step], self._pause):
            raise VersionConflict("Another rebuild took over.")


class DynamoDbStats:
    """`Statistics`: the current generation, one for each answer."""

    def __init__(self, database: Database) -> None:
        self._generations = DynamoDbGenerations(database)

    def stats(self, user_id: str) -> UserStats | None:
        return self._current().stats(user_id)

    def with_firsts(self, user_id: str) -> tuple[UserStats | None, Sequence[First]]:
        store = self._current()
        return store.stats(user_id), store.firsts()

    def days(self, first: date, last: date) -> list[DayStats]:
        return self._current().days(first, last)

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        return self._current().leaderboard(limit=limit, cursor=cursor)

    def _current(self) -> DynamoDbStatsStore:
        return self._generations.store(self._generations.pointer().current)


def prefix(generation: int) -> str:
    """Of every partition key in it."""
    return f"g{generation}#"
