"""The whole way, table to projections, over the pump of `make run`: once per kind of engine."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

import boto3
import pytest

from local.engines import NAMED, version
from local.process import Part
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics
from nft_upgrade.config import KafkaSettings
from tests.delivery.world import Delivery
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.kafka import KafkaEndpoint


@dataclass(frozen=True, slots=True)
class Engines:
    """A table service and a Kafka, and what a process needs to use them."""

    tables: str
    kafka: KafkaSettings
    environment: Mapping[str, str]


@pytest.fixture
def embedded(aws: AwsEndpoint) -> Iterator[Engines]:
    """What `make run` takes by itself; brokers of this test's own."""
    with Part("local.kafka", "--port", "0") as part:
        endpoint = KafkaEndpoint(part.wait(), "2.0")
        yield Engines(aws.url, endpoint.settings, {**aws.environment, **endpoint.environment})


@pytest.fixture
def real(aws: AwsEndpoint, dynamodb_local: str, apache_kafka: KafkaEndpoint) -> Iterator[Engines]:
    """KAFKA=apache DYNAMODB=local; S3 and SES stay with the emulator."""
    prefix = f"path{uuid4().hex[:6]}-"
    kafka = KafkaSettings(
        kafka_bootstrap_servers=apache_kafka.bootstrap,
        kafka_api_version=None,
        kafka_topic_prefix=prefix,
    )
    ensure_topics(kafka, ONE_BROKER)
    tables = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": dynamodb_local,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, text in tables.items():
            patch.setitem(os.environ, name, text)
        yield Engines(
            dynamodb_local,
            kafka,
            {
                **aws.environment,
                **tables,
                **apache_kafka.environment,
                "KAFKA_TOPIC_PREFIX": prefix,
            },
        )


def everything_arrives(engines: Engines) -> None:
    """Two upgrades committed while the pump runs; one before it starts."""
    world = Delivery(engines.tables, engines.kafka)
    world.commit()
    environment = {
        **engines.environment,
        "TABLE_PREFIX": world.prefix,
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    with Part("local.streams", "--sweep-seconds", "0", environment=environment) as pump:
        pump.wait(60)
        world.commit(2)
        eventually(world.require_each_once)
        eventually(world.require_all_marked)
    objects = boto3.client("s3").list_objects_v2(
        Bucket=engines.environment["AUDIT_BUCKET"],
        Prefix=f"audit/{world.committed[0].upgrade_id}/",
    )
    assert objects["KeyCount"] == 9
    world.close()


def eventually(check: Callable[[], None], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_every_event_arrives_over_the_embedded_engines(embedded: Engines) -> None:
    everything_arrives(embedded)


@pytest.mark.engines
def test_every_event_arrives_over_the_real_engines(real: Engines) -> None:
    everything_arrives(real)


@pytest.mark.parametrize(
    ("module", "engine"), [("local.kafka", "embedded Kafka, librdkafka 2."), ("local.aws", "AWS")]
)
def test_embedded_engines_say_what_they_are(module: str, engine: str) -> None:
    lines: list[str] = []
    with Part(module, "--port", "0", on_line=lines.append) as part:
        part.wait()
    assert [line for line in lines if line.startswith(NAMED + engine)], lines


@pytest.mark.engines
def test_dynamodb_local_says_what_it_is() -> None:
    lines: list[str] = []
    with Part("local.dynamodb_local", "--port", "0", on_line=lines.append) as part:
        part.wait(120)
    assert f"{NAMED}DynamoDB Local {version('dynamodb-local')}" in lines
