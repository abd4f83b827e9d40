"""Reads of the table: shared, few at a time, and none for nobody."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Upgrade
from relay.reads import Reader
from tests.relay.harness import STRANGER, Story, World, bearer
from tests.relay.test_http import raw
from tests.relay.test_streams import eventually


class SlowTable:
    """An `EventTable` without upgrades that answers once `gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked: list[str] = []

    def get(self, upgrade_id: str) -> Upgrade | None:
        self.asked.append(upgrade_id)
        assert self.gate.wait(5)
        return None

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        raise AssertionError("there is no upgrade")


async def asking(reader: Reader, *upgrade_ids: str) -> list["asyncio.Task[object]"]:
    tasks = [asyncio.create_task(_ask(reader, each)) for each in upgrade_ids]
    await asyncio.sleep(0.05)
    return tasks


async def _ask(reader: Reader, upgrade_id: str) -> object:
    return await reader.read(upgrade_id, after=0, is_opening=True)


def test_a_read_that_nobody_waits_for_any_more_is_not_made() -> None:
    table = SlowTable()

    async def scene() -> None:
        reader = Reader(table, workers=1)
        _, left, shared, other = await asking(reader, "a", "left", "shared", "shared")
        left.cancel()
        shared.cancel()
        await asyncio.sleep(0.05)
        assert reader.waiting == 1
        table.gate.set()
        await other
        reader.close()

    asyncio.run(scene())
    assert table.asked == ["a", "shared"]


def test_where_too_many_wait_openings_are_refused_and_checks_are_not() -> None:
    table = SlowTable()

    async def scene() -> None:
        reader = Reader(table, workers=1, most=1)
        await asking(reader, "running", "waiting")
        with pytest.raises(StorageUnavailable):
            await reader.read("one more", after=0, is_opening=True)
        (same,) = await asking(reader, "waiting")
        check = asyncio.create_task(reader.read("live", after=0))
        await asyncio.sleep(0.05)
        table.gate.set()
        await asyncio.gather(same, check)
        reader.close()

    asyncio.run(scene())
    assert table.asked == ["running", "waiting", "live"]


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
        flood = [open_sockets.enter_context(raw(world, head.encode())) for head in heads]
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
