"""`analytics` with a captured batch of Kafka's event source."""

import json
from pathlib import Path
from typing import Any

import pytest

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_stats import DynamoDbStats
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.messages import TOPIC_DEAD_LETTERS
from tests.fakes.events import merged, msk_event, poison_event, story
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.kafka import KafkaEndpoint
from tests.functions.events_harness import loaded
from tests.kafka_reading import records_in

PAYLOAD = Path(__file__).parent.parent / "payloads/kafka-msk.json"


def captured() -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(PAYLOAD.read_text(encoding="utf-8"))
    return payload


def test_a_captured_batch_delivered_twice_counts_once(aws: AwsEndpoint) -> None:
    with loaded("analytics", aws.environment) as analytics:
        assert analytics(captured()) == {"taken": 9, "dead": 0}
        analytics(captured())
    stats = DynamoDbStats(Database("nft-upgrade-")).stats("wallet-captured")
    assert stats is not None
    assert (stats.version, stats.level, stats.upgrades_completed) == (9, 2, 1)


def test_a_poison_record_is_set_aside_and_the_rest_counted(
    aws: AwsEndpoint, kafka: KafkaEndpoint
) -> None:
    user = "wallet-beside-poison"
    with loaded("analytics", {**aws.environment, **kafka.environment}) as analytics:
        batch = merged(poison_event("analytics poison"), msk_event(story("up-bp", user)))
        assert analytics(batch) == {"taken": 9, "dead": 1}
    database = Database("nft-upgrade-")
    assert DynamoDbStats(database).stats(user) is not None
    letters = records_in(kafka.settings, TOPIC_DEAD_LETTERS)
    assert [each.value for each in letters if b"analytics" in each.value] == [b"analytics poison"]


def test_storage_that_does_not_answer_fails_the_batch(aws: AwsEndpoint) -> None:
    broken = {**aws.environment, "TABLE_PREFIX": "nobody-"}
    with loaded("analytics", broken) as analytics, pytest.raises(StorageUnavailable):
        analytics(captured())
