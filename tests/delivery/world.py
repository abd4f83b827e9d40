"""Everything an event passes: table, outbox, Kafka, the three consumers and what they keep.

Tables are new for each world, so that counts are exact. The consumers are the functions themselves.
"""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
import pytest

from local.aws_resources import FUNCTIONS, create_tables
from local.consumer_pump import msk_event
from local.stream_pump import lambda_record
from local.streams import CONSUMERS, function
from nft_upgrade.adapters.dynamodb_contacts import DynamoDbNotifications
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_projections import DynamoDbAuditTrail
from nft_upgrade.adapters.dynamodb_stats import DynamoDbStats
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades, event_from_image
from nft_upgrade.adapters.event_schema import check_event
from nft_upgrade.adapters.kafka_events import KafkaPublisher
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.outbox import CheckedPublisher, Outbox
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPICS
from nft_upgrade.ports import Upgrades
from tests.fakes.events import FakeMeter, FixedClock, transitions
from tests.functions.events_harness import DEFAULTS, forget
from tests.kafka_reading import events_in, records_in

OUTAGE_SECONDS = float(os.environ.get("BROKER_OUTAGE_SECONDS", "5"))
"""How long the brokers are away: longer than one delivery may take, in every run of the tests; for
minutes when somebody wants to see that (docs/events.md)."""
Payload = dict[str, Any]


class Death(BaseException):
    """The process is gone: nothing that handles errors may handle this."""


class Delivery:
    """One world. `endpoint` is DynamoDB's."""

    def __init__(self, endpoint: str, kafka: KafkaSettings, *, seconds: float = 2.0) -> None:
        self.prefix = f"delivery-{uuid4().hex[:8]}-"
        create_tables(endpoint, self.prefix)
        self.kafka = kafka
        self.upgrades = DynamoDbUpgrades(self.prefix)
        self.publisher = KafkaPublisher(kafka, delivery_seconds=seconds)
        self.meter = FakeMeter()
        self.committed: list[UpgradeEvent] = []

    def close(self) -> None:
        self.publisher.close()

    @property
    def environment(self) -> dict[str, str]:
        """What the functions of this world find."""
        found = {
            **DEFAULTS,
            "TABLE_PREFIX": self.prefix,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.kafka_bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": self.kafka.kafka_topic_prefix,
        }
        version = self.kafka.kafka_api_version
        return found | ({"KAFKA_API_VERSION": version} if version else {})

    # --- the way in --------------------------------------------------------------------------

    def commit(self, count: int = 1) -> list[UpgradeEvent]:
        """Whole upgrades of new users; their events."""
        events: list[UpgradeEvent] = []
        for _ in range(count):
            name = uuid4().hex[:10]
            steps = transitions(f"up-{name}", f"wallet-{name}")
            nft = steps[0].nfts[0].before
            assert nft
            DynamoDbNfts(self.prefix).register(nft, takes=())
            for step in steps:
                self.upgrades.commit(step)
            events += [step.event for step in steps]
        self.committed += events
        return events

    def payload(self, events: Sequence[UpgradeEvent]) -> Payload:
        """The stream's batch: the items as they lie in the table."""
        table = boto3.client("dynamodb")
        records = []
        for number, event in enumerate(events, 1000):
            keys = {
                "upgrade_id": {"S": event.upgrade_id},
                "entry": {"S": f"EVENT#{event.sequence:08d}"},
            }
            item = table.get_item(TableName=f"{self.prefix}upgrades", Key=keys)["Item"]
            change = {"SequenceNumber": str(number), "Keys": keys, "NewImage": item}
            records.append(lambda_record({"eventName": "INSERT", "dynamodb": change}, "arn"))
        return {"Records": records}

    def outbox(
        self, upgrades: Upgrades | None = None, publisher: KafkaPublisher | None = None
    ) -> Outbox:
        """What `publish_events` is made of; a test may put something dying in its place."""
        checked = CheckedPublisher(publisher or self.publisher, check_event, self.meter)
        marks = upgrades or self.upgrades
        return Outbox(marks, checked, FixedClock(), event_from_image, self.meter)

    def publish(self, payload: Payload, outbox: Outbox | None = None) -> None:
        """As Lambda does: again from the record named, until all of it is taken."""
        records = payload["Records"]
        while records:
            failures = (outbox or self.outbox()).handle({"Records": records})["batchItemFailures"]
            named = [failure["itemIdentifier"] for failure in failures]
            numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
            records = records[numbers.index(named[0]) :] if named else []

    # --- the way out -------------------------------------------------------------------------

    def records(self) -> list[Any]:
        """What lies in the topics, of all worlds."""
        return records_in(self.kafka, *TOPICS)

    def consume(self, *, size: int = 7) -> None:
        """Everything in the topics through every consumer, in batches."""
        with self.consumers() as consumers:
            for _, handle in consumers:
                for batch in self.batches(size):
                    handle(batch)

    @contextmanager
    def consumers(self) -> Iterator[list[tuple[str, Callable[[Any], Any]]]]:
        """The functions, in this world's environment."""
        with pytest.MonkeyPatch.context() as patch:
            for variable, text in self.environment.items():
                patch.setenv(variable, text)
            forget()
            yield [(name, function(name, FUNCTIONS)) for name, _, _ in CONSUMERS]
            forget()

    def batches(self, size: int) -> list[Payload]:
        """The records of this world, and whatever is no event, as Lambda hands them over."""
        records = [each for each in self.records() if self._is_mine(each)]
        parts = [records[start : start + size] for start in range(0, len(records), size)]
        return [msk_event({_Place(part): part}, self.kafka) for part in parts]

    def _is_mine(self, record: Any) -> bool:
        users = {event.user_id.encode() for event in self.committed}
        return record.key is None or record.key in users

    # --- the counts --------------------------------------------------------------------------

    def require_each_once(self) -> None:
        """Events committed = events in the topics without duplicates = entries per projection."""
        ids = sorted({event.upgrade_id for event in self.committed})
        in_topics = {event.event_id: event for event in events_in(self.kafka, ids)}
        assert in_topics == {event.event_id: event for event in self.committed}
        database = Database(self.prefix)
        trail, stats = DynamoDbAuditTrail(database), DynamoDbStats(database)
        sent = DynamoDbNotifications(database)
        for upgrade_id in ids:
            events = [event for event in self.committed if event.upgrade_id == upgrade_id]
            assert [entry.event for entry in trail.entries(upgrade_id)] == events
            counted = stats.stats(events[0].user_id)
            assert counted and counted.version == len(events)
            assert (counted.upgrades_opened, counted.upgrades_completed) == (1, 1)
            notified = [each.event_id for each in sent.notifications(events[0].user_id)]
            assert notified == [events[-1].event_id]

    def require_all_marked(self) -> None:
        """Nothing is left for the sweep."""
        later = max(event.occurred_at for event in self.committed).max
        assert not self.upgrades.unpublished(before=later, limit=1000)


class _Place:
    """Where a poll's records come from; `msk_event` groups by it."""

    def __init__(self, records: Sequence[Any]) -> None:
        self.topic, self.partition = records[0].topic, records[0].partition


def value_of(record: Any) -> bytes:
    """A record of an MSK event, decoded."""
    return base64.b64decode(record["value"])
