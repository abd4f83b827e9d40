"""One page for whoever was woken: people first, then the machinery."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.parts.alarms import counter, gauge
from infra.rows import consumers
from infra.stages import Stage

PERIOD = Duration.minutes(1)


class Dashboard(Construct):
    """Named after the stage."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        alarms: Sequence[cloudwatch.Alarm],
        functions: Mapping[str, lambda_.Function],
        machine: sfn.StateMachine,
        relay: elb.ApplicationLoadBalancer,
    ) -> None:
        super().__init__(scope, id)
        shown = functions.values()
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=stage.full_name,
            default_interval=Duration.hours(3),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24)],
                [
                    _graph("Waiting after their burn", [gauge("WaitingAfterBurn")]),
                    _graph("Oldest wait, seconds", [gauge("OldestWaitSeconds")]),
                    _graph("System wallet, lamports", [gauge("WalletLamports", "Minimum")]),
                ],
                [
                    _graph(
                        "Executions",
                        [
                            machine.metric_started(period=PERIOD),
                            machine.metric_succeeded(period=PERIOD),
                            machine.metric_failed(period=PERIOD),
                        ],
                    ),
                    _graph("Execution time", [machine.metric_time(period=PERIOD)]),
                    _graph("Event lag, seconds", [gauge("EventLagSeconds")]),
                ],
                [
                    _graph("Errors", [each.metric_errors(period=PERIOD) for each in shown]),
                    _graph("Duration", [each.metric_duration(period=PERIOD) for each in shown]),
                    _graph("Relay: connections", [relay.metrics.active_connection_count()]),
                ],
                _upgrades(),
                [
                    _graph(
                        "Consumers' dead letters",
                        [counter("DeadLetters", row.group) for row in consumers() if row.group],
                    ),
                ],
            ],
        )


def _upgrades() -> list[cloudwatch.IWidget]:
    """What `adapters/upgrade_metrics.py`, the gauge and the relays tell."""
    became = ("Opened", "Burned", "Completed", "Held", "Failed", "Expired")
    waits = ("OpenToBurnedSeconds", "BurnedToCompletedSeconds")
    return [
        _graph(
            "Upgrades, per minute",
            [*(gauge(f"Upgrades{name}", "Sum") for name in became), gauge("MintsFailed", "Sum")],
        ),
        _graph(
            "Opened to burned, burned to completed: seconds",
            [gauge(name, statistic) for name in waits for statistic in ("p50", "p99")],
        ),
        _graph(
            "People under review; open streams",
            [gauge("UnderReview"), gauge("RelayStreams", "Sum")],
        ),
    ]


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
