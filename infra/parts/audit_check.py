"""What starts the check of the audit record."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class AuditCheck(Construct):
    """Once an hour, each run from where the last one stopped."""

    def __init__(self, scope: Construct, id: str, *, verify_audit: lambda_.Function) -> None:
        super().__init__(scope, id)
        events.Rule(
            self,
            "EveryHour",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[targets.LambdaFunction(verify_audit, retry_attempts=0)],
        )
