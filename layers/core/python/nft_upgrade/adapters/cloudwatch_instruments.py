"""`Instruments` on AWS: what relays and event sources tell CloudWatch once a minute.

Nobody in front of the VPC can ask a relay or a broker itself, and a figure that is a minute old is
good enough for a person. Read at most every twenty seconds, however many pages are open.
"""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nft_upgrade.config import METRICS_NAMESPACE
from nft_upgrade.ports import Clock, Readings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

KEPT = timedelta(seconds=20)
LOOKED_BACK = timedelta(minutes=6)
"""A minute's figure may be told up to a few minutes later."""
MINUTE = 60
STREAMS = "streams"
SERVICE = {"Name": "service", "Value": "nft-upgrade"}
_PATIENCE = Config(connect_timeout=2, read_timeout=3, retries={"max_attempts": 1})
log = logging.getLogger(__name__)


class CloudWatchInstruments:
    """`functions`: consumer group -> name of its Lambda function."""

    def __init__(
        self,
        functions: Mapping[str, str],
        clock: Clock,
        client: "CloudWatchClient | None" = None,
    ) -> None:
        self._groups = tuple(functions)
        self._queries = [_streams(), *(_behind(n, f) for n, f in enumerate(functions.values()))]
        self._clock = clock
        self._client = client
        self._mutex = threading.Lock()
        self._kept: tuple[datetime, Readings] | None = None

    def read(self) -> Readings:
        with self._mutex:
            now = self._clock.now()
            if self._kept is None or now - self._kept[0] >= KEPT:
                self._kept = (now, self._ask(now))
            return self._kept[1]

    def _ask(self, now: datetime) -> Readings:
        # Whole minutes only: the sum of one that has just begun misses relays.
        end = now.replace(second=0, microsecond=0)
        try:
            self._client = self._client or boto3.client("cloudwatch", config=_PATIENCE)
            answer = self._client.get_metric_data(
                MetricDataQueries=self._queries,
                StartTime=end - LOOKED_BACK,
                EndTime=end,
                ScanBy="TimestampDescending",
            )
        except (ClientError, BotoCoreError) as error:
            log.warning("CloudWatch does not answer: %s", error)
            return Readings(None, dict.fromkeys(self._groups))
        newest = {each["Id"]: _newest(each) for each in answer["MetricDataResults"]}
        behind = {group: newest.get(f"behind{n}") for n, group in enumerate(self._groups)}
        return Readings(newest.get(STREAMS), behind)


def _newest(result: Any) -> int | None:
    return int(result["Values"][0]) if result["Values"] else None


def _streams() -> "MetricDataQueryTypeDef":
    """Each relay tells its own once a minute: their sum is all of them."""
    return _query(STREAMS, METRICS_NAMESPACE, "RelayStreams", SERVICE, "Sum")


def _behind(number: int, function: str) -> "MetricDataQueryTypeDef":
    """Of all partitions and topics of a function, the one that is furthest behind.

    https://aws.amazon.com/blogs/compute/offset-lag-metric-for-amazon-msk-as-an-event-source-for-lambda/
    """
    named = {"Name": "FunctionName", "Value": function}
    return _query(f"behind{number}", "AWS/Lambda", "OffsetLag", named, "Maximum")


def _query(
    id_: str, namespace: str, name: str, dimension: Mapping[str, str], statistic: str
) -> "MetricDataQueryTypeDef":
    metric: Any = {"Namespace": namespace, "MetricName": name, "Dimensions": [dimension]}
    return {
        "Id": id_,
        "MetricStat": {"Metric": metric, "Period": MINUTE, "Stat": statistic},
        "ReturnData": True,
    }
