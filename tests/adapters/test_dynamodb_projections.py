"""What the consumers keep, in DynamoDB: once, together, and readable again."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_projections import (
    DynamoDbAuditTrail,
    DynamoDbDeadLetters,
    DynamoDbStats,
)
from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.consumers.audit import Audit
from nft_upgrade.consumers.ports import (
    AuditEntry,
    DeadLetter,
    UserStats,
)
from nft_upgrade.domain.errors import StorageUnavailable, VersionConflict
from tests.fakes.events import START, STEP, FakeMeter, FixedClock, story
from tests.fixtures.aws import AwsEndpoint


@pytest.fixture(scope="module")
def database(aws: AwsEndpoint) -> Database:
    return Database("nft-upgrade-")


@pytest.fixture
def name() -> str:
    """Ids of this test's own: the table is the session's."""
    return uuid4().hex[:12]


def at_once(tasks: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_statistics_come_back_as_they_were_written(database: Database, name: str) -> None:
    store = DynamoDbStats(database)
    events = story(f"up-{name}", name)
    assert store.stats(name) is None
    for event in events:
        Analytics(store, FakeMeter()).take(event)
    stats = store.stats(name)
    assert stats == UserStats(
        user_id=name,
        level=2,
        reached_at=START + 8 * STEP,
        upgrades_opened=1,
        burns_confirmed=1,
        upgrades_completed=1,
        mint_failures=1,
        last_opened_at=START,
        last_completed_at=START + 8 * STEP,
        last_event_at=START + 8 * STEP,
        version=9,
    )


def test_eight_deliveries_of_every_event_at_once_count_once(database: Database, name: str) -> None:
    store = DynamoDbStats(database)
    events = story(f"up-{name}", name)

    def deliver() -> None:
        for event in events:
            while True:
                try:
                    Analytics(store, FakeMeter()).take(event)
                    break
                except VersionConflict:
                    continue

    at_once([deliver] * 8)
    stats = store.stats(name)
    assert stats is not None
    assert (stats.version, stats.upgrades_opened, stats.upgrades_completed) == (9, 1, 1)


def test_a_count_from_an_old_row_is_refused_and_not_marked(database: Database, name: str) -> None:
    store = DynamoDbStats(database)
    first, second, *_ = story(f"up-{name}", name)
    assert store.count(first, UserStats(user_id=name, version=1))
    with pytest.raises(VersionConflict):
        store.count(second, UserStats(user_id=name, version=1))
    assert not store.was_counted(second.upgrade_id, second.sequence)
    assert not store.count(first, UserStats(user_id=name, version=2))


def test_the_leaderboard_puts_the_higher_level_and_then_the_earlier_user_first(
    database: Database, name: str
) -> None:
    store = DynamoDbStats(database)
    high = 5000 + int(name[:3], 16)  # above every other test's users

    def reached(user: str, level: int, minutes: int) -> UserStats:
        at = START + timedelta(minutes=minutes)
        return UserStats(
            user_id=f"{name}-{user}", level=level, reached_at=at, upgrades_completed=1, version=1
        )

    rows = [reached("late", high, 9), reached("top", high + 1, 5), reached("early", high, 2)]
    for number, row in enumerate(rows, 1):
        event = story(f"up-{name}-{number}", row.user_id)[0]
        assert store.count(event, row)
    unranked = UserStats(user_id=f"{name}-new", level=high + 2, version=1)
    assert store.count(story(f"up-{name}-9", unranked.user_id)[0], unranked)

    users, cursor = [], None
    for _ in range(3):
        page = store.leaderboard(limit=1, cursor=cursor)
        users += [row.user_id.removeprefix(f"{name}-") for row in page.rows]
        cursor = page.next_cursor
    assert users == ["top", "early", "late"]


@pytest.mark.parametrize("cursor", ["", "!", "YQ==", "eCN5I3o=", "\u00e9", "MSMyIw=="])
def test_a_cursor_that_is_not_ours_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(ValueError):
        DynamoDbStats(database).leaderboard(limit=1, cursor=cursor)


def test_audit_entries_keep_the_event_to_the_last_byte(database: Database, name: str) -> None:
    trail = DynamoDbAuditTrail(database)
    audit = Audit(trail, (), FixedClock(), FakeMeter())
    events = story(f"up-{name}", name)
    for event in reversed(events):
        assert audit.take(event)
    assert [entry.event for entry in trail.entries(f"up-{name}")] == events
    assert {entry.recorded_at for entry in trail.entries(f"up-{name}")} == {START}
    assert audit.verify(f"up-{name}").is_sound


def test_an_audit_entry_is_never_replaced(database: Database, name: str) -> None:
    trail = DynamoDbAuditTrail(database)
    event = story(f"up-{name}", name)[0]
    assert trail.append(AuditEntry(event, START))
    assert not trail.append(AuditEntry(event, START + STEP))
    assert trail.entry(event.upgrade_id, 1) == AuditEntry(event, START)


def test_dead_letters_are_kept_once_each_and_whole(database: Database, name: str) -> None:
    kept = DynamoDbDeadLetters(database)
    letter = DeadLetter(name, "nft-upgrade-progress", 0, 7, "bm8=", "no JSON", START)
    other = DeadLetter(name, "nft-upgrade-progress", 0, 7, "eWVz", "no JSON", START)
    for one in (letter, letter, other):
        kept.bury(one)
    assert sorted(kept.letters(name), key=lambda one: one.value) == [letter, other]


def test_a_table_that_is_not_there_is_storage_unavailable(aws: AwsEndpoint) -> None:
    with pytest.raises(StorageUnavailable):
        DynamoDbStats(Database("nobody-")).stats("x")
