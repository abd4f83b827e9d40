"""The figures that the alarms watch, measured every minute."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.environment import environment
from infra.parts.helpers import Helpers
from infra.resources import Resources, knows_wallet, reads, speaks_to_solana
from nft_upgrade.adapters.dynamodb_tables import UPGRADES
from nft_upgrade.config import StepSettings


class Gauge(Construct):
    """It reads one table and the wallet's balance, and can change nothing."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        helpers: Helpers,
        resources: Resources,
        settings: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        made = helpers.function("Gauge", "gauge", environment=environment(StepSettings, settings))
        for grant in (reads(UPGRADES), knows_wallet, speaks_to_solana):
            grant(resources, made.role)
        events.Rule(
            self,
            "EveryMinute",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(made.function, retry_attempts=0)],
        )
