"""Counters as CloudWatch metrics, in the embedded metric format (Powertools)."""

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "NftUpgrade"


class CloudWatchMeter:
    """`Meter`. Namespace `NftUpgrade`, dimension `consumer`; each count is one line of output."""

    def count(self, name: str, consumer: str) -> None:
        with single_metric(name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension("consumer", consumer)
