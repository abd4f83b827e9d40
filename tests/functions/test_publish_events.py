"""`publish_events` with a captured stream payload, against the table and real brokers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from local.kafka import PARTITIONS, start_cluster
from local.rdkafka_mock import MockCluster
from nft_upgrade.domain.events import event_hash
from nft_upgrade.messages import TOPIC_INITIATED, TOPICS, from_record
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import loaded

PAYLOAD = Path(__file__).parent.parent / "payloads/dynamodb-stream.json"
TOPIC_AUTHORIZATION_FAILED = 29


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with start_cluster() as brokers:
        yield brokers


@pytest.fixture
def publish_events(cluster: MockCluster, aws: AwsEndpoint) -> Iterator[Callable[[Any], Any]]:
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": cluster.addresses[0], "KAFKA_API_VERSION": "2.0"}
    with loaded("publish_events", {**aws.environment, **kafka}) as call:
        yield call


def payload() -> dict[str, Any]:
    captured: dict[str, Any] = json.loads(PAYLOAD.read_text(encoding="utf-8"))
    return captured


def written(cluster: MockCluster) -> list[str]:
    """The event ids in the topics."""
    consumer = KafkaConsumer(bootstrap_servers=cluster.addresses, api_version=(2, 0))
    places = [TopicPartition(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ids: list[str] = []
    while any(
        consumer.position(place) < end for place, end in consumer.end_offsets(places).items()
    ):
        for records in consumer.poll(timeout_ms=200).values():
            events = [from_record(record.value) for record in records]
            assert all(event.hash == event_hash(event) for event in events)
            ids += [event.event_id for event in events]
    consumer.close()
    return sorted(ids)


def test_the_events_of_a_captured_batch_are_published(
    publish_events: Callable[[Any], Any], cluster: MockCluster
) -> None:
    assert publish_events(payload()) == {"batchItemFailures": []}
    assert written(cluster) == [f"up-1:{sequence}" for sequence in range(1, 10)]


def test_duplicated_stream_records_are_published_again_under_the_same_ids(
    publish_events: Callable[[Any], Any], cluster: MockCluster
) -> None:
    for _ in range(2):
        assert publish_events(payload()) == {"batchItemFailures": []}
    assert len(written(cluster)) == 18
    assert len(set(written(cluster))) == 9


def test_the_first_record_the_broker_refused_is_named(
    publish_events: Callable[[Any], Any], cluster: MockCluster
) -> None:
    cluster.fail_topic(TOPIC_INITIATED, TOPIC_AUTHORIZATION_FAILED)
    inserts = [r for r in payload()["Records"] if r["eventName"] == "INSERT"]
    first = next(r for r in inserts if r["dynamodb"]["Keys"]["entry"]["S"].startswith("EVENT#"))
    answer = publish_events(payload())
    assert answer == {
        "batchItemFailures": [{"itemIdentifier": first["dynamodb"]["SequenceNumber"]}]
    }
    cluster.fail_topic(TOPIC_INITIATED, 0)
    assert written(cluster) == []


def test_an_empty_batch_is_no_failure(publish_events: Callable[[Any], Any]) -> None:
    assert publish_events({"Records": []}) == {"batchItemFailures": []}
