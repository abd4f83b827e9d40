"""What must survive: tables as the code knows them, Kafka, the audit bucket."""

import base64
from collections.abc import Callable

import pytest

from nft_upgrade.adapters.dynamodb_tables import TABLES, Table, create_request
from nft_upgrade.adapters.kafka_topics import TopicPlan, plans
from nft_upgrade.messages import ALL_TOPICS, TOPIC_DEAD_LETTERS
from tests.infra.synthesized import Assembly


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_tables_are_those_of_the_code(table: Table, assembly: Assembly) -> None:
    expected = create_request(table, assembly.stage.table_prefix)
    made = assembly.one("AWS::DynamoDB::Table", TableName=expected["TableName"]).properties
    assert made["KeySchema"] == expected["KeySchema"]
    assert by_name(made.get("GlobalSecondaryIndexes", [])) == by_name(
        expected.get("GlobalSecondaryIndexes", [])
    )
    assert {each["AttributeName"] for each in made["AttributeDefinitions"]} == {
        each["AttributeName"] for each in expected["AttributeDefinitions"]
    }
    stream = made.get("StreamSpecification", {}).get("StreamViewType")
    assert stream == expected.get("StreamSpecification", {}).get("StreamViewType")
    ttl = made.get("TimeToLiveSpecification", {}).get("AttributeName")
    assert ttl == table.ttl_attribute


def by_name(indexes: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {each["IndexName"]: each for each in indexes}


def test_tables_can_be_restored_and_are_encrypted_with_our_key(assembly: Assembly) -> None:
    for table in assembly.resources("AWS::DynamoDB::Table"):
        recovery = table.properties["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert table.properties["SSESpecification"]["SSEType"] == "KMS"


def test_data_outlives_its_stack_in_prod_alone(prod: Assembly, dev: Assembly) -> None:
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key")
    for kind in kinds:
        assert {each.whole["DeletionPolicy"] for each in prod.resources(kind)} == {"Retain"}
        assert {each.whole["DeletionPolicy"] for each in dev.resources(kind)} == {"Delete"}
    for table in prod.resources("AWS::DynamoDB::Table"):
        assert table.properties["DeletionProtectionEnabled"] is True


def test_audit_objects_are_locked_for_seven_years_in_prod(prod: Assembly) -> None:
    locked = [
        each
        for each in prod.resources("AWS::S3::Bucket")
        if each.properties.get("ObjectLockEnabled")
    ]
    assert len(locked) == 1
    rule = locked[0].properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert rule == {"Mode": "COMPLIANCE", "Days": 2555}


def test_kafka_speaks_iam_over_tls_and_nothing_else(assembly: Assembly) -> None:
    cluster = assembly.one("AWS::MSK::Cluster").properties
    assert cluster["ClientAuthentication"] == {
        "Sasl": {"Iam": {"Enabled": True}},
        "Unauthenticated": {"Enabled": False},
    }
    assert cluster["EncryptionInfo"]["EncryptionInTransit"] == {
        "ClientBroker": "TLS",
        "InCluster": True,
    }


def test_prod_keeps_three_copies_of_which_two_must_be_written(prod: Assembly) -> None:
    cluster = prod.one("AWS::MSK::Cluster").properties
    assert cluster["NumberOfBrokerNodes"] == 3
    assert len(cluster["BrokerNodeGroupInfo"]["ClientSubnets"]) == 3
    settings = prod.one("AWS::MSK::Configuration").properties["ServerProperties"].split()
    assert "min.insync.replicas=2" in settings
    assert "auto.create.topics.enable=false" in settings
    assert {
        topic.properties["ReplicationFactor"] for topic in prod.resources("AWS::MSK::Topic")
    } == {3}


def test_topics_are_those_of_the_code(assembly: Assembly) -> None:
    made = {each.properties["TopicName"] for each in assembly.resources("AWS::MSK::Topic")}
    assert made == set(ALL_TOPICS)


def test_topics_have_the_settings_of_the_plan(
    prod: Assembly, with_kafka: Callable[[str], Assembly]
) -> None:
    def settings(assembly: Assembly, name: str) -> dict[str, str]:
        topic = assembly.one("AWS::MSK::Topic", TopicName=name).properties
        lines = base64.b64decode(topic["Configs"]).decode().splitlines()
        return dict(line.split("=") for line in lines)

    for name, plan in plans(TopicPlan(partitions=12)).items():
        assert settings(prod, name) == plan.configs
    assert "min.insync.replicas" not in settings(with_kafka("express"), ALL_TOPICS[0])
    assert settings(prod, TOPIC_DEAD_LETTERS)["retention.ms"] == str(30 * 24 * 3_600_000)


def test_express_brokers_get_no_setting_that_they_refuse(
    with_kafka: Callable[[str], Assembly],
) -> None:
    assembly = with_kafka("express")
    cluster = assembly.one("AWS::MSK::Cluster").properties
    assert cluster["BrokerNodeGroupInfo"]["InstanceType"] == "express.m7g.large"
    assert "StorageInfo" not in cluster["BrokerNodeGroupInfo"]
    assert "ConfigurationInfo" not in cluster


def test_network_has_three_zones_and_free_endpoints(assembly: Assembly) -> None:
    subnets = assembly.resources("AWS::EC2::Subnet")
    assert len({each.properties["AvailabilityZone"] for each in subnets}) == 3
    assert all(each.properties["MapPublicIpOnLaunch"] is False for each in subnets)
    gateways = [
        each
        for each in assembly.resources("AWS::EC2::VPCEndpoint")
        if each.properties["VpcEndpointType"] == "Gateway"
    ]
    assert len(gateways) == 2
