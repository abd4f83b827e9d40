"""The published schema and both directions of `messages` say the same."""

import json

import pytest

from nft_upgrade.adapters.event_schema import read_event, schema
from nft_upgrade.domain.errors import ErrorType
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.messages import to_record
from tests.fakes.events import event_of_each_type, story


@pytest.mark.parametrize("event", [*event_of_each_type(), *story()], ids=lambda e: e.type.value)
def test_every_event_passes_and_comes_back_as_it_was(event: UpgradeEvent) -> None:
    assert read_event(to_record(event).value) == event


def test_the_schema_knows_every_type_status_and_error_type() -> None:
    properties = schema()["properties"]
    assert set(properties["eventType"]["enum"]) == {type_.value for type_ in EventType}
    assert set(properties["status"]["enum"]) == {status.value for status in Status}
    assert set(properties["errorType"]["enum"]) == {type_.value for type_ in ErrorType}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sequence": 0}, "$.sequence"),
        ({"occurredAt": "2026-11-01 12:00"}, "$.occurredAt"),
        ({"eventType": "upgrade_deleted"}, "$.eventType"),
        ({"surprise": 1}, "$"),
        ({"newNftId": None}, "$.newNftId"),
        ({"hash": "no hash"}, "$.hash"),
    ],
)
def test_a_wrong_member_is_refused_and_named(change: dict[str, object], where: str) -> None:
    facts = {**json.loads(to_record(story()[-1]).value), **change}
    with pytest.raises(ValueError, match=r"^\$") as refused:
        read_event(json.dumps(facts).encode())
    assert str(refused.value).startswith(f"{where}:")


def test_a_completion_without_its_successor_is_refused() -> None:
    facts = json.loads(to_record(story()[-1]).value)
    del facts["newNftId"]
    with pytest.raises(ValueError, match="newNftId"):
        read_event(json.dumps(facts).encode())
