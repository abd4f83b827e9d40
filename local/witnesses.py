"""Who else saw an upgrade: the Kafka records and the audit record, read from where they lie."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from confluent_kafka import Consumer, TopicPartition

from local.settings import REGION

TOPICS = (
    "nft-upgrade-initiated",
    "nft-burn-confirmed",
    "nft-upgrade-completed",
    "nft-upgrade-failed",
    "nft-upgrade-progress",
)
PROJECTIONS = "nft-upgrade-projections"
FIRST_PREVIOUS_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """One record of the upgrade looked for."""

    topic: str
    message_key: str
    value: dict[str, Any]

    @property
    def sequence(self) -> int:
        return int(self.value["sequence"])


def kafka_records(
    bootstrap_servers: str, upgrade_id: str, *, until: int, seconds: float = 20.0
) -> list[KafkaRecord]:
    """The upgrade's records by sequence, once number `until` is among them or time is up."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "demo",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,  # the embedded broker always waits that long
        }
    )
    found: dict[int, KafkaRecord] = {}
    try:
        consumer.assign(_all_partitions(consumer))
        deadline = time.monotonic() + seconds
        while len(found) < until and time.monotonic() < deadline:
            if record := _record(consumer.poll(0.2), upgrade_id):
                found[record.sequence] = record
    finally:
        consumer.close()
    return [found[sequence] for sequence in sorted(found)]


def audit_entries(
    dynamodb_url: str, upgrade_id: str, *, until: int, seconds: float = 20.0
) -> list[dict[str, Any]]:
    """The upgrade's audit entries by sequence, once `until` of them are there or time is up."""
    table = boto3.resource(
        "dynamodb",
        endpoint_url=dynamodb_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).Table(PROJECTIONS)

    def look() -> list[dict[str, Any]]:
        found = table.query(
            # By alias: the attribute's name is one of DynamoDB's reserved words.
            KeyConditionExpression="#projection = :audit",
            ExpressionAttributeNames={"#projection": "projection"},
            ExpressionAttributeValues={":audit": f"audit#{upgrade_id}"},
            ConsistentRead=True,
        )
        return [json.loads(str(item["facts"])) for item in found["Items"]]

    return _wait_for(look, until, seconds)


def is_unbroken(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether sequences count up from 1 and every record carries the hash of the one before."""
    hashes = [FIRST_PREVIOUS_HASH, *(record["hash"] for record in records)]
    return all(
        record["sequence"] == number and record["previousHash"] == hashes[number - 1]
        for number, record in enumerate(records, start=1)
    )


def _all_partitions(consumer: Consumer) -> list[TopicPartition]:
    topics = consumer.list_topics(timeout=10).topics
    return [
        TopicPartition(topic, partition, 0)
        for topic in TOPICS
        if topic in topics
        for partition in topics[topic].partitions
    ]


def _record(message: Any, upgrade_id: str) -> KafkaRecord | None:
    if message is None or message.error():
        return None
    value = json.loads(message.value())
    if value["upgradeRequestId"] != upgrade_id:
        return None
    return KafkaRecord(message.topic(), message.key().decode(), value)


def _wait_for(
    look: Callable[[], list[dict[str, Any]]], count: int, seconds: float
) -> list[dict[str, Any]]:
    deadline = time.monotonic() + seconds
    while len(found := look()) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
