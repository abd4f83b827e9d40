"""What CloudWatch is told about the relay: a line of embedded metrics on standard output now and
then, which CloudWatch Logs turns into metrics. `/metrics` has more, for who can reach it.

Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/\
CloudWatch_Embedded_Metric_Format_Specification.html
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from nft_upgrade.config import METRICS_NAMESPACE
from relay.metrics import Figures

UNITS = {"RelayStreams": "Count", "RelayKafkaLag": "Count", "RelayTableReadFailures": "Count"}
SERVICE = "nft-upgrade"


class Telling:
    """Counters are told as what was added since the last line."""

    def __init__(self, figures: Callable[[], Figures], write: Callable[[str], object]) -> None:
        self._figures = figures
        self._write = write
        self._failures = 0

    async def for_ever(self, seconds: float) -> None:
        """One line every so often, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            self.tell(time.time())

    def tell(self, now: float) -> None:
        """`now`: seconds since 1970."""
        figures = self._figures()
        failed = figures.table_read_failures - self._failures
        self._failures = figures.table_read_failures
        values = (figures.streams, figures.source.lag, failed)
        told = dict(zip(UNITS, values, strict=True))
        self._write(json.dumps(_embedded(told, int(now * 1000))) + "\n")


def _embedded(values: dict[str, int], milliseconds: int) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in UNITS.items()]
    directive = {"Namespace": METRICS_NAMESPACE, "Dimensions": [["service"]], "Metrics": metrics}
    envelope = {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}
    return {"_aws": envelope, "service": SERVICE, **values}
