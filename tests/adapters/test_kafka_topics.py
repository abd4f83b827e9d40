"""Topics are made once, as planned, and left alone afterwards."""

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, TopicPlan, ensure_topics
from nft_upgrade.config import KafkaSettings
from nft_upgrade.messages import ALL_TOPICS, TOPICS
from tests.fixtures.kafka import KafkaEndpoint


def test_a_written_record_needs_two_of_three_replicas() -> None:
    plan = TopicPlan()
    assert (plan.replication, plan.min_in_sync) == (3, 2)
    assert plan.configs["retention.ms"] == "604800000"


@pytest.mark.engines
def test_missing_topics_are_made_once_and_as_planned(apache_kafka: KafkaEndpoint) -> None:
    settings = KafkaSettings(
        kafka_bootstrap_servers=apache_kafka.bootstrap,
        kafka_api_version=None,
        kafka_topic_prefix="planned-",
    )
    assert sorted(ensure_topics(settings, ONE_BROKER)) == sorted(f"planned-{t}" for t in ALL_TOPICS)
    assert ensure_topics(settings, ONE_BROKER) == []
    admin = KafkaAdminClient(**client_options(settings))
    (topic,) = admin.describe_topics([f"planned-{TOPICS[0]}"])
    configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic["name"])])
    admin.close()
    assert len(topic["partitions"]) == ONE_BROKER.partitions
    assert str(ONE_BROKER.retention_hours * 3_600_000) in str(configs)
