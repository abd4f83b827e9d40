"""Topics are made once, as planned, and left alone afterwards."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, TopicPlan, ensure_topics, plans
from nft_upgrade.config import KafkaSettings
from nft_upgrade.messages import ALL_TOPICS
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
    made = ensure_topics(settings, ONE_BROKER)
    assert sorted(made) == sorted(f"planned-{topic}" for topic in ALL_TOPICS)
    assert ensure_topics(settings, ONE_BROKER) == []
    for name, plan in plans(ONE_BROKER).items():
        topic, configs = described(settings, f"planned-{name}")
        replicas = {len(each["replica_nodes"]) for each in topic["partitions"]}
        assert (len(topic["partitions"]), replicas) == (plan.partitions, {plan.replication})
        assert plan.configs.items() <= configs.items()


@pytest.mark.engines
def test_two_callers_at_once_are_as_good_as_one(apache_kafka: KafkaEndpoint) -> None:
    settings = KafkaSettings(
        kafka_bootstrap_servers=apache_kafka.bootstrap,
        kafka_api_version=None,
        kafka_topic_prefix="raced-",
    )
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(ensure_topics, settings, ONE_BROKER) for _ in range(3)]
        made = [name for call in calls for name in call.result()]
    assert sorted(made) == sorted(f"raced-{topic}" for topic in ALL_TOPICS)


def described(settings: KafkaSettings, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A topic as the broker has it, and its settings."""
    admin = KafkaAdminClient(**client_options(settings))
    (topic,) = admin.describe_topics([name])
    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    admin.close()
    configs = found["topic"][name]
    return topic, {option: fact["value"] for option, fact in configs.items()}
