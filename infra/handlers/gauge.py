"""What operators are woken by, measured once a minute from the tables and the chain.

The figures come from the state of things rather than from the code that changes it, so that they
are right also while that code does not run.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from nft_upgrade import wiring
from nft_upgrade.adapters.dynamodb_reviews import DynamoDbReviews
from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import DUE_SHARDS, Clock, Upgrades

NAMESPACE = "NftUpgrade"
WAITING = frozenset(
    {
        Status.BURN_PENDING,
        Status.BURN_CONFIRMED,
        Status.MINT_PENDING,
        Status.FAILED_RETRYABLE,
    }
)
"""What an upgrade is in while a user who has burned, or says so, waits for us."""
AT_MOST = 1_000
EVER = timedelta(days=3650)


def handler(event: dict[str, Any], context: object) -> dict[str, float]:
    """Any event measures; the answer is what was measured, a figure that failed is left out."""
    reviews = DynamoDbReviews(wiring.database())
    figures = measure(wiring.upgrades(), reviews, wiring.clock()) | _wallet()
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="nft-upgrade")
    for name, figure in figures.items():
        metrics.add_metric(name, MetricUnit.NoUnit, figure)
    metrics.flush_metrics()
    return figures


class Reviews(Protocol):
    """See `DynamoDbReviews`."""

    def held(self, *, besides: Iterable[str], limit: int) -> Sequence[Upgrade]: ...


def measure(upgrades: Upgrades, reviews: Reviews, clock: Clock) -> dict[str, float]:
    """People waiting after their burn, for us or for a person's decision, and events that Kafka
    does not have yet."""
    now = clock.now()
    due = [
        upgrade
        for shard in range(DUE_SHARDS)
        for upgrade in upgrades.due(before=now + EVER, limit=AT_MOST, shard=shard)
    ]
    held = reviews.held(besides=[upgrade.id for upgrade in due], limit=AT_MOST)
    waiting = [*held, *(upgrade for upgrade in due if upgrade.status in WAITING)]
    waits = [_seconds(now, upgrade) for upgrade in waiting]
    late = upgrades.unpublished(before=now, limit=AT_MOST)
    return {
        "WaitingAfterBurn": len(waits),
        "OldestWaitSeconds": max(waits, default=0.0),
        "UnderReview": len(held),
        "EventsUnpublished": len(late),
        "EventLagSeconds": _oldest((event.occurred_at for event in late), now),
    }


def _seconds(now: datetime, upgrade: Upgrade) -> float:
    return (now - (upgrade.burned_at or upgrade.updated_at)).total_seconds()


def _oldest(moments: Iterable[datetime], now: datetime) -> float:
    return max(((now - moment).total_seconds() for moment in moments), default=0.0)


def _wallet() -> dict[str, float]:
    try:
        return {"WalletLamports": float(wiring.chain().balance(wiring.signer().address()))}
    except UpgradeError:
        return {}
