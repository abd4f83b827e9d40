"""Mail and push: from whom, to what, and who may tell us of bounces."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from infra.stages import DEV
from tests.infra.synthesized import Assembly, listed, synthesize

APPLICATION = "arn:aws:sns:us-east-1:123456789012:app/APNS/ape"


def statement(assembly: Assembly, function: str, action: str) -> Mapping[str, Any]:
    (found,) = [s for s in assembly.statements(function) if action in listed(s["Action"])]
    return found


@pytest.mark.parametrize("function", ["api", "notify"])
def test_mail_leaves_from_the_one_sender_with_the_one_set(
    assembly: Assembly, function: str
) -> None:
    granted = statement(assembly, function, "ses:SendEmail")
    sender = assembly.stage.notify_sender
    assert granted["Condition"] == {"StringEquals": {"ses:FromAddress": sender}}
    text = json.dumps(granted["Resource"])
    for name in (f"identity/{sender}", f"configuration-set/{assembly.stage.full_name}"):
        assert name in text
    assert "*" not in text


def test_only_mail_doors_may_send(assembly: Assembly) -> None:
    for function in ("analytics", "audit", "sweep", "submit_mint", "mail_feedback"):
        assert "ses:SendEmail" not in assembly.actions(function)


def test_feedback_comes_from_ses_alone_and_reaches_the_function(assembly: Assembly) -> None:
    subscription = assembly.one("AWS::SNS::Subscription", Protocol="lambda").properties
    topic_id = subscription["TopicArn"]["Ref"]
    policies = [
        policy.properties["PolicyDocument"]["Statement"]
        for policy in assembly.resources("AWS::SNS::TopicPolicy")
        if {"Ref": topic_id} in policy.properties["Topics"]
    ]
    allowed = [s for statements in policies for s in statements if s["Effect"] == "Allow"]
    assert allowed
    for each in allowed:
        assert each["Principal"] == {"Service": "ses.amazonaws.com"}
        assert each["Action"] == "sns:Publish"
        assert "AWS:SourceAccount" in json.dumps(each["Condition"])
    (destination,) = assembly.resources("AWS::SES::ConfigurationSetEventDestination")
    told = destination.properties["EventDestination"]
    assert sorted(event.lower() for event in told["MatchingEventTypes"]) == ["bounce", "complaint"]
    assert "RedrivePolicy" in subscription


def test_without_platform_applications_nothing_may_push(assembly: Assembly) -> None:
    assert "sns:Publish" not in assembly.actions("notify")
    assert "sns:CreatePlatformEndpoint" not in assembly.actions("api")


def test_push_is_granted_for_the_operators_applications_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stage = replace(DEV, push_applications=f"apns={APPLICATION}")
    assembly = synthesize(stage, tmp_path_factory.mktemp("push"), with_nag=False)
    endpoints = APPLICATION.replace(":app/", ":endpoint/") + "/*"
    assert statement(assembly, "notify", "sns:Publish")["Resource"] == endpoints
    assert statement(assembly, "api", "sns:CreatePlatformEndpoint")["Resource"] == APPLICATION
    environment = assembly.function("notify").properties["Environment"]["Variables"]
    assert environment["PUSH_APPLICATIONS"] == f"apns={APPLICATION}"


def test_the_relay_may_mark_in_batches_and_only_where_things_expire(assembly: Assembly) -> None:
    task = assembly.one("AWS::ECS::TaskDefinition").properties
    statements = assembly.statements_of(task["TaskRoleArn"]["Fn::GetAtt"][0])
    (batches,) = [s for s in statements if "dynamodb:BatchWriteItem" in listed(s["Action"])]
    assert "TablesTransient" in json.dumps(batches["Resource"])
