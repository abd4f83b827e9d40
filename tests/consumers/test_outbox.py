"""From the stream into Kafka: nothing skipped, order kept, failures named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from nft_upgrade.adapters.event_schema import check_event
from nft_upgrade.consumers.outbox import CheckedPublisher, Outbox
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from tests.fakes.events import (
    FakeMeter,
    FakePublisher,
    FixedClock,
    event_in_image,
    story,
    stream_event,
)

METER = FakeMeter()


@pytest.fixture(autouse=True)
def counted_afresh() -> None:
    METER.counts.clear()


class Marks:
    """The part of `Upgrades` that the outbox uses."""

    def __init__(self, *, down: bool = False) -> None:
        self.published: list[str] = []
        self._down = down

    def mark_published(self, event: UpgradeEvent, *, at: datetime) -> None:
        if self._down:
            raise StorageUnavailable("down")
        self.published.append(event.event_id)


def outbox(marks: Marks, publisher: FakePublisher) -> Outbox:
    checked = CheckedPublisher(publisher, check_event, METER)
    return Outbox(marks, checked, FixedClock(), event_in_image, METER)  # type: ignore[arg-type]


def ids(events: Sequence[UpgradeEvent]) -> list[str]:
    return [event.event_id for event in events]


def test_inserted_events_are_published_in_order_and_marked() -> None:
    marks, publisher = Marks(), FakePublisher()
    answer = outbox(marks, publisher).handle(stream_event(story()))
    assert answer == {"batchItemFailures": []}
    assert publisher.events == story()
    assert marks.published == ids(story())


@pytest.mark.parametrize("name", ["MODIFY", "REMOVE"])
def test_only_inserts_are_published(name: str) -> None:
    publisher = FakePublisher()
    outbox(Marks(), publisher).handle(stream_event(story(), name=name))
    assert len(publisher) == 0


def test_items_that_are_no_events_are_passed_over() -> None:
    payload = stream_event(story()[:1])
    payload["Records"][0]["dynamodb"]["Keys"]["entry"]["S"] = "REQUEST"
    publisher = FakePublisher()
    assert outbox(Marks(), publisher).handle(payload) == {"batchItemFailures": []}
    assert len(publisher) == 0


def test_the_first_record_not_acknowledged_is_named() -> None:
    marks, publisher = Marks(), FakePublisher()
    mine, other = story(), story("up-2", "wallet-2")
    mixed = [mine[0], mine[1], other[0], mine[2], other[1]]
    publisher.fail = {"up-1:2": "NotEnoughReplicas"}
    answer = outbox(marks, publisher).handle(stream_event(mixed, first=100))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "101"}]}
    assert marks.published == ["up-1:1", "up-2:1", "up-2:2"]


def test_a_record_that_cannot_be_read_is_counted_and_holds_up_nobody() -> None:
    payload = stream_event(story()[:3], first=100)
    payload["Records"][1]["dynamodb"]["NewImage"]["text"]["S"] = "{}"
    marks, publisher = Marks(), FakePublisher()
    assert outbox(marks, publisher).handle(payload) == {"batchItemFailures": []}
    assert ids(publisher.events) == ["up-1:1", "up-1:3"] == marks.published
    assert METER.counts == {"OutboxRefused": 1}


def test_an_event_that_no_schema_describes_is_neither_sent_nor_marked() -> None:
    marks, publisher = Marks(), FakePublisher()
    wrong = replace(story()[1], status="lost").sealed()
    payload = stream_event([story()[0], wrong, story()[2]])
    assert outbox(marks, publisher).handle(payload) == {"batchItemFailures": []}
    assert ids(publisher.events) == ["up-1:1", "up-1:3"] == marks.published
    assert METER.counts == {"OutboxRefused": 1}


def test_an_event_that_cannot_be_marked_is_published_all_the_same() -> None:
    publisher = FakePublisher()
    answer = outbox(Marks(down=True), publisher).handle(stream_event(story()))
    assert answer == {"batchItemFailures": []}
    assert publisher.events == story()
