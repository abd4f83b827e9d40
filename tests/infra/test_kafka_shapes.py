"""Prod with the two kinds of brokers that it does not have by itself (docs/deployment.md)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.costs import monthly_minimum
from nft_upgrade.adapters.kafka_topics import TopicPlan
from nft_upgrade.messages import ALL_TOPICS
from tests.infra.synthesized import Assembly, Resource, listed

CLUSTERS = {"serverless": "AWS::MSK::ServerlessCluster", "express": "AWS::MSK::Cluster"}


@pytest.fixture(params=sorted(CLUSTERS))
def shaped(request: pytest.FixtureRequest, with_kafka: Callable[[str], Assembly]) -> Assembly:
    return with_kafka(request.param)


def cluster_of(assembly: Assembly) -> Resource:
    return assembly.one(CLUSTERS[assembly.stage.kafka.name])


def custom_resources(assembly: Assembly, *names: str) -> Iterator[dict[str, Any]]:
    """Those that are given all of these properties."""
    for template in (assembly.foundation, assembly.service):
        for each in template["Resources"].values():
            if "ServiceToken" in each.get("Properties", {}) and set(names) <= set(
                each["Properties"]
            ):
                yield each["Properties"]


def resources_allowed(assembly: Assembly, name: str, action: str) -> list[str]:
    """What a function's role may do that with, as JSON."""
    return [
        json.dumps(resource)
        for statement in assembly.statements(name)
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]


def test_serverless_topics_are_asked_for_with_the_plans_numbers(
    with_kafka: Callable[[str], Assembly],
) -> None:
    assembly = with_kafka("serverless")
    (asked,) = custom_resources(assembly, "Partitions")
    plan = TopicPlan(partitions=assembly.stage.topic_partitions)
    numbers = (asked["Partitions"], asked["Replication"], asked["MinInSync"])
    assert numbers == (str(plan.partitions), str(plan.replication), str(plan.min_in_sync))
    made = resources_allowed(assembly, "topics", "kafka-cluster:CreateTopic")
    assert len(made) == len(ALL_TOPICS)
    assert all(any(f'{topic}"' in each for each in made) for topic in ALL_TOPICS)


def test_express_topics_are_resources_and_nobody_else_makes_any(
    with_kafka: Callable[[str], Assembly],
) -> None:
    assembly = with_kafka("express")
    topics = assembly.resources("AWS::MSK::Topic")
    assert {each.properties["TopicName"] for each in topics} == set(ALL_TOPICS)
    assert {each.properties["ReplicationFactor"] for each in topics} == {3}
    assert list(custom_resources(assembly, "Partitions")) == []


def test_the_publisher_may_connect_and_write_to_this_cluster_alone(shaped: Assembly) -> None:
    cluster = cluster_of(shaped)
    for action in ("kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"):
        for resource in resources_allowed(shaped, "publish_events", action):
            assert cluster.id in resource
        assert len(resources_allowed(shaped, "publish_events", action)) == 1
    topics = resources_allowed(shaped, "publish_events", "kafka-cluster:WriteData")
    assert topics and all(cluster.id in each and "*" not in each for each in topics)


def test_the_brokers_addresses_are_looked_up_at_this_cluster(shaped: Assembly) -> None:
    (looked_up,) = custom_resources(shaped, "ClusterArn")
    assert cluster_of(shaped).id in json.dumps(looked_up["ClusterArn"])
    assert "Servers" in json.dumps(
        shaped.function("publish_events").properties["Environment"]["Variables"][
            "KAFKA_BOOTSTRAP_SERVERS"
        ]
    )


def test_the_output_says_what_this_shape_costs(shaped: Assembly) -> None:
    said = shaped.service["Outputs"]["MonthlyMinimum"]["Value"]
    kafka = monthly_minimum(shaped.stage)["kafka"]
    assert f"kafka {kafka:.0f}" in said
    assert kafka >= {"serverless": 547.5, "express": 893}[shaped.stage.kafka.name]
