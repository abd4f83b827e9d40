"""Items and domain objects, both ways, without a table."""

from dataclasses import replace
from typing import Any

import pytest

from nft_upgrade.adapters.dynamodb_cursors import read_cursor, write_cursor
from nft_upgrade.adapters.dynamodb_facts import (
    due_shard,
    event_entry,
    event_facts,
    event_from_image,
)
from nft_upgrade.adapters.dynamodb_items import EventItem
from nft_upgrade.domain.events import UpgradeEvent, event_hash
from nft_upgrade.ports import DUE_SHARDS
from tests.contracts.samples import NOW, SECOND, nft, opening, proof


def image_of(event: UpgradeEvent) -> dict[str, Any]:
    """An event as the table's stream shows it."""
    facts = {name: fact for name, fact in event_facts(event).items() if fact is not None}
    image: dict[str, Any] = EventItem(**facts).to_dynamodb_dict()
    return image


def test_an_event_survives_the_stream_with_its_hash() -> None:
    row = nft("a", "alice")
    upgrade = opening("one", row).after
    event = upgrade.prove_burn(proof(upgrade), nft=row, at=NOW + SECOND).event
    read = event_from_image(image_of(event))
    assert read == event
    assert event_hash(read) == event.hash


def test_the_trace_of_an_event_survives_the_stream_and_is_no_part_of_the_event() -> None:
    event = opening("one", nft("a", "alice")).event
    traced = replace(event, trace_id="1-67891233-abcdef012345678912345678")
    read = event_from_image(image_of(traced))
    assert read.trace_id == "1-67891233-abcdef012345678912345678"
    assert event_hash(read) == event.hash
    assert read == event


@pytest.mark.parametrize("entry", ["REQUEST", "ATTEMPT#00000001"])
def test_other_items_of_the_table_are_no_events(entry: str) -> None:
    with pytest.raises(ValueError, match="is no event"):
        event_from_image({"upgrade_id": {"S": "one"}, "entry": {"S": entry}})


@pytest.mark.parametrize("missing", ["sequence", "type", "occurred_at", "hash"])
def test_a_mutilated_event_is_told_apart(missing: str) -> None:
    image = image_of(opening("one", nft("a", "alice")).event)
    del image[missing]
    with pytest.raises(KeyError, match=missing):
        event_from_image(image)


def test_event_entries_sort_like_their_sequences() -> None:
    entries = [event_entry(number) for number in (1, 2, 9, 10, 99, 100, 1_000_000)]
    assert entries == sorted(entries)


def test_shards_are_stable_and_all_in_use() -> None:
    assert due_shard("01JBD5S6ZK3QF7X2M8N4P9R0TV") == due_shard("01JBD5S6ZK3QF7X2M8N4P9R0TV")
    assert {due_shard(f"upgrade-{number}") for number in range(64)} == set(range(DUE_SHARDS))


def test_a_cursor_reads_back_and_another_length_is_refused() -> None:
    cursor = write_cursor("2026-11-01", "one")
    assert read_cursor(cursor, 2) == ["2026-11-01", "one"]
    with pytest.raises(ValueError, match="not a cursor"):
        read_cursor(cursor, 1)
