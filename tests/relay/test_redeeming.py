"""Redeeming tickets: bounded, and none for nobody."""

import asyncio
import threading

import pytest

from nft_upgrade.domain.errors import StorageUnavailable
from relay.redeeming import Redeeming
from tests.relay.harness import Story, World
from tests.relay.test_http import raw
from tests.relay.test_streams import eventually


def test_where_too_many_wait_a_ticket_is_refused_and_who_left_is_forgotten() -> None:
    gate, asked = threading.Event(), []

    def call(name: str) -> None:
        asked.append(name)
        assert gate.wait(5)

    async def scene() -> None:
        redeeming = Redeeming(workers=1, most=2)
        first = asyncio.create_task(redeeming.run(lambda: call("first")))
        left = asyncio.create_task(redeeming.run(lambda: call("left")))
        await asyncio.sleep(0.05)
        with pytest.raises(StorageUnavailable):
            await redeeming.run(lambda: call("one more"))
        left.cancel()
        await asyncio.sleep(0.05)
        last = asyncio.create_task(redeeming.run(lambda: call("last")))
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(first, last)
        assert redeeming.pending == 0
        redeeming.close()

    asyncio.run(scene())
    assert asked == ["first", "last"]


def test_strangers_with_tickets_do_not_hold_up_who_has_a_session() -> None:
    gate = threading.Event()
    with World() as world:
        Story(world)
        world.tickets.wait = lambda: gate.wait(5)
        flood = [
            raw(world, b"GET /api/nft/upgrade/X/events?ticket=%d HTTP/1.1\r\nHost: x\r\n\r\n" % n)
            for n in range(60)
        ]
        assert world.relay is not None
        redeeming = world.relay.redeeming
        eventually(lambda: redeeming.pending == 60)
        with world.open() as stream:
            stream.take(2)
        names = [thread.name for thread in threading.enumerate()]
        assert sum(name.startswith("tickets") for name in names) <= 4
        for sock in flood:
            sock.close()
        eventually(lambda: redeeming.pending == 0)
        gate.set()
