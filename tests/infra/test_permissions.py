"""Who may do what: the signing keys above all."""

import json
from typing import Any

import pytest

from infra.rows import ROWS, Row, consumers
from nft_upgrade.messages import ALL_TOPICS, TOPIC_CONTROL, TOPIC_DEAD_LETTERS, TOPICS
from tests.infra.synthesized import Assembly, Resource, listed

SIGNERS = {"mint": {"submit_mint", "issue_nft"}, "session": {"api"}}


def key_policy(assembly: Assembly, purpose: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = signing_key(assembly, purpose).properties["KeyPolicy"][
        "Statement"
    ]
    return statements


def signing_key(assembly: Assembly, purpose: str) -> Resource:
    return next(
        key
        for key in assembly.resources("AWS::KMS::Key")
        if f": {purpose} (Ed25519)" in key.properties["Description"]
    )


def may_sign(assembly: Assembly, purpose: str) -> set[str]:
    """Functions whose own role allows `kms:Sign` with that key."""
    key_id = signing_key(assembly, purpose).id
    return {
        row.name
        for row in ROWS
        for statement in assembly.statements(row.name)
        if "kms:Sign" in listed(statement["Action"]) and key_id in json.dumps(statement["Resource"])
    }


@pytest.mark.parametrize("purpose", SIGNERS)
def test_keys_are_ed25519_and_sign_only(purpose: str, assembly: Assembly) -> None:
    properties = signing_key(assembly, purpose).properties
    assert properties["KeySpec"] == "ECC_NIST_EDWARDS25519"
    assert properties["KeyUsage"] == "SIGN_VERIFY"


@pytest.mark.parametrize("purpose", SIGNERS)
def test_key_policy_itself_lets_only_the_named_roles_sign(purpose: str, assembly: Assembly) -> None:
    signing = [each for each in key_policy(assembly, purpose) if allows(each, "kms:Sign")]
    assert len(signing) == 1
    roles = listed(signing[0]["Condition"]["ArnEquals"]["aws:PrincipalArn"])
    named = {json.dumps(role).rsplit("role/", 1)[1].rstrip('"]}') for role in roles}
    stage = assembly.stage.full_name
    assert named == {f"{stage}-{name.replace('_', '-')}" for name in SIGNERS[purpose]}


@pytest.mark.parametrize("purpose", SIGNERS)
def test_key_policy_lets_nobody_hand_the_right_to_sign_on(purpose: str, assembly: Assembly) -> None:
    for action in ("kms:CreateGrant", "kms:*", "*"):
        assert not any(allows(each, action) for each in key_policy(assembly, purpose))


@pytest.mark.parametrize("purpose", SIGNERS)
def test_roles_may_sign_with_the_key_of_their_purpose_alone(
    purpose: str, assembly: Assembly
) -> None:
    assert may_sign(assembly, purpose) == SIGNERS[purpose]


@pytest.mark.parametrize("name", ["api", "submit_mint", "issue_nft"])
def test_signing_roles_have_the_names_that_the_key_policy_knows(
    name: str, assembly: Assembly
) -> None:
    role_id = assembly.function(name).properties["Role"]["Fn::GetAtt"][0]
    role = next(each for each in assembly.resources("AWS::IAM::Role") if each.id == role_id)
    expected = f"{assembly.stage.full_name}-{name.replace('_', '-')}"
    assert role.properties["RoleName"] == expected


def test_no_role_may_do_everything(assembly: Assembly) -> None:
    for policy in assembly.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            actions = listed(statement["Action"])
            assert not any(action == "*" or action.endswith(":*") for action in actions)


def test_functions_use_no_managed_policies(assembly: Assembly) -> None:
    for function in assembly.resources("AWS::Lambda::Function"):
        role_id = function.properties["Role"]["Fn::GetAtt"][0]
        role = next(each for each in assembly.resources("AWS::IAM::Role") if each.id == role_id)
        assert "ManagedPolicyArns" not in role.properties, function.properties["Handler"]


def test_consumers_write_projections_alone(assembly: Assembly) -> None:
    for name in ("analytics", "notify", "notify_push", "audit"):
        text = json.dumps(
            [each for each in assembly.statements(name) if "dynamodb:PutItem" in each["Action"]]
        )
        assert "TablesProjections" in text
        assert "TablesUpgrades" not in text


def test_audit_can_add_objects_and_neither_read_nor_remove_them(assembly: Assembly) -> None:
    assert {action for action in assembly.actions("audit") if action.startswith("s3:")} == {
        "s3:PutObject"
    }


SCANS = {"sweep": "TablesNfts", "verify_audit": "TablesUpgrades"}
"""Who may go through a table, and through which."""


def test_nothing_scans_a_table_but_whose_work_that_is(assembly: Assembly) -> None:
    for row in ROWS:
        scanned = [
            json.dumps(each["Resource"])
            for each in assembly.statements(row.name)
            if "dynamodb:Scan" in listed(each["Action"])
        ]
        assert len(scanned) == (row.name in SCANS)
        for resource in scanned:
            assert SCANS[row.name] in resource and "index" not in resource


def test_kafka_is_granted_by_topic(assembly: Assembly) -> None:
    writing = [
        each
        for each in assembly.statements("publish_events")
        if "kafka-cluster:WriteData" in listed(each["Action"])
    ]
    assert len(writing) == 1
    arns = [json.dumps(each) for each in listed(writing[0]["Resource"])]
    assert sorted(topic for topic in TOPICS if any(topic in arn for arn in arns)) == sorted(TOPICS)
    assert not any('*"' in arn for arn in arns)


def test_the_relay_writes_its_control_topic_alone(assembly: Assembly) -> None:
    task = assembly.one("AWS::ECS::TaskDefinition").properties
    writing = [
        json.dumps(each["Resource"])
        for each in assembly.statements_of(task["TaskRoleArn"]["Fn::GetAtt"][0])
        if "kafka-cluster:WriteData" in listed(each["Action"])
    ]
    assert len(writing) == 1
    assert TOPIC_CONTROL in writing[0]
    assert not any(topic in writing[0] for topic in TOPICS)


@pytest.mark.parametrize("name", ["notify", "notify_push"])
def test_notify_reads_completed_upgrades_alone(assembly: Assembly, name: str) -> None:
    reading = [
        each
        for each in assembly.statements(name)
        if "kafka-cluster:ReadData" in listed(each["Action"])
    ]
    assert [TOPICS.index("nft-upgrade-completed")] == [
        number for number, topic in enumerate(TOPICS) if topic in json.dumps(reading)
    ]


def written_topics(assembly: Assembly, name: str) -> set[str]:
    writing = [
        each
        for each in assembly.statements(name)
        if "kafka-cluster:WriteData" in listed(each["Action"])
    ]
    return {topic for topic in ALL_TOPICS if topic in json.dumps(writing)}


@pytest.mark.parametrize("row", list(consumers()), ids=lambda row: row.name)
def test_consumers_write_dead_letters_and_no_events(row: Row, assembly: Assembly) -> None:
    assert written_topics(assembly, row.name) == {TOPIC_DEAD_LETTERS}


def test_whoever_replays_reads_dead_letters_alone(assembly: Assembly) -> None:
    assert written_topics(assembly, "replay_dead_letters") == {*TOPICS, TOPIC_DEAD_LETTERS}
    reading = [
        each
        for each in assembly.statements("replay_dead_letters")
        if "kafka-cluster:ReadData" in listed(each["Action"])
    ]
    assert {topic for topic in ALL_TOPICS if topic in json.dumps(reading)} == {TOPIC_DEAD_LETTERS}


def test_the_check_of_the_audit_record_cannot_write_it(assembly: Assembly) -> None:
    assert {action for action in assembly.actions("verify_audit") if action.startswith("s3:")} == {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
    }


def test_relay_may_neither_write_upgrades_nor_sign(assembly: Assembly) -> None:
    task = assembly.one("AWS::ECS::TaskDefinition").properties
    statements = assembly.statements_of(task["TaskRoleArn"]["Fn::GetAtt"][0])
    actions = {action for each in statements for action in listed(each["Action"])}
    assert "kms:Sign" not in actions
    writing = [each for each in statements if "dynamodb:PutItem" in listed(each["Action"])]
    assert "TablesTransient" in json.dumps(writing)
    assert "TablesUpgrades" not in json.dumps(writing)


def allows(statement: dict[str, Any], action: str) -> bool:
    return statement["Effect"] == "Allow" and action in listed(statement["Action"])


def test_operators_grants_are_their_functions_alone(assembly: Assembly) -> None:
    assert "cloudwatch:GetMetricData" in assembly.actions("ops_api")
    assert "cloudwatch:GetMetricData" not in assembly.actions("api")
    mint_key = signing_key(assembly, "mint").id
    users = [each for each in assembly.statements("api") if mint_key in json.dumps(each)]
    assert users == []


def test_the_operators_function_signs_nothing_and_sends_nothing(assembly: Assembly) -> None:
    actions = assembly.actions("ops_api")
    assert "kms:Sign" not in actions
    for service in ("ses:", "sns:", "s3:", "kafka-cluster:"):
        assert not any(action.startswith(service) for action in actions)
    assert {action for action in actions if action.startswith("states:")} == {
        "states:DescribeExecution",
        "states:StartExecution",
    }
    text = json.dumps(assembly.statements("ops_api"))
    assert "TablesContacts" not in text and "TablesProjections" not in text


def test_users_functions_do_not_know_who_operates(assembly: Assembly) -> None:
    for row in ROWS:
        variables = assembly.function(row.name).properties["Environment"]["Variables"]
        assert ("OPERATOR_WALLETS" in variables) == (row.name == "ops_api")
