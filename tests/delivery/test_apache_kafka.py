"""The broker's own faults, on Apache Kafka: stopped for a while, killed, started on its data."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from local.apache_kafka import free_port
from local.engines import NAMED
from local.process import Part
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics
from nft_upgrade.config import KafkaSettings
from tests.delivery.world import OUTAGE_SECONDS, Delivery
from tests.fixtures.aws import AwsEndpoint

pytestmark = [
    pytest.mark.engines,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Broker:
    """One node on one port and one data directory, through several lives."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        self._data_dir = data_dir
        self._part: Part | None = None
        self.lines: list[str] = []

    def start(self) -> None:
        arguments = ("--port", str(self.port), "--data-dir", str(self._data_dir))
        self._part = Part("local.apache_kafka", *arguments, on_line=self.lines.append)
        self._part.wait(120)

    def kill(self) -> None:
        """kill -9; the Java process dies with the one that started it."""
        assert self._part
        self._part.kill()
        self._part = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes bytes and does nothing with them, until it goes on where it was."""
        assert self._part
        pids = _family(self._part.process.pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._part:
            self._part.stop(20)
        self._part = None


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("kafka"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def world(aws: AwsEndpoint, broker: Broker) -> Iterator[Delivery]:
    settings = KafkaSettings(
        kafka_bootstrap_servers=f"127.0.0.1:{broker.port}",
        kafka_api_version=None,
        kafka_topic_prefix=f"w{uuid4().hex[:6]}-",
    )
    ensure_topics(settings, ONE_BROKER)
    made = Delivery(aws.url, settings, seconds=1.0)
    yield made
    made.close()


@contextmanager
def publishing(world: Delivery) -> Iterator[threading.Thread]:
    """The stream's batch, delivered again and again until all of it is in Kafka."""
    payload = world.payload(world.committed)
    thread = threading.Thread(target=world.publish, args=(payload,))
    thread.start()
    yield thread
    thread.join(90)
    assert not thread.is_alive(), "the batch never got through"


def test_the_engine_says_what_it_is(broker: Broker) -> None:
    assert [line for line in broker.lines if line.startswith(NAMED)] == [
        f"{NAMED}Apache Kafka 4.3.1"
    ]


@pytest.mark.timeout(OUTAGE_SECONDS + 240)
def test_the_broker_is_stopped_while_events_are_committed_and_started_again(
    world: Delivery, broker: Broker
) -> None:
    """Away for many times as long as one delivery may take, so that every attempt fails."""
    world.commit()
    world.publish(world.payload(world.committed))
    broker.stop()
    later = world.commit()
    answer = world.outbox().handle(world.payload(later))
    assert answer["batchItemFailures"][0]["itemIdentifier"] == "1000"
    with publishing(world):
        time.sleep(OUTAGE_SECONDS)
        broker.start()
    world.consume(size=20)
    world.require_each_once()
    world.require_all_marked()


def test_the_broker_is_killed_while_it_is_written_to(world: Delivery, broker: Broker) -> None:
    world.commit(3)
    with publishing(world):
        while not world.records():
            time.sleep(0.01)
        broker.kill()
        broker.start()
    world.consume(size=20)
    world.require_each_once()
    world.require_all_marked()


def test_an_error_is_reported_although_the_records_are_written(
    world: Delivery, broker: Broker
) -> None:
    """The broker reads the request after the producer has given up, and writes what is in it."""
    events = world.commit()
    world.outbox().publish(events[:1])
    with broker.frozen():
        answer = world.outbox().handle(world.payload(events))
        assert answer["batchItemFailures"]
    deadline = time.monotonic() + 30
    while len(world.records()) < 2:
        assert time.monotonic() < deadline, "what was sent was not written"
        time.sleep(0.2)
    with publishing(world):
        pass
    assert len(world.records()) > len(events)
    world.consume(size=20)
    world.require_each_once()
    world.require_all_marked()
