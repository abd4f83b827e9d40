"""Where the running parts' own figures are read: CloudWatch, or the relay and Kafka themselves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from local.kafka import API_VERSION, start_cluster
from nft_upgrade.adapters.cloudwatch_instruments import CloudWatchInstruments
from nft_upgrade.adapters.direct_instruments import DirectInstruments
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.ports import Readings
from tests.fakes.storage import FakeClock

FUNCTIONS = {"nft-audit": "stage-audit", "nft-analytics": "stage-analytics"}
UNKNOWN = Readings(None, {"nft-audit": None, "nft-analytics": None})


class CloudWatch:
    """botocore's own stub: requests and answers are checked against the service's model."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "cloudwatch",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def answers(self, **values: list[float]) -> None:
        results = [{"Id": id_, "Values": found} for id_, found in values.items()]
        expected = {
            "MetricDataQueries": ANY,
            "StartTime": datetime(2026, 11, 1, 11, 54, tzinfo=UTC),
            "EndTime": datetime(2026, 11, 1, 12, tzinfo=UTC),
            "ScanBy": "TimestampDescending",
        }
        self.stub.add_response("get_metric_data", {"MetricDataResults": results}, expected)


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 1, 12, 0, 7, tzinfo=UTC))


def test_the_newest_whole_minute_is_what_is_known(cloudwatch: CloudWatch, clock: FakeClock) -> None:
    cloudwatch.answers(streams=[40.0, 12.0], behind0=[3.0], behind1=[])
    read = CloudWatchInstruments(FUNCTIONS, clock, cloudwatch.client).read()
    assert read == Readings(40, {"nft-audit": 3, "nft-analytics": None})


def test_many_pages_cost_one_question_in_twenty_seconds(
    cloudwatch: CloudWatch, clock: FakeClock
) -> None:
    cloudwatch.answers(streams=[1.0], behind0=[], behind1=[])
    instruments = CloudWatchInstruments(FUNCTIONS, clock, cloudwatch.client)
    first = instruments.read()
    clock.advance(seconds=19)
    assert instruments.read() == first
    clock.advance(seconds=1)
    cloudwatch.answers(streams=[2.0], behind0=[], behind1=[])
    assert instruments.read().relay_streams == 2


def test_a_cloudwatch_that_refuses_is_a_figure_that_is_not_known(
    cloudwatch: CloudWatch, clock: FakeClock
) -> None:
    cloudwatch.stub.add_client_error("get_metric_data", "InternalServiceFault")
    assert CloudWatchInstruments(FUNCTIONS, clock, cloudwatch.client).read() == UNKNOWN


@contextmanager
def relay(text: str) -> Iterator[str]:
    """A relay's `/metrics`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_relay_itself_says_how_many_streams_it_has() -> None:
    text = "# TYPE relay_streams gauge\nrelay_streams 12\nrelay_streams_opened_total 40\n"
    with relay(text) as url:
        assert DirectInstruments(url, None, {}).read().relay_streams == 12


def test_a_relay_that_is_away_or_says_something_else_is_not_known() -> None:
    with relay("hello") as url:
        assert DirectInstruments(url, None, {}).read().relay_streams is None
    assert DirectInstruments(url, None, {}).read().relay_streams is None


def written_and_taken(settings: KafkaSettings, group: str, *, written: int, taken: int) -> str:
    """A topic of its own with records, of which the group has taken some."""
    topic = "nft-upgrade-initiated"
    producer = KafkaProducer(**client_options(settings))
    sent = [producer.send(topic, b"{}", partition=0).get(10) for _ in range(written)]
    producer.close()
    place = TopicPartition(topic, 0)
    member = KafkaConsumer(**client_options(settings), group_id=group, enable_auto_commit=False)
    member.assign([place])
    member.commit({place: _offset(sent[0].offset + taken)})
    member.close()
    return topic


def _offset(number: int) -> Any:
    return OffsetAndMetadata(number, "", -1)


def test_records_that_a_group_has_not_taken_are_counted_by_the_broker() -> None:
    with start_cluster() as brokers:
        settings = KafkaSettings(
            kafka_bootstrap_servers=brokers.addresses[0], kafka_api_version=API_VERSION
        )
        topic = written_and_taken(settings, "counted", written=5, taken=3)
        read = DirectInstruments(None, settings, {"counted": [topic]}).read()
    assert read.records_behind == {"counted": 2}


def test_a_broker_that_is_away_is_a_figure_that_is_not_known() -> None:
    nowhere = KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1", kafka_api_version="2.0")
    instruments = DirectInstruments(None, nowhere, {"any": ["nft-upgrade-initiated"]})
    assert instruments.read().records_behind == {"any": None}


def test_asking_for_a_broker_that_is_away_leaves_no_thread_behind() -> None:
    nowhere = KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1", kafka_api_version="2.0")
    before = threading.active_count()
    DirectInstruments(None, nowhere, {"any": ["nft-upgrade-initiated"]}).read()
    assert threading.active_count() == before
