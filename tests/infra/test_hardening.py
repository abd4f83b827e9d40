"""What a flood, a thief or a curious neighbour meets: limits, encryption, headers, logs."""

import json
from typing import Any

import pytest

from infra.rows import ROWS
from infra.stages import PROD
from tests.infra.synthesized import Assembly, listed


def behaviors(assembly: Assembly) -> list[dict[str, Any]]:
    config = assembly.one("AWS::CloudFront::Distribution").properties["DistributionConfig"]
    return [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]


def test_every_answer_carries_the_security_headers(assembly: Assembly) -> None:
    policy = assembly.one("AWS::CloudFront::ResponseHeadersPolicy")
    headers = policy.properties["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert headers["ContentTypeOptions"]["Override"] is True
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    csp = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "frame-ancestors 'none'" in csp
    for behavior in behaviors(assembly):
        assert behavior["ResponseHeadersPolicyId"] == {"Ref": policy.id}


def test_browsers_are_met_over_tls_alone_and_nothing_is_cached(assembly: Assembly) -> None:
    caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    for behavior in behaviors(assembly):
        assert behavior["ViewerProtocolPolicy"] == "https-only"
        assert behavior["CachePolicyId"] == caching_disabled


def test_every_call_of_the_api_is_logged_and_the_log_ends(assembly: Assembly) -> None:
    stage = assembly.one("AWS::ApiGatewayV2::Stage").properties
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"requestId", "status", "path", "ip", "latencyMs"} <= set(logged)
    (group,) = [
        each
        for each in assembly.resources("AWS::Logs::LogGroup")
        if each.id in json.dumps(stage["AccessLogSettings"]["DestinationArn"])
    ]
    assert group.properties["RetentionInDays"] == assembly.stage.log_days


def test_logs_queues_and_topics_are_encrypted_with_our_key(assembly: Assembly) -> None:
    for kind, key in (
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
    ):
        assert assembly.resources(kind)
        for each in assembly.resources(kind):
            assert each.properties.get(key), each.id


def test_environments_of_functions_are_encrypted_with_our_key(assembly: Assembly) -> None:
    for function in assembly.resources("AWS::Lambda::Function"):
        assert function.properties["KmsKeyArn"], function.id


def test_no_bucket_is_public_and_all_want_tls(assembly: Assembly) -> None:
    buckets = assembly.resources("AWS::S3::Bucket")
    policies = json.dumps([each.properties for each in assembly.resources("AWS::S3::BucketPolicy")])
    for bucket in buckets:
        block = bucket.properties["PublicAccessBlockConfiguration"]
        assert all(block.values())
        assert len(block) == 4
        assert bucket.id in policies
    assert policies.count('"aws:SecureTransport": "false"') == len(buckets)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("issue_nft", 2), ("sweep", 1), *((row.name, 100) for row in ROWS if row.is_step)],
)
def test_concurrency_is_reserved_where_a_flood_would_hurt(
    name: str, limit: int, prod: Assembly
) -> None:
    """RPC providers and the chain are behind all of these; one sweep at a time is enough."""
    assert prod.function(name).properties["ReservedConcurrentExecutions"] == limit


def test_a_flood_of_calls_is_stopped_before_the_api(prod: Assembly) -> None:
    rules = prod.one("AWS::WAFv2::WebACL").properties["Rules"]
    (rate,) = [each for each in rules if "RateBasedStatement" in each["Statement"]]
    assert rate["Statement"]["RateBasedStatement"]["Limit"] == PROD.waf_requests_per_ip
    assert rate["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    throttle = prod.one("AWS::ApiGatewayV2::Stage").properties["DefaultRouteSettings"]
    assert throttle["ThrottlingBurstLimit"] == PROD.api_burst


def test_no_permission_is_over_everything_of_a_service(assembly: Assembly) -> None:
    for policy in assembly.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                assert not action.endswith(":*"), (policy.id, action)


def test_no_administrator_may_sign_and_none_may_grant_it(assembly: Assembly) -> None:
    """Whoever administers a signing key can change its policy; that is seen in CloudTrail."""
    for key in assembly.resources("AWS::KMS::Key"):
        if key.properties.get("KeyUsage") != "SIGN_VERIFY":
            continue
        for statement in key.properties["KeyPolicy"]["Statement"]:
            actions = set(listed(statement["Action"]))
            assert not actions & {"*", "kms:*", "kms:CreateGrant"}
            assert "Condition" in statement or "kms:Sign" not in actions
