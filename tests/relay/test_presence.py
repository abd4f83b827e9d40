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
    assert presence.kept["wallet-59"].until == NOW + timedelta(seconds=60)


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
    assert presence.watch("wallet-1") is not None


def test_an_outage_is_counted_and_the_next_pass_writes() -> None:
    presence = FakePresence()
    presence.is_away = True
    marking = marks(presence, [b"wallet-1"])
    asyncio.run(passes(marking, 1))
    assert (marking.failures, presence.batches) == (1, [])
    presence.is_away = False
    asyncio.run(passes(marking, 1))
    assert presence.batches == [1]


class Watching:
    """One user at one relay whose marks hold for a fifth of a second."""

    def __init__(self) -> None:
        self.presence = FakePresence()
        self.users: list[bytes] = []
        self._marking = PresenceMarks(
            self.presence,
            life=0.2,
            users=lambda: self.users,
            now=lambda: datetime.now(UTC),
            random=lambda: 1.0,
        )

    async def passed(self, seconds: float, *, is_open: bool) -> datetime:
        """A pass so much later; when it began."""
        await asyncio.sleep(seconds)
        self.users[:] = [b"wallet-1"] if is_open else []
        begun = datetime.now(UTC)
        await self._marking.mark_due()
        return begun

    def since(self) -> datetime:
        return self.presence.kept["wallet-1"].since


def test_a_watch_begins_with_the_pass_before_the_one_that_finds_it() -> None:
    """The stream was opened between the two."""

    async def live() -> None:
        world = Watching()
        await world.passed(0, is_open=False)
        before = await world.passed(0.02, is_open=False)
        found = await world.passed(0.02, is_open=True)
        assert before <= world.since() < found

    asyncio.run(live())


def test_a_reconnect_goes_on_with_the_watch_and_a_later_visit_begins_another() -> None:
    async def live() -> None:
        world = Watching()
        await world.passed(0, is_open=True)
        first = world.since()
        await world.passed(0.05, is_open=False)
        await world.passed(0.05, is_open=True)
        await world.passed(0.08, is_open=True)
        assert (len(world.presence.batches), world.since()) == (2, first)
        gone = await world.passed(0.3, is_open=False)
        await world.passed(0.02, is_open=True)
        assert world.since() >= gone

    asyncio.run(live())


async def passes(marking: PresenceMarks, count: int) -> None:
    for _ in range(count):
        await marking.mark_due()
