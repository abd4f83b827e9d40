"""From the table's stream into Kafka: what was committed is published, in the order committed.

The stream gives a batch of changes; inserted event items are what it is read for (events are never
changed, and marking one published is a change of its own that must not come round again).
By hand rather than with Powertools' BatchProcessor, which takes one record at a time: a whole
batch goes to Kafka in a few round trips here.
"""

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.ports import Clock, Publisher, Upgrades

logger = logging.getLogger(__name__)
EVENT_ITEM = "EVENT#"
"""How the sort key of an event item begins."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One inserted event item; `sequence_number` is the stream's own place."""

    sequence_number: str
    image: Mapping[str, Any]


class Outbox:
    """Publishes what one batch of the stream brings."""

    def __init__(
        self,
        upgrades: Upgrades,
        publisher: Publisher,
        clock: Clock,
        read: Callable[[Mapping[str, Any]], UpgradeEvent],
    ) -> None:
        """`read`: an attribute map as the event in it; ValueError or KeyError when it is none."""
        self._upgrades = upgrades
        self._publisher = publisher
        self._clock = clock
        self._read = read

    def handle(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """`{batchItemFailures: [{itemIdentifier}]}`: the first record that is not known to be in
        Kafka. Lambda comes back with that one and all behind it; a batch is one shard's, and what
        is published again the consumers drop.
        """
        records = inserted_events(payload)
        readable = self._readable(records)
        outcome = self.publish([event for _, event in readable])
        failed = {record.sequence_number for record in records[len(readable) :]}
        for record, event in readable:
            if error := outcome[event.event_id]:
                logger.error("%s is not published: %s", event.event_id, error)
                failed.add(record.sequence_number)
        first = next((r.sequence_number for r in records if r.sequence_number in failed), None)
        return {"batchItemFailures": [{"itemIdentifier": first}] if first else []}

    def publish(
        self, events: Sequence[UpgradeEvent], *, marked: Container[str] = ()
    ) -> Mapping[str, str | None]:
        """Publish, and mark those whose ids are not in `marked`; `Publisher`'s answer."""
        outcome = self._publisher.publish(events)
        published = [event for event in events if outcome[event.event_id] is None]
        self._mark([event for event in published if event.event_id not in marked])
        return outcome

    def _readable(self, records: Sequence[StreamRecord]) -> list[tuple[StreamRecord, UpgradeEvent]]:
        """Those before the first that cannot be read; that one fails, for people to look at."""
        readable = []
        for record in records:
            try:
                readable.append((record, self._read(record.image)))
            except (ValueError, KeyError):
                logger.exception("stream record %s cannot be read", record.sequence_number)
                break
        return readable

    def _mark(self, published: Sequence[UpgradeEvent]) -> None:
        """A mark that fails only means that the sweep publishes the event once more."""
        for event in published:
            try:
                self._upgrades.mark_published(event, at=self._clock.now())
            except StorageUnavailable as error:
                logger.warning("%s is not marked: %s", event.event_id, error.detail)


def inserted_events(payload: Mapping[str, Any]) -> list[StreamRecord]:
    """The event items among the batch's inserts, in the stream's order.

    Shape: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    return [
        StreamRecord(record["dynamodb"]["SequenceNumber"], record["dynamodb"]["NewImage"])
        for record in payload["Records"]
        if record["eventName"] == "INSERT" and _is_event(record["dynamodb"])
    ]


def _is_event(change: Mapping[str, Any]) -> bool:
    entry: str = change["Keys"]["entry"]["S"]
    return entry.startswith(EVENT_ITEM)
