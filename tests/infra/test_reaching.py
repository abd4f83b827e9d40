"""What is told arrives: alarms at their topic, what was given up at its queue.

Policies of topics, queues and keys are read as AWS reads them: a service may do what a statement
with its name allows, under conditions that its calls meet.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.infra.synthesized import Assembly, Resource, listed

SOURCES = (
    {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    {"StringEquals": {"AWS:SourceAccount": {"Ref": "AWS::AccountId"}}},
)
KEY_USE = {"kms:Decrypt", "kms:GenerateDataKey"}
"""What a service needs to put a message into an encrypted topic or queue."""


def allows(statement: Mapping[str, Any], service: str, action: str) -> bool:
    """A statement for the service itself, bound to our account, for this very action."""
    return (
        statement["Effect"] == "Allow"
        and service in listed(statement["Principal"].get("Service", ()))
        and any(_covers(each, action) for each in listed(statement["Action"]))
    )


def _covers(granted: str, action: str) -> bool:
    return granted == action or (granted.endswith("*") and action.startswith(granted[:-1]))


def policies_of(assembly: Assembly, type_: str, name: str, place: Resource) -> list[Any]:
    """The statements of all policies that name this topic or queue."""
    return [
        statement
        for policy in assembly.resources(type_)
        if {"Ref": place.id} in policy.properties[name]
        for statement in policy.properties["PolicyDocument"]["Statement"]
    ]


def data_key_statements(assembly: Assembly) -> list[Any]:
    (key,) = [
        each
        for each in assembly.resources("AWS::KMS::Key")
        if each.properties.get("EnableKeyRotation")
    ]
    statements: list[Any] = key.properties["KeyPolicy"]["Statement"]
    return statements


def may_use_the_key(assembly: Assembly, service: str) -> bool:
    granted = {
        action
        for action in KEY_USE
        for statement in data_key_statements(assembly)
        if allows(statement, service, action)
    }
    return granted == KEY_USE


def targets(alarm: Resource) -> set[str]:
    """The topics that an alarm tells, by logical id."""
    told = [*alarm.properties["AlarmActions"], *alarm.properties["OKActions"]]
    return {each["Ref"] for each in told}


def test_every_alarm_may_publish_to_its_topic_and_use_the_topics_key(assembly: Assembly) -> None:
    topics = {each.id: each for each in assembly.resources("AWS::SNS::Topic")}
    alarms = assembly.resources("AWS::CloudWatch::Alarm")
    assert len(alarms) > 20
    for alarm in alarms:
        assert targets(alarm), alarm.id
        for topic in map(topics.__getitem__, targets(alarm)):
            admitted = [
                statement
                for statement in policies_of(assembly, "AWS::SNS::TopicPolicy", "Topics", topic)
                if allows(statement, "cloudwatch.amazonaws.com", "sns:Publish")
            ]
            assert admitted, f"{alarm.id} cannot tell {topic.id}"
            assert all(each["Resource"] == {"Ref": topic.id} for each in admitted)
            assert all(each["Condition"] in SOURCES for each in admitted)
            assert "DataKey" in json.dumps(topic.properties["KmsMasterKeyId"])
            assert may_use_the_key(assembly, "cloudwatch.amazonaws.com"), topic.id


def test_no_topic_lacks_somebody_who_may_publish(assembly: Assembly) -> None:
    for topic in assembly.resources("AWS::SNS::Topic"):
        statements = policies_of(assembly, "AWS::SNS::TopicPolicy", "Topics", topic)
        assert any(each["Effect"] == "Allow" for each in statements), topic.id


def test_feedback_that_nobody_took_reaches_its_encrypted_queue(assembly: Assembly) -> None:
    """SNS redrives by its own name: queue and key must both admit it."""
    subscription = assembly.one("AWS::SNS::Subscription", Protocol="lambda").properties
    queue_id = subscription["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    queue = next(each for each in assembly.resources("AWS::SQS::Queue") if each.id == queue_id)
    statements = policies_of(assembly, "AWS::SQS::QueuePolicy", "Queues", queue)
    assert any(allows(each, "sns.amazonaws.com", "sqs:SendMessage") for each in statements)
    assert may_use_the_key(assembly, "sns.amazonaws.com")


def test_a_sweep_that_never_came_reaches_its_encrypted_queue(assembly: Assembly) -> None:
    """The scheduler puts it there by the rights of the schedule's role."""
    target = assembly.one("AWS::Scheduler::Schedule").properties["Target"]
    queue_id = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
    statements = assembly.statements_of(target["RoleArn"]["Fn::GetAtt"][0])
    by_action = {action: each for each in statements for action in listed(each["Action"])}
    assert queue_id in json.dumps(by_action["sqs:SendMessage"]["Resource"])
    assert set(by_action) >= KEY_USE
    for action in KEY_USE:
        assert "DataKey" in json.dumps(by_action[action]["Resource"])
