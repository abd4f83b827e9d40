"""The schemas, both directions of `messages` and docs/events.md say the same; and what a consumer
makes of records that a newer publisher wrote."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nft_upgrade.adapters import event_schema
from nft_upgrade.adapters.event_schema import (
    COMMON,
    LARGEST_EVENT,
    UnknownType,
    UnknownVersion,
    UnreadableEvent,
    check_event,
    read_event,
    schema,
)
from nft_upgrade.domain.errors import ErrorType
from nft_upgrade.domain.events import EventType, UpgradeEvent, event_hash
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.messages import to_record, topic_of
from tests.fakes.events import event_of_each_type, story

DOCS = Path(__file__).parents[2] / "docs/events.md"
FILES = Path(event_schema.__file__).parents[1] / "schemas"
LARGEST_ITEM = 400 * 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
each_event = pytest.mark.parametrize(
    "event", [*event_of_each_type(), *story()], ids=lambda e: e.type.value
)


def facts_of(event: UpgradeEvent, **changes: object) -> dict[str, Any]:
    return {**json.loads(to_record(event).value), **changes}


def written(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode()


@each_event
def test_every_event_passes_and_comes_back_as_it_was(event: UpgradeEvent) -> None:
    check_event(event)
    assert read_event(to_record(event).value) == event


def test_there_is_a_schema_of_every_type_and_no_other() -> None:
    assert {path.name for path in FILES.glob("*.json")} == {
        f"{name}.v1.json" for name in (COMMON, *(type_.value for type_ in EventType))
    }


def test_the_schema_knows_every_type_status_and_error_type() -> None:
    properties = schema()["properties"]
    assert set(properties["eventType"]["enum"]) == {type_.value for type_ in EventType}
    assert set(properties["status"]["enum"]) == {status.value for status in Status}
    assert set(properties["errorType"]["enum"]) == {type_.value for type_ in ErrorType}


def statuses(type_: EventType) -> list[str]:
    allowed = schema(type_)["properties"]["status"]
    return list(allowed.get("enum", [allowed.get("const")]))


def test_the_documented_status_and_topic_are_those_of_schema_and_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| `([\w-]+)` \|", DOCS.read_text("utf-8"), re.M)
    documented = {type_: (status, topic) for type_, status, topic in rows}
    assert documented == {
        event.type.value: (
            " or ".join(statuses(event.type)),
            topic_of(event),
        )
        for event in event_of_each_type()
    }


def test_every_member_of_a_record_is_documented() -> None:
    section = DOCS.read_text("utf-8").split("## Kafka")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)`[^|]* \| (?:yes|some) \|", section, re.M))
    assert documented == set(schema()["properties"])
    always = set(re.findall(r"^\| `(\w+)` \| yes \|", section, re.M))
    assert always == set(schema()["required"])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sequence": 0}, "$.sequence"),
        ({"sequence": 10**8}, "$.sequence"),
        ({"oldLevel": 10_000}, "$.oldLevel"),
        ({"targetLevel": 10_000}, "$.targetLevel"),
        ({"retryCount": 10**8}, "$.retryCount"),
        ({"upgradeRequestId": "../../up-1"}, "$.upgradeRequestId"),
        ({"upgradeRequestId": "up-1#journey"}, "$.upgradeRequestId"),
        ({"upgradeRequestId": "up-1\n"}, "$.upgradeRequestId"),
        ({"upgradeRequestId": "u" * 65}, "$.upgradeRequestId"),
        ({"eventId": "up-1:1"}, "$.eventId"),
        ({"eventId": "up-2:9"}, "$.eventId"),
        ({"newLevel": 3}, "$.newLevel"),
        ({"timestamp": "2020-01-01T00:00:00.000Z"}, "$.timestamp"),
        ({"occurredAt": "2026-11-01 12:00"}, "$.occurredAt"),
        ({"eventType": "upgrade_deleted"}, "$.eventType"),
        ({"eventType": ["upgrade_completed"]}, "$.eventType"),
        ({"newNftId": None}, "$.newNftId"),
        ({"hash": "no hash"}, "$.hash"),
        ({"status": "initiated"}, "$.status"),
        ({"data": {}}, "$.data"),
        ({"schemaVersion": "1"}, "$.schemaVersion"),
        ({"schemaVersion": True}, "$.schemaVersion"),
    ],
)
def test_a_wrong_member_is_refused_and_named(change: dict[str, object], where: str) -> None:
    with pytest.raises(UnreadableEvent) as refused:
        read_event(written(facts_of(story()[-1], **change)))
    assert str(refused.value).startswith(f"{where}:")


@pytest.mark.parametrize("number", [1.0, True])
@pytest.mark.parametrize(
    ("fact", "member"),
    [
        ("sequence", "sequence"),
        ("current_level", "oldLevel"),
        ("target_level", "targetLevel"),
        ("retry_count", "retryCount"),
    ],
)
def test_a_number_with_a_point_is_not_a_whole_one_however_well_it_is_hashed(
    fact: str, member: str, number: float
) -> None:
    changes: dict[str, Any] = {fact: number}
    event = replace(story()[-1], **changes).sealed()
    with pytest.raises(UnreadableEvent, match=member):
        read_event(written(facts_of(event, eventId=f"{event.upgrade_id}:1")))


def large(letters: int) -> UpgradeEvent:
    event = story()[0]
    return replace(event, data={**event.data, "extra": "y" * letters}).sealed()


def test_an_event_that_no_table_can_hold_is_neither_written_nor_read() -> None:
    largest = large(LARGEST_EVENT - len(to_record(large(0)).value))
    assert read_event(to_record(largest).value) == largest
    check_event(largest)
    too_large = large(LARGEST_EVENT)
    with pytest.raises(UnreadableEvent, match="bytes"):
        read_event(to_record(too_large).value)
    with pytest.raises(UnreadableEvent, match="bytes"):
        check_event(too_large)


def test_what_is_read_fits_into_an_item_however_much_longer_it_is_written_again() -> None:
    """No JSON grows more than a number of four letters, which Python writes with eighteen."""
    event = story()[0]
    most = LARGEST_EVENT // len("1e15,") - 200
    event = replace(event, data={**event.data, "extra": [1e15] * most}).sealed()
    value = to_record(event).value.replace(b"1000000000000000.0", b"1e15")
    assert LARGEST_EVENT - 1000 < len(value) < LARGEST_EVENT
    assert len(to_record(read_event(value)).value) < LARGEST_ITEM - 1000


@pytest.mark.parametrize(
    ("type_", "member"),
    [
        (EventType.UPGRADE_COMPLETED, "newNftId"),
        (EventType.BURN_CONFIRMED, "burnTransactionHash"),
        (EventType.MINT_FAILED_RETRYABLE, "errorCode"),
    ],
)
def test_a_fact_that_a_type_must_state_is_missed(type_: EventType, member: str) -> None:
    facts = facts_of(next(event for event in story() if event.type is type_))
    del facts[member]
    with pytest.raises(UnreadableEvent, match=member):
        read_event(written(facts))


def test_a_proven_burn_without_its_evidence_is_not_written() -> None:
    event = next(event for event in story() if event.type is EventType.BURN_CONFIRMED)
    with pytest.raises(UnreadableEvent, match="proof"):
        check_event(replace(event, data={}).sealed())


# --- a consumer of version n reads what a publisher of n+1 wrote (docs/events.md has the rule) ---


@each_event
def test_a_member_of_a_newer_publisher_is_ignored(event: UpgradeEvent) -> None:
    assert read_event(written(facts_of(event, campaign="spring"))) == event


@each_event
def test_a_fact_that_a_newer_publisher_adds_to_data_is_kept_and_hashed(
    event: UpgradeEvent,
) -> None:
    newer = replace(event, data={**event.data, "campaign": {"name": "spring"}}).sealed()
    check_event(newer)
    read = read_event(to_record(newer).value)
    assert read == newer
    assert read.hash == event_hash(read) != event.hash


@each_event
def test_a_newer_version_is_told_apart_from_a_broken_record(event: UpgradeEvent) -> None:
    newer = facts_of(event, schemaVersion=2, newNftId={"mint": "m"})
    with pytest.raises(UnknownVersion) as unknown:
        read_event(written(newer))
    assert unknown.value.reason == "unknown_version"


def test_a_newer_type_is_told_apart_from_a_broken_record() -> None:
    with pytest.raises(UnknownType) as unknown:
        read_event(written(facts_of(story()[0], eventType="upgrade_gifted")))
    assert unknown.value.reason == "unknown_type"


@pytest.mark.parametrize("value", [b"\xff", b"no JSON", b"[]", b"null", b"7", b""])
def test_what_is_no_object_is_broken(value: bytes) -> None:
    with pytest.raises(UnreadableEvent) as broken:
        read_event(value)
    assert broken.value.reason == "broken"
