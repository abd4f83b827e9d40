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

from nft_upgrade.consumers.ports import Meter
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.ports import Clock, Publisher, Upgrades

logger = logging.getLogger(__name__)
NAME = "nft-outbox"
"""In metrics; no consumer group."""
EVENT_ITEM = "EVENT#"
"""How the sort key of an event item begins."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One inserted event item; `sequence_number` is the stream's own place."""

    sequence_number: str
    image: Mapping[str, Any]


class CheckedPublisher:
    """`Publisher` that sends what the schema describes and nothing else.

    A refused event is missing in the answer. It stays unmarked in the table and is tried again by
    every sweep, so that it goes out by itself once code or schema are mended; nobody behind it
    waits. Each refusal is counted (OutboxRefused), for people to look at.
    """

    def __init__(
        self, publisher: Publisher, check: Callable[[UpgradeEvent], None], meter: Meter
    ) -> None:
        """`check` raises ValueError for an event that must not be sent."""
        self._publisher = publisher
        self._check = check
        self._meter = meter

    def publish(self, events: Sequence[UpgradeEvent]) -> Mapping[str, str | None]:
        """See `Publisher`; without the refused ones."""
        return self._publisher.publish([event for event in events if self._may_go(event)])

    def _may_go(self, event: UpgradeEvent) -> bool:
        try:
            self._check(event)
        except ValueError as fault:
            logger.error("%s must not be published: %s", event.event_id, fault)
            self._meter.count("OutboxRefused", NAME)
            return False
        return True


class Outbox:
    """Publishes what one batch of the stream brings."""

    def __init__(
        self,
        upgrades: Upgrades,
        publisher: Publisher,
        clock: Clock,
        read: Callable[[Mapping[str, Any]], UpgradeEvent],
        meter: Meter,
    ) -> None:
        """`read`: an attribute map as the event in it; ValueError or KeyError when it is none."""
        self._upgrades = upgrades
        self._publisher = publisher
        self._clock = clock
        self._read = read
        self._meter = meter

    def handle(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """`{batchItemFailures: [{itemIdentifier}]}`: the first record that is not known to be in
        Kafka. Lambda comes back with that one and all behind it; a batch is one shard's, and what
        is published again the consumers drop.
        """
        readable = self._readable(inserted_events(payload))
        outcome = self.publish([event for _, event in readable])
        for record, event in readable:
            if error := outcome.get(event.event_id):
                logger.error("%s is not published: %s", event.event_id, error)
                return {"batchItemFailures": [{"itemIdentifier": record.sequence_number}]}
        return {"batchItemFailures": []}

    def publish(
        self, events: Sequence[UpgradeEvent], *, marked: Container[str] = ()
    ) -> Mapping[str, str | None]:
        """Publish, and mark those whose ids are not in `marked`; the publisher's answer."""
        outcome = self._publisher.publish(events)
        published = [event for event in events if outcome.get(event.event_id, "refused") is None]
        self._mark([event for event in published if event.event_id not in marked])
        return outcome

    def _readable(self, records: Sequence[StreamRecord]) -> list[tuple[StreamRecord, UpgradeEvent]]:
        """Without those that cannot be read: delivered again for a day, one such record would keep
        its whole shard waiting. It is counted, and its item stays unmarked in the table."""
        readable = []
        for record in records:
            try:
                readable.append((record, self._read(record.image)))
            except (ValueError, KeyError, TypeError):
                logger.exception("stream record %s cannot be read", record.sequence_number)
                self._meter.count("OutboxRefused", NAME)
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
