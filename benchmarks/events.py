"""From a commit to Kafka and on to the projection, on Apache Kafka and DynamoDB Local.

Latency: one request opened at a time, through the local pump (it polls the table's stream every
25 ms, where AWS invokes the function). Throughput: publisher and consumer alone in this process.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from kafka import KafkaConsumer, TopicPartition

from benchmarks.calls import Tally, counting
from benchmarks.event_stories import batch, opening
from benchmarks.figures import quantile, table
from local.aws import environment
from local.aws_resources import create_tables
from local.consumer_pump import msk_event
from local.process import Part
from nft_upgrade import wiring_events
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_stats import DynamoDbGenerations
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.kafka_events import KafkaPublisher, client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPIC_INITIATED, to_record

COMMITS = 100
WARM = 10
USERS = 200
UPGRADES_COUNTED = 60
PREFIX = "nft-upgrade-"


def main() -> None:
    """Print the tables."""
    with _engines() as variables:
        with Part("local.streams", "--sweep-seconds", "0", environment=variables) as part:
            part.wait(120)
            _latency()
        _throughput()


@contextmanager
def _engines() -> Iterator[dict[str, str | None]]:
    with ExitStack() as parts:
        kafka = parts.enter_context(Part("local.apache_kafka", "--port", "0"))
        dynamodb = parts.enter_context(Part("local.dynamodb_local", "--port", "0")).wait(120)
        aws = parts.enter_context(Part("local.aws", "--port", "0"))
        create_tables(dynamodb)
        variables: dict[str, str | None] = {
            **environment(aws.wait(), dynamodb),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.wait(180),
            "POWERTOOLS_METRICS_DISABLED": "true",
        }
        os.environ.update({name: text for name, text in variables.items() if text is not None})
        yield variables


def _throughput() -> None:
    events = batch(USERS)
    publisher = KafkaPublisher(KafkaSettings())
    publisher.publish(batch(WARM))
    publishing = _timed(lambda: publisher.publish(events))
    publisher.close()
    consumer = wiring_events.analytics()
    if consumer.handle(_as_msk(batch(WARM))).dead:
        raise SystemExit("the consumer does not take the benchmark's events")
    counted = batch(UPGRADES_COUNTED)
    tally = Tally()
    with counting(tally):
        counting_took = _timed(lambda: consumer.handle(_as_msk(counted)))
    rows = [
        ("publisher, acks=all", len(events), *_rates(publishing, len(events))),
        ("consumer `analytics`", len(counted), *_rates(counting_took, len(counted))),
    ]
    table("Throughput, one process", ("what", "events", "events/s", "CPU ms per event"), rows)
    units = [
        (unit, f"{tally.units['', unit] / len(counted):.1f}")
        for unit in ("ReadCapacityUnits", "WriteCapacityUnits")
    ]
    table("DynamoDB units per event of `analytics`", ("unit", "per event"), units)


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the wall's clock, and of this process's processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def _rates(took: tuple[float, float], events: int) -> tuple[str, str]:
    wall, cpu = took
    return f"{events / wall:.0f}", f"{cpu / events * 1000:.2f}"


def _as_msk(events: Sequence[UpgradeEvent]) -> dict[str, Any]:
    """As Lambda hands them over."""
    records: dict[TopicPartition, list[Any]] = {}
    for offset, event in enumerate(events):
        record = to_record(event)
        facts = {"partition": 0, "offset": offset, "timestamp": 0, "timestamp_type": 0}
        handed = SimpleNamespace(
            topic=record.topic, key=record.message_key, value=record.value, headers=[], **facts
        )
        records.setdefault(TopicPartition(record.topic, 0), []).append(handed)
    return msk_event(records, KafkaSettings())


def _latency() -> None:
    consumer = KafkaConsumer(
        TOPIC_INITIATED,
        **client_options(KafkaSettings()),
        auto_offset_reset="latest",
        metrics_enabled=False,
    )
    while not consumer.assignment():
        consumer.poll(timeout_ms=100)
    consumer.seek_to_end()
    for place in consumer.assignment():
        consumer.position(place)
    to_kafka, to_projection = [], []
    for number in range(COMMITS + WARM):
        first, second = _one(consumer)
        if number >= WARM:
            to_kafka.append(first)
            to_projection.append(second)
    consumer.close()
    rows = [
        (what, len(took), f"{quantile(took, 0.5):.0f}", f"{quantile(took, 0.99):.0f}")
        for what, took in (
            ("commit to Kafka", to_kafka),
            ("Kafka to the projection of `analytics`", to_projection),
        )
    ]
    table("Latency, one event at a time", ("what", "events", "p50 ms", "p99 ms"), rows)


def _one(consumer: KafkaConsumer) -> tuple[float, float]:
    """Milliseconds from the commit's answer to the record, and from the record to the figures."""
    upgrade_id = f"up-{uuid4().hex[:12]}"
    transition, nft = opening(upgrade_id, f"wallet-{upgrade_id}", datetime.now(UTC))
    DynamoDbNfts(_database()).register(nft, takes=())
    DynamoDbUpgrades(_database()).commit(transition)
    committed = time.perf_counter()
    while not _has(consumer.poll(timeout_ms=1000), upgrade_id):
        if time.perf_counter() - committed > 30:
            raise SystemExit("the event did not reach Kafka")
    arrived = time.perf_counter()
    store = DynamoDbGenerations(_database()).store(0)
    while store.journey(upgrade_id) is None:
        if time.perf_counter() - arrived > 30:
            raise SystemExit("the event did not reach the projection")
    return (arrived - committed) * 1000, (time.perf_counter() - arrived) * 1000


def _has(polled: Mapping[Any, Sequence[Any]], upgrade_id: str) -> bool:
    text = upgrade_id.encode()
    return any(text in record.value for records in polled.values() for record in records)


@cache
def _database() -> Database:
    return Database(PREFIX)
