"""What becomes of upgrades, as CloudWatch metrics: counted where a transition was committed.

So each is counted once, whoever commits it: the API, a task or the sweep. A process that dies
between the commit and this line counts one too few; what must be exact is asked from the tables
(the gauge, the statistics).
"""

import os
from collections.abc import Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from nft_upgrade.config import METRICS_NAMESPACE
from nft_upgrade.domain.events import EventType
from nft_upgrade.domain.upgrade import Transition

COUNTED: Mapping[EventType, str] = {
    EventType.UPGRADE_INITIATED: "UpgradesOpened",
    EventType.BURN_CONFIRMED: "UpgradesBurned",
    EventType.UPGRADE_COMPLETED: "UpgradesCompleted",
    EventType.MINT_FAILED_RETRYABLE: "MintsFailed",
    EventType.UPGRADE_FAILED: "UpgradesFailed",
    EventType.UNDER_REVIEW: "UpgradesHeld",
    EventType.UPGRADE_EXPIRED: "UpgradesExpired",
}
DURATIONS = ("OpenToBurnedSeconds", "BurnedToCompletedSeconds")


def counts(transition: Transition) -> dict[str, float]:
    """Metric -> 1."""
    name = COUNTED.get(transition.event.type)
    return {name: 1} if name else {}


def durations(transition: Transition) -> dict[str, float]:
    """Metric -> seconds: opened to burn proven, burn proven to completed."""
    upgrade, event = transition.after, transition.event
    if event.type is EventType.BURN_CONFIRMED:
        return {DURATIONS[0]: (event.occurred_at - upgrade.created_at).total_seconds()}
    if event.type is EventType.UPGRADE_COMPLETED and upgrade.burned_at:
        return {DURATIONS[1]: (event.occurred_at - upgrade.burned_at).total_seconds()}
    return {}


def tell(transition: Transition) -> None:
    """One line of embedded metrics, in Lambda only: nobody else reads them."""
    counted = counts(transition)
    if not counted or "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE, service="nft-upgrade")
    for name, number in counted.items():
        metrics.add_metric(name, MetricUnit.Count, number)
    for name, seconds in durations(transition).items():
        metrics.add_metric(name, MetricUnit.Seconds, seconds)
    metrics.flush_metrics()
