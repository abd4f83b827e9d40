"""The relay marks who has a stream, and a table that is away is no stream's trouble."""

import asyncio
from datetime import UTC, datetime, timedelta

from relay.presence import PresenceMarks
from tests.fakes.notification import FakePresence

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def marks(presence: FakePresence, users: list[bytes], life: float = 60.0) -> PresenceMarks:
    return PresenceMarks(
        presence, life=life, users=lambda: users, now=lambda: NOW, random=lambda: 1.0
    )


def test_users_are_marked_25_to_a_write_and_not_again_before_it_is_due() -> None:
    presence = FakePresence()
    marking = marks(presence, [f"wallet-{n}".encode() for n in range(60)])
    asyncio.run(passes(marking, 3))
    assert presence.batches == [25, 25, 10]
    assert presence.seen_until("wallet-59") == NOW + timedelta(seconds=60)


def test_a_mark_is_renewed_before_it_runs_out_and_stays_when_the_user_leaves() -> None:
    presence, users = FakePresence(), [b"wallet-1"]
    marking = marks(presence, users, life=0.1)

    async def live() -> None:
        await marking.mark_due()
        await asyncio.sleep(0.08)
        await marking.mark_due()
        users.clear()
        await asyncio.sleep(0.08)
        await marking.mark_due()

    asyncio.run(live())
    assert presence.batches == [1, 1]
    assert presence.seen_until("wallet-1") is not None


def test_an_outage_is_counted_and_the_next_pass_writes() -> None:
    presence = FakePresence()
    presence.is_away = True
    marking = marks(presence, [b"wallet-1"])
    asyncio.run(passes(marking, 1))
    assert (marking.failures, presence.batches) == (1, [])
    presence.is_away = False
    asyncio.run(passes(marking, 1))
    assert presence.batches == [1]


async def passes(marking: PresenceMarks, count: int) -> None:
    for _ in range(count):
        await marking.mark_due()
