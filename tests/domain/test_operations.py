"""The journal's chain: what was changed, taken out or put in shows."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nft_upgrade.domain.events import GENESIS_HASH
from nft_upgrade.domain.operations import Act, JournalEntry, following, is_sound

AT = datetime(2026, 11, 1, tzinfo=UTC)


def chain(length: int) -> list[JournalEntry]:
    """Newest first."""
    entries: list[JournalEntry] = []
    for number in range(length):
        last = entries[0] if entries else None
        entry = following(last, Act.PAUSE, operator="W", reason=f"reason {number}", at=AT)
        entries.insert(0, entry)
    return entries


def test_entries_count_from_1_and_name_the_one_before() -> None:
    second, first = chain(2)
    assert (first.number, first.previous_hash) == (1, GENESIS_HASH)
    assert (second.number, second.previous_hash) == (2, first.hash)


@pytest.mark.parametrize("length", [0, 1, 3])
def test_an_untouched_journal_is_sound(length: int) -> None:
    assert is_sound(chain(length))


def test_a_page_in_its_middle_is_sound_by_itself() -> None:
    assert is_sound(chain(5)[1:3])


@pytest.mark.parametrize(
    "change",
    [
        {"operator": "X"},
        {"reason": "another"},
        {"act": Act.ACCEPT},
        {"asked_at": AT.replace(year=2027)},
        {"upgrade_id": "U"},
    ],
)
def test_a_changed_entry_shows(change: dict[str, object]) -> None:
    entries = chain(3)
    entries[1] = replace(entries[1], **change)  # type: ignore[arg-type]
    assert not is_sound(entries)
    # Sealed again it has another hash than the one that the next entry names.
    entries[1] = entries[1].sealed()
    assert not is_sound(entries)


def test_a_removed_entry_shows() -> None:
    newest, _, oldest = chain(3)
    assert not is_sound([newest, oldest])


def test_a_first_entry_that_follows_something_is_no_first() -> None:
    forged = replace(chain(1)[0], previous_hash="f" * 64).sealed()
    assert not is_sound([forged])
