"""Findings of cdk-nag that stay, each with its reason. Everything else fails the tests.

A row holds for one construct and what is below it, so that a new finding elsewhere is seen.
"""

from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from constructs import IConstruct

from infra.rows import ROWS


@dataclass(frozen=True, slots=True)
class Row:
    """`path` begins at the stack; `{stage}` in `rule` is replaced by the stage's full name."""

    path: str
    rule: str
    reason: str


TRACES = "AwsSolutions::AwsSolutions-IAM5[Resource::*]"
TRACES_REASON = (
    "X-Ray and the network interfaces of functions in a VPC have no ARNs to name: AWS documents "
    "these actions as not restrictable by resource."
)
NO_QUEUE = "Serverless::Serverless-LambdaDLQ"
NO_QUEUE_REASON = (
    "Called synchronously, or by an event source or schedule that has a queue of its own; the "
    "function's own queue would stay empty."
)
IS_QUEUE_REASON = "It is the dead-letter queue of an event source or schedule."
EXECUTIONS = (
    "AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:us-east-1:"
    "<AWS::AccountId>:execution:{stage}-upgrade:*]"
)
HELPERS = ("Empty", "Brokers", "Wallet", "Origin", "Gauge", "Topics", "Pages")
QUEUES = (
    "EventSources/StreamFailures",
    "EventSources/KafkaFailures",
    "Repair/Failures",
    "MailFeedback/Failures",
)

SERVICE: Final = (
    *(
        Row(f"{place}", rule, reason)
        for place in (
            *(f"Helpers/{name}" for name in HELPERS),
            *(f"Functions/{row.state}" for row in ROWS),
        )
        for rule, reason in ((TRACES, TRACES_REASON), (NO_QUEUE, NO_QUEUE_REASON))
    ),
    *(
        Row(place, rule, IS_QUEUE_REASON)
        for place in QUEUES
        for rule in (
            "AwsSolutions::AwsSolutions-SQS3",
            "Serverless::Serverless-SQSRedrivePolicy",
        )
    ),
    *(
        Row(f"Functions/{name}", EXECUTIONS, "Executions are named after upgrades.")
        for name in ("Api", "OpsApi", "Sweep")
    ),
    *(
        Row(
            f"Functions/{name}",
            f"AwsSolutions::AwsSolutions-IAM5[Action::kms:{action}*]",
            "CDK's grant for an encrypted queue; kms:GenerateDataKey and kms:ReEncrypt have two "
            "forms each, and the resource is the one data key.",
        )
        for name in ("PublishEvents", "Analytics", "Notify", "NotifyPush", "Audit")
        for action in ("GenerateDataKey", "ReEncrypt")
    ),
    Row("Workflow", TRACES, TRACES_REASON),
    Row("Relay/Task", TRACES, TRACES_REASON),
    *(
        Row(
            "Helpers/Empty",
            "AwsSolutions::AwsSolutions-IAM5[Resource::"
            f"NftUpgrade-{{name}}-Foundation:ExportsOutputFnGetAtt{bucket}/*]",
            "It empties these two buckets when a stage that need not be kept is destroyed.",
        )
        for bucket in ("AuditAccessLogs9A4BEAE3Arn9A49BA51", "AuditBucket7486E833Arn52E7AD47")
    ),
    Row(
        "Functions/Audit",
        "AwsSolutions::AwsSolutions-IAM5[Resource::"
        "NftUpgrade-{name}-Foundation:ExportsOutputFnGetAttAuditBucket7486E833Arn52E7AD47/audit/*]",
        "One object per audit entry; PutObject alone, under one prefix.",
    ),
    Row(
        "Functions/VerifyAudit",
        "AwsSolutions::AwsSolutions-IAM5[Resource::"
        "NftUpgrade-{name}-Foundation:ExportsOutputFnGetAttAuditBucket7486E833Arn52E7AD47/audit/*]",
        "It reads every object under this one prefix.",
    ),
    Row(
        "Repair/SchedulerRole",
        "AwsSolutions::AwsSolutions-IAM5[Resource::<FunctionsSweepFunction34B38870.Arn>:*]",
        "The scheduler's role may call any version of this one function.",
    ),
    Row(
        "HttpApi/Canary",
        "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
        "service-role/AWSCodeDeployRoleForLambdaLimited]",
        "AWS's smallest policy for CodeDeploy on Lambda.",
    ),
    Row(
        "Relay/Balancer",
        "AwsSolutions::AwsSolutions-ELB2",
        "Its access log cannot leave out the query string, in which a stream's ticket is. Every "
        "request is in CloudFront's log, without queries: the balancer is reached no other way.",
    ),
    Row(
        "Relay/Task",
        "AwsSolutions::AwsSolutions-ECS2",
        "Addresses and limits; no variable holds a secret (a test reads them back).",
    ),
    Row(
        "Helpers/Pages",
        "AwsSolutions::AwsSolutions-IAM5[Resource::<PagesBucket1F9960AC.Arn>/*]",
        "It writes and removes the pages' files, whatever their names.",
    ),
    Row(
        "Pages/Bucket",
        "AwsSolutions::AwsSolutions-S1",
        "What is in it is public, and every request for it is in CloudFront's log.",
    ),
    Row(
        "Edge/Distribution",
        "AwsSolutions::AwsSolutions-CFR1",
        "The product is sold in every country.",
    ),
    Row(
        "Edge/Distribution",
        "AwsSolutions::AwsSolutions-CFR3",
        "It is logged by standard logging v2 (EdgeLogs), which the rule does not know: the older "
        "kind always logs the query string.",
    ),
    Row(
        "Edge/Distribution",
        "AwsSolutions::AwsSolutions-CFR4",
        "Without a domain of the operator's, CloudFront's own certificate decides the protocol; "
        "with `-c domain` it is TLS 1.2 and newer.",
    ),
    Row(
        "Gauge/EveryMinute",
        "Serverless::Serverless-EventBusDLQ",
        "A measurement that was missed is replaced by the next minute's; GaugeSilent alarms.",
    ),
    Row(
        "AuditCheck/EveryHour",
        "Serverless::Serverless-EventBusDLQ",
        "A check that was missed is made up for by the next hour's; AuditUnchecked alarms.",
    ),
)
FOUNDATION: Final = (
    Row(
        "RpcUrls",
        "AwsSolutions::AwsSolutions-SMG4",
        "RPC providers issue their URLs; they are replaced by hand (docs/deployment.md).",
    ),
    Row(
        "OriginSecret",
        "AwsSolutions::AwsSolutions-SMG4",
        "CloudFront takes it at a deployment; rotating it is one (docs/deployment.md).",
    ),
    *(
        Row(
            f"Network/Vpc/{name}",
            "AwsSolutions::AwsSolutions-EC23",
            "The rule cannot read the VPC's address range, which is all that the group admits.",
        )
        for name in ("lambda", "sts")
    ),
)


def acknowledge(stack: cdk.Stack, rows: tuple[Row, ...], stage: str) -> None:
    """Write the reasons down where they hold; places that this stage lacks are passed over."""
    for row in rows:
        place = _find(stack, row.path)
        if place is not None:
            rule = row.rule.replace("{stage}", f"nft-upgrade-{stage}").replace("{name}", stage)
            cdk.Validations.of(place).acknowledge(cdk.Acknowledgment(id=rule, reason=row.reason))


def _find(stack: cdk.Stack, path: str) -> IConstruct | None:
    place: IConstruct | None = stack
    for name in path.split("/"):
        place = place.node.try_find_child(name) if place else None
    return place
