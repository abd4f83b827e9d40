"""Structured logs with the upgrade's id in every line (Powertools)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from nft_upgrade.config import METRICS_NAMESPACE
from nft_upgrade.domain.errors import ProvidersDisagree, Unavailable


@cache
def logger() -> Logger:
    """The process's logger; JSON lines on standard output."""
    return Logger(service="nft-upgrade", utc=True)


@contextmanager
def step(name: str, subject: str, **facts: str) -> Iterator[None]:
    """Log how a step ended. A retryable fault is a warning: the workflow asks again."""
    with logger().append_context_keys(step=name, upgrade_request_id=subject, **facts):
        try:
            yield
        except Unavailable as fault:
            if isinstance(fault, ProvidersDisagree):
                _count("ProviderDisagreements")
            logger().warning("fault", extra={"fault": type(fault).__name__, "why": fault.detail})
            raise
        except Exception:
            logger().exception("failed")
            raise
        logger().info("done")


def _count(name: str) -> None:
    """One count of a metric that an alarm watches (infra/parts/alarms.py)."""
    if is_metrics_disabled():
        return
    with single_metric(name, unit=MetricUnit.Count, value=1, namespace=METRICS_NAMESPACE) as metric:
        metric.add_dimension("service", "nft-upgrade")
