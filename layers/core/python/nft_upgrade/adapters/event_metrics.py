"""Counters as CloudWatch metrics, in the embedded metric format (Powertools)."""

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from nft_upgrade.config import METRICS_NAMESPACE


class CloudWatchMeter:
    """`Meter`. Namespace `NftUpgrade`, dimension `consumer`; each count is one line of output.
    `single_metric` does not heed POWERTOOLS_METRICS_DISABLED, so this asks for it."""

    def count(self, name: str, consumer: str) -> None:
        if is_metrics_disabled():
            return
        with single_metric(
            name, unit=MetricUnit.Count, value=1, namespace=METRICS_NAMESPACE
        ) as metric:
            metric.add_dimension("consumer", consumer)
