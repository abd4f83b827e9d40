"""`Alerts`: a log line at level error, and a count as a CloudWatch metric (Powertools)."""

import json
import logging

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from nft_upgrade.config import METRICS_NAMESPACE

SERVICE = "nft-upgrade"
log = logging.getLogger(__name__)


class CloudWatchAlerts:
    """Namespace `NftUpgrade`, dimension `service`, as the gauge's figures."""

    def call(self, metric: str, says: str, **facts: str) -> None:
        log.error("%s: %s %s", metric, says, json.dumps(facts, sort_keys=True))
        if is_metrics_disabled():
            return
        with single_metric(
            metric, unit=MetricUnit.Count, value=1, namespace=METRICS_NAMESPACE
        ) as single:
            single.add_dimension("service", SERVICE)
