"""What wakes an operator. Every alarm says what it means for users and names its runbook page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.parts.event_sources import consumer_group
from infra.rows import consumers
from infra.stages import Stage
from nft_upgrade.config import METRICS_NAMESPACE
from nft_upgrade.consumers import audit, notification, outbox

MINUTE = Duration.minutes(1)
MISSING = cloudwatch.TreatMissingData
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the alarms look at."""

    functions: Mapping[str, lambda_.Function]
    machine: sfn.StateMachine
    queues: Mapping[str, sqs.Queue]
    relay_targets: elb.ApplicationTargetGroup
    api_errors: cloudwatch.Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One alarm. `runbook`: a page's path and anchor under docs/."""

    id: str
    metric: cloudwatch.IMetric
    threshold: float
    minutes: int = 1
    says: str
    runbook: str
    operator: cloudwatch.ComparisonOperator = AT_LEAST
    missing: cloudwatch.TreatMissingData = MISSING.NOT_BREACHING


def gauge(name: str, statistic: str = "Maximum") -> cloudwatch.Metric:
    """A figure of `infra/handlers/gauge.py`."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"service": "nft-upgrade"},
        statistic=statistic,
        period=MINUTE,
    )


def counter(name: str, consumer: str, period: Duration = MINUTE) -> cloudwatch.Metric:
    """A count of the consumers' `CloudWatchMeter`."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"consumer": consumer},
        statistic="Sum",
        period=period,
    )


def time_lag(consumer: str, topic: str, cluster_name: str) -> cloudwatch.Metric:
    """Seconds, MSK's estimate: how old the oldest record is that a consumer has not taken.

    https://docs.aws.amazon.com/msk/latest/developerguide/consumer-lag.html
    """
    return cloudwatch.Metric(
        namespace="AWS/Kafka",
        metric_name="EstimatedMaxTimeLag",
        dimensions_map={
            "Cluster Name": cluster_name,
            "Consumer Group": consumer_group(consumer, topic),
            "Topic": topic,
        },
        statistic="Maximum",
        period=MINUTE,
    )


class Alarms(Construct):
    """`topic`, and `alarms` for the dashboard."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, watched: Watched, data_key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self.topic = sns.Topic(self, "Topic", master_key=data_key, enforce_ssl=True)
        _admit_alarms(self.topic)
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        self.alarms = [watched.api_errors]
        self.alarms += [self._alarm(row) for row in _rows(stage, watched)]
        for alarm in self.alarms:
            alarm.add_alarm_action(actions.SnsAction(self.topic))
            alarm.add_ok_action(actions.SnsAction(self.topic))

    def _alarm(self, row: Row) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            row.id,
            metric=row.metric,
            threshold=row.threshold,
            evaluation_periods=row.minutes,
            comparison_operator=row.operator,
            treat_missing_data=row.missing,
            alarm_description=f"{row.says} Runbook: docs/{row.runbook}",
        )


def _admit_alarms(topic: sns.Topic) -> None:
    """A topic with a policy of its own has lost SNS's default one, and admits nobody by itself."""
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )


def _rows(stage: Stage, watched: Watched) -> Iterator[Row]:
    yield from _people(stage)
    yield from _mints()
    yield from _machine(watched.machine)
    yield from _relay(watched.relay_targets)
    yield from _events(watched)
    yield from _consumers(stage)
    yield from _alerts()
    yield from _mail()
    for name in ("sweep", "publish_events", "submit_mint"):
        yield _throttled(name, watched.functions[name])


def _people(stage: Stage) -> Iterator[Row]:
    yield Row(
        id="WaitingTooLong",
        metric=gauge("OldestWaitSeconds"),
        threshold=600,
        minutes=2,
        says="Somebody burned an NFT more than 10 minutes ago and has no successor.",
        runbook="deployment.md#upgrade-stuck",
    )
    yield Row(
        id="ReviewWaiting",
        metric=gauge("OldestReviewSeconds"),
        threshold=3_600,
        says="Somebody has waited for an hour for a person's decision about their burn.",
        runbook="deployment.md#review-waiting",
    )
    yield Row(
        id="ManyWaiting",
        metric=gauge("WaitingAfterBurn"),
        threshold=100,
        minutes=5,
        says="A hundred people have burned and wait for their successors.",
        runbook="deployment.md#upgrade-stuck",
    )
    yield Row(
        id="GaugeSilent",
        metric=gauge("WaitingAfterBurn", "SampleCount"),
        threshold=1,
        minutes=5,
        operator=BELOW,
        missing=MISSING.BREACHING,
        says="Nobody measures how many people wait.",
        runbook="deployment.md#upgrade-stuck",
    )
    yield Row(
        id="WalletLow",
        metric=gauge("WalletLamports", "Minimum"),
        threshold=stage.wallet_low_lamports,
        operator=BELOW,
        says="The system wallet is running out of SOL; new upgrades will be refused.",
        runbook="deployment.md#wallet-low",
    )
    yield Row(
        id="WalletUnknown",
        metric=gauge("WalletLamports", "SampleCount"),
        threshold=1,
        minutes=5,
        operator=BELOW,
        missing=MISSING.BREACHING,
        says="The RPC providers do not answer, or contradict each other.",
        runbook="deployment.md#rpc-disagreement",
    )


def _mints() -> Iterator[Row]:
    yield Row(
        id="MintsFailing",
        metric=gauge("MintsFailed", "Sum"),
        threshold=5,
        minutes=3,
        says="Mint attempts keep failing; each is tried again by itself.",
        runbook="deployment.md#upgrade-stuck",
    )


def _machine(machine: sfn.StateMachine) -> Iterator[Row]:
    metrics = {
        "Failed": machine.metric_failed(period=MINUTE),
        "TimedOut": machine.metric_timed_out(period=MINUTE),
        "Aborted": machine.metric_aborted(period=MINUTE),
    }
    for name, metric in metrics.items():
        yield Row(
            id=f"Executions{name}",
            metric=metric,
            threshold=1,
            says=f"An execution {name}; the sweep has been started and goes on with it.",
            runbook="deployment.md#upgrade-stuck",
        )


def _relay(targets: elb.ApplicationTargetGroup) -> Iterator[Row]:
    yield Row(
        id="RelayDown",
        metric=targets.metrics.healthy_host_count(period=MINUTE, statistic="Minimum"),
        threshold=1,
        minutes=2,
        operator=BELOW,
        missing=MISSING.BREACHING,
        says="No relay is healthy: nobody sees progress live; upgrades go on.",
        runbook="deployment.md#relay-down",
    )
    yield Row(
        id="RelayErrors",
        metric=targets.metrics.http_code_target(
            elb.HttpCodeTarget.TARGET_5XX_COUNT, period=MINUTE, statistic="Sum"
        ),
        threshold=10,
        minutes=3,
        says="The relay answers with errors.",
        runbook="deployment.md#relay-down",
    )


def _events(watched: Watched) -> Iterator[Row]:
    yield Row(
        id="EventLag",
        metric=gauge("EventLagSeconds"),
        threshold=300,
        minutes=2,
        says="Events do not reach Kafka; nothing is lost, consumers fall behind.",
        runbook="deployment.md#kafka-down",
    )
    yield Row(
        id="StreamBehind",
        metric=watched.functions["publish_events"].metric(
            "IteratorAge", period=MINUTE, statistic="Maximum"
        ),
        threshold=300_000,
        minutes=2,
        says="The table's stream is not read.",
        runbook="deployment.md#kafka-down",
    )
    for name, queue in watched.queues.items():
        yield Row(
            id=f"{name}NotEmpty",
            metric=queue.metric_approximate_number_of_messages_visible(
                period=MINUTE, statistic="Maximum"
            ),
            threshold=1,
            says="Something was given up after all attempts and waits for an operator.",
            runbook="deployment.md#dlq-not-empty",
        )
    yield Row(
        id="OutboxRefused",
        metric=counter("OutboxRefused", outbox.NAME),
        threshold=1,
        says="An event is not as its schema says and is held back; it stays in the table.",
        runbook="operations.md#an-event-that-is-held-back",
    )
    yield Row(
        id="AuditBroken",
        metric=counter("AuditBroken", audit.NAME),
        threshold=1,
        says="A chain of the audit record is broken; the log of verify_audit names the link.",
        runbook="operations.md#a-broken-audit-chain",
    )
    yield Row(
        id="AuditUnchecked",
        metric=counter("AuditRuns", audit.NAME, period=Duration.hours(3)),
        threshold=1,
        operator=BELOW,
        missing=MISSING.BREACHING,
        says="Nobody has checked the audit record for three hours.",
        runbook="operations.md#a-broken-audit-chain",
    )
    yield Row(
        id="AuditConflict",
        metric=counter("AuditConflicts", "nft-audit"),
        threshold=1,
        says="Two different records claim one place in the audit trail.",
        runbook="deployment.md#key-compromise",
    )


def _consumers(stage: Stage) -> Iterator[Row]:
    for row in consumers():
        assert row.group
        yield Row(
            id=f"DeadLetters-{row.group}",
            metric=counter("DeadLetters", row.group),
            threshold=1,
            says=f"{row.name} could not take a record; it waits in the dead-letter topic.",
            runbook="operations.md#dead-letters",
        )
        for topic in row.topics:
            yield Row(
                id=f"ConsumerBehind-{consumer_group(row.group, topic)}",
                metric=time_lag(row.group, topic, stage.full_name),
                threshold=600,
                minutes=5,
                says=f"{row.name} is ten minutes behind {topic} or stands still; nothing is lost.",
                runbook="deployment.md#consumer-behind",
            )


def _alerts() -> Iterator[Row]:
    """What the code itself calls a human for (the port `Alerts`); its log line says the rest."""
    yield Row(
        id="RegistryMismatch",
        metric=gauge("RegistryMismatches", "Sum"),
        threshold=1,
        says="Registry, chain and requests contradict each other about an NFT.",
        runbook="operations.md#registry-mismatch",
    )
    yield Row(
        id="UnreadableTransaction",
        metric=gauge("UnreadableTransactions", "Sum"),
        threshold=1,
        says="Somebody burned in a transaction that we cannot read; the request is held.",
        runbook="operations.md#unreadable-transaction",
    )
    yield Row(
        id="ProvidersDisagree",
        metric=gauge("ProviderDisagreements", "Sum"),
        threshold=1,
        minutes=3,
        says="RPC providers contradict each other; what they decide is held.",
        runbook="operations.md#providers-disagree",
    )


def _mail() -> Iterator[Row]:
    """AWS reviews an account at 5 % bounces or 0.1 % complaints; we want to know before.

    https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html
    """
    for name, share, what in (
        ("BounceRate", 0.03, "bounces"),
        ("ComplaintRate", 0.0008, "is called spam"),
    ):
        yield Row(
            id=f"Mail{name}",
            metric=cloudwatch.Metric(
                namespace="AWS/SES",
                metric_name=f"Reputation.{name}",
                statistic="Maximum",
                period=Duration.minutes(15),
            ),
            threshold=share,
            says=f"So much mail {what} that AWS may stop all of it.",
            runbook="deployment.md#mail-trouble",
        )
    for name, count, what in (
        ("DeliveriesUncertain", 1, "may or may not have been sent, and is not repeated"),
        ("DeliveriesRefused", 10, "was refused for good"),
    ):
        for by, consumer in (("Mail", notification.NAME), ("Push", notification.PUSH_NAME)):
            yield Row(
                id=f"{by}{name}",
                metric=counter(name, consumer),
                threshold=count,
                says=f"{by}: a message {what}.",
                runbook="deployment.md#mail-trouble",
            )


def _throttled(name: str, function: lambda_.Function) -> Row:
    return Row(
        id=f"Throttled-{name}",
        metric=function.metric_throttles(period=MINUTE),
        threshold=1,
        minutes=5,
        says=f"{name} is called more often than it may run.",
        runbook="deployment.md#upgrade-stuck",
    )
