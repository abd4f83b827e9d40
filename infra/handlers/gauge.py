"""What operators are woken by, measured once a minute from the tables and the chain.

The figures come from the state of things rather than from the code that changes it, so that they
are right also while that code does not run.
"""

from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from nft_upgrade import wiring, wiring_ops
from nft_upgrade.config import METRICS_NAMESPACE
from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.ports import Clock, Reviews, Upgrades
from nft_upgrade.use_cases.watching import backlog, people


def handler(event: dict[str, Any], context: object) -> dict[str, float]:
    """Any event measures; the answer is what was measured, a figure that failed is left out."""
    figures = measure(wiring.upgrades(), wiring_ops.reviews(), wiring.clock()) | _wallet()
    metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE, service="nft-upgrade")
    for name, figure in figures.items():
        metrics.add_metric(name, MetricUnit.NoUnit, figure)
    metrics.flush_metrics()
    return figures


def measure(upgrades: Upgrades, reviews: Reviews, clock: Clock) -> dict[str, float]:
    """People who burned and wait for their successor, those who wait for a person's decision, and
    events that Kafka does not have yet. Everybody is in one of the first two, nobody in both: no
    repair helps who waits for a person, and an alarm that rings for hours hides the next one
    (docs/decisions/0042)."""
    now = clock.now()
    everybody, late = people(upgrades, reviews, now), backlog(upgrades, now)
    return {
        "WaitingAfterBurn": len(everybody.for_us),
        "OldestWaitSeconds": everybody.longest(everybody.for_us),
        "UnderReview": len(everybody.for_a_person),
        "OldestReviewSeconds": everybody.longest(everybody.for_a_person),
        "EventsUnpublished": late.unpublished,
        "EventLagSeconds": late.oldest_seconds,
    }


def _wallet() -> dict[str, float]:
    try:
        return {"WalletLamports": float(wiring.chain().balance(wiring.signer().address()))}
    except UpgradeError:
        return {}
