"""`Journal`: what is written stays, in order, whoever writes at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.operations import Act, JournalEntry, following, is_sound
from nft_upgrade.ports import Journal
from tests.contracts.storages import Storage

AT = datetime(2026, 11, 1, 12, 0, 0, 123000, tzinfo=UTC)


def entry(last: JournalEntry | None, reason: str = "why") -> JournalEntry:
    return following(last, Act.ACCEPT, operator="W", reason=reason, at=AT, upgrade_id="U")


def written(journal: Journal, count: int) -> list[JournalEntry]:
    """Newest first."""
    for number in range(count):
        journal.add(entry(journal.last(), f"reason {number}"))
    return list(journal.latest(limit=count))


def test_a_new_journal_is_empty(storage: Storage) -> None:
    assert storage.journal.last() is None
    assert list(storage.journal.latest(limit=5)) == []


def test_an_entry_comes_back_as_it_was_written(storage: Storage) -> None:
    first = entry(None)
    storage.journal.add(first)
    assert storage.journal.last() == first
    second = following(first, Act.PAUSE, operator="W", reason="why", at=AT)
    storage.journal.add(second)
    assert list(storage.journal.latest(limit=5)) == [second, first]


def test_pages_are_newest_first_and_numbers_count_beyond_nine(storage: Storage) -> None:
    entries = written(storage.journal, 12)
    assert [each.number for each in entries] == list(range(12, 0, -1))
    assert is_sound(entries)
    assert [each.number for each in storage.journal.latest(limit=3, before=10)] == [9, 8, 7]
    assert list(storage.journal.latest(limit=3, before=1)) == []


def test_the_same_entry_again_is_as_once_and_another_in_its_place_is_refused(
    storage: Storage,
) -> None:
    first = entry(None)
    storage.journal.add(first)
    storage.journal.add(first)
    with pytest.raises(VersionConflict):
        storage.journal.add(entry(None, "another reason"))
    assert list(storage.journal.latest(limit=5)) == [first]


def test_of_many_who_take_a_number_at_once_one_has_it(storage: Storage) -> None:
    def add(number: int) -> bool:
        try:
            storage.journal.add(entry(None, f"reason {number}"))
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(4))) == 1
    assert len(storage.journal.latest(limit=5)) == 1
