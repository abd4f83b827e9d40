"""What starts the sweep: the clock, and every execution that ended badly."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from infra.parts.event_sources import dead_letter_queue
from infra.stages import Stage

ENDED_BADLY = ["FAILED", "TIMED_OUT", "ABORTED"]


class Repair(Construct):
    """`failures`: calls of the sweep that never came through."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        sweep: lambda_.Function,
        state_machine_arn: str,
        data_key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.failures = dead_letter_queue(self, "Failures", data_key)
        role = iam.Role(self, "SchedulerRole", assumed_by=_scheduler())
        # The scheduler puts a call that was given up into the queue by this role's rights, and the
        # queue is encrypted.
        data_key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(stage.sweep_minutes)),
            key=data_key,
            target=scheduler_targets.LambdaInvoke(
                sweep,
                role=role,
                dead_letter_queue=self.failures,
                max_event_age=Duration.minutes(5),
                retry_attempts=2,
            ),
        )
        events.Rule(
            self,
            "AfterFailure",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"status": ENDED_BADLY, "stateMachineArn": [state_machine_arn]},
            ),
            targets=[
                targets.LambdaFunction(sweep, dead_letter_queue=self.failures, retry_attempts=2)
            ],
        )


def _scheduler() -> iam.IPrincipal:
    """For schedules of this account alone."""
    return iam.ServicePrincipal(
        "scheduler.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )
