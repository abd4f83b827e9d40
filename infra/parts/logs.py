"""Log groups: encrypted, kept for the stage's time, gone with their stack."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stages import Stage


def log_group(
    scope: Construct, id: str, *, stage: Stage, data_key: kms.IKey, name: str | None = None
) -> logs.LogGroup:
    """A group under the data key, whose policy lets CloudWatch Logs use it."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        encryption_key=data_key,
        retention=_RETENTION[stage.log_days],
        removal_policy=RemovalPolicy.DESTROY,
    )


_RETENTION = {7: logs.RetentionDays.ONE_WEEK, 90: logs.RetentionDays.THREE_MONTHS}
