"""Reads of the table: shared, few at a time, and none for nobody."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import pytest

from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Upgrade
from relay.reads import MOST_TOGETHER, Reader
from relay.replay import History
from tests.relay.harness import STRANGER, Story, World, bearer
from tests.relay.test_http import raw
from tests.relay.test_streams import eventually


class SlowTable:
    """An `EventTable` without upgrades that answers once `gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.calls: list[tuple[str, ...]] = []

    def get_many(self, upgrade_ids: Sequence[str]) -> Mapping[str, Upgrade]:
        self.calls.append(tuple(upgrade_ids))
        assert self.gate.wait(5)
        if "unreadable" in upgrade_ids:
            raise ValueError("not an upgrade")
        if "away" in upgrade_ids:
            raise StorageUnavailable("the table is away")
        return {}

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        raise AssertionError("there is no upgrade")


Answer = asyncio.Task[History]


async def asking(reader: Reader, *upgrade_ids: str) -> list[Answer]:
    tasks = [asyncio.create_task(_ask(reader, each)) for each in upgrade_ids]
    await asyncio.sleep(0.05)
    return tasks


async def _ask(reader: Reader, upgrade_id: str) -> History:
    return await reader.read(upgrade_id, after=0, is_opening=True)


def test_a_read_that_nobody_waits_for_any_more_is_not_made() -> None:
    table = SlowTable()

    async def scene() -> None:
        reader = Reader(table, workers=1)
        await asking(reader, "a")
        left, shared, other = await asking(reader, "left", "shared", "shared")
        left.cancel()
        shared.cancel()
        await asyncio.sleep(0.05)
        assert reader.waiting == 1
        table.gate.set()
        await other
        reader.close()

    asyncio.run(scene())
    assert table.calls == [("a",), ("shared",)]


def test_where_too_many_wait_openings_are_refused_and_checks_are_not() -> None:
    table = SlowTable()

    async def scene() -> None:
        reader = Reader(table, workers=1, most=1)
        await asking(reader, "running")
        await asking(reader, "waiting")
        with pytest.raises(StorageUnavailable):
            await reader.read("one more", after=0, is_opening=True)
        (same,) = await asking(reader, "waiting")
        check = asyncio.create_task(reader.read("live", after=0))
        await asyncio.sleep(0.05)
        table.gate.set()
        await asyncio.gather(same, check)
        reader.close()

    asyncio.run(scene())
    assert table.calls == [("running",), ("waiting", "live")]


def test_what_is_asked_while_a_call_runs_is_read_together_a_hundred_in_a_call() -> None:
    table = SlowTable()
    crowd = [f"u{n}" for n in range(MOST_TOGETHER + 1)]

    async def scene() -> None:
        reader = Reader(table, workers=1)
        first = await asking(reader, "first")
        others = await asking(reader, *crowd)
        table.gate.set()
        answers = await asyncio.gather(*first, *others)
        assert all(answer.snapshot is None for answer in answers)
        reader.close()

    asyncio.run(scene())
    assert table.calls == [("first",), tuple(crowd[:-1]), (crowd[-1],)]


def test_an_upgrade_that_cannot_be_read_takes_nobody_else_s_answer() -> None:
    table = SlowTable()
    table.gate.set()

    async def scene() -> None:
        reader = Reader(table, workers=1)
        good, bad = await asking(reader, "good", "unreadable")
        assert (await good).snapshot is None
        with pytest.raises(ValueError, match="not an upgrade"):
            await bad
        assert (reader.reads, reader.failures) == (2, 1)
        reader.close()

    asyncio.run(scene())
    assert table.calls == [("good", "unreadable"), ("good",), ("unreadable",)]


def test_a_table_that_is_away_is_not_asked_again_for_each() -> None:
    table = SlowTable()
    table.gate.set()

    async def scene() -> None:
        reader = Reader(table, workers=1)
        for each in await asking(reader, "one", "away"):
            with pytest.raises(StorageUnavailable):
                await each
        reader.close()

    asyncio.run(scene())
    assert table.calls == [("one", "away")]


def test_a_flood_of_one_user_s_openings_holds_nobody_else_up() -> None:
    """The ninth at once is told to come back; what is abandoned is not read."""
    gate = threading.Event()
    with World(relay_read_workers=1) as world, ExitStack() as open_sockets:
        Story(world)
        world.table.meanwhile = lambda: gate.wait(5)
        auth = bearer(STRANGER)["Authorization"]
        heads = [
            f"GET /api/nft/upgrade/X{n}/events HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\n\r\n"
            for n in range(12)
        ]
        flood = [open_sockets.enter_context(raw(world, heads[0].encode()))]
        eventually(lambda: world.figure("table_reads_total") == 1)
        flood += [open_sockets.enter_context(raw(world, head.encode())) for head in heads[1:]]
        eventually(lambda: world.figure("table_reads_waiting") == 7)
        with world.open("X99", headers=bearer(STRANGER)) as answer:
            assert answer.status == 200
            assert list(answer.messages()) == []
        for each in flood:
            each.close()
        eventually(lambda: world.figure("table_reads_waiting") == 0)
        gate.set()
        world.open().close()
    assert world.table.reads == 2
