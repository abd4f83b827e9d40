"""Whatever fails on the way, each committed event is taken exactly once: checked by counting.

On the embedded brokers and on Apache Kafka; the broker's own faults there are in test_apache_kafka.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.client import BaseClient
from kafka import KafkaProducer

from local.kafka import API_VERSION, start_cluster
from local.rdkafka_mock import MockCluster
from nft_upgrade.adapters.event_schema import check_event
from nft_upgrade.adapters.kafka_dead_letters import letter_of
from nft_upgrade.adapters.kafka_events import KafkaPublisher, client_options
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.outbox import CheckedPublisher
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPIC_COMPLETED, TOPIC_DEAD_LETTERS, from_record
from nft_upgrade.use_cases.comparing import CompareReport
from nft_upgrade.use_cases.sweeping import STREAM_PATIENCE, Sweeping
from tests.delivery.world import OUTAGE_SECONDS, Death, Delivery
from tests.fakes.events import FixedClock
from tests.fakes.storage import FakeBookmarks
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.kafka import KafkaEndpoint
from tests.kafka_reading import records_in

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with start_cluster() as brokers:
        yield brokers


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.engines)])
def world(request: pytest.FixtureRequest) -> Delivery:
    made: Delivery = request.getfixturevalue(f"{request.param}_world")
    return made


@pytest.fixture
def apache_world(aws: AwsEndpoint, apache_kafka: KafkaEndpoint) -> Iterator[Delivery]:
    settings = KafkaSettings(
        kafka_bootstrap_servers=apache_kafka.bootstrap,
        kafka_api_version=None,
        kafka_topic_prefix=f"f{uuid4().hex[:6]}-",
        kafka_fetch_max_wait_ms=5,
    )
    ensure_topics(settings, ONE_BROKER)
    made = Delivery(aws.url, settings, seconds=5.0)
    yield made
    made.close()


@pytest.fixture
def embedded_world(aws: AwsEndpoint, cluster: MockCluster) -> Iterator[Delivery]:
    settings = KafkaSettings(
        kafka_bootstrap_servers=cluster.addresses[0],
        kafka_api_version=API_VERSION,
        kafka_fetch_max_wait_ms=5,
    )
    made = Delivery(aws.url, settings)
    yield made
    made.close()


class DyingMarks:
    """`Upgrades.mark_published` of a process that ends after so many marks."""

    def __init__(self, world: Delivery, left: int) -> None:
        self._world = world
        self._left = left

    def mark_published(self, event: UpgradeEvent, *, at: datetime) -> None:
        if self._left == 0:
            raise Death
        self._left -= 1
        self._world.upgrades.mark_published(event, at=at)


class NothingToCompare:
    """`Comparing` over an empty registry."""

    def run(self) -> CompareReport:
        return CompareReport()


def sweep(world: Delivery, *, at: datetime) -> Any:
    """One run of the scheduled sweep; there is nothing for it to do but the outbox."""
    checked = CheckedPublisher(world.publisher, check_event, world.meter)
    nobody: Any = None
    return Sweeping(
        upgrades=world.upgrades,
        chain=nobody,
        burning=nobody,
        ending=nobody,
        minting=nobody,
        workflow=nobody,
        publisher=checked,
        comparing=NothingToCompare(),  # type: ignore[arg-type]
        bookmarks=FakeBookmarks(),
        clock=FixedClock(at),
    ).run()


def test_nothing_fails(world: Delivery) -> None:
    world.publish(world.payload(world.commit(2)))
    world.consume()
    world.require_each_once()
    world.require_all_marked()


@pytest.mark.parametrize("marked", [0, 4])
def test_the_publisher_is_killed_between_produce_and_mark(world: Delivery, marked: int) -> None:
    payload = world.payload(world.commit())
    with pytest.raises(Death):
        world.publish(payload, world.outbox(DyingMarks(world, marked)))  # type: ignore[arg-type]
    assert len(world.records()) == 9
    world.publish(payload)  # the stream gives the batch to the next process
    assert len(world.records()) == 18
    world.consume()
    world.require_each_once()
    world.require_all_marked()


def test_an_answer_that_is_lost_after_the_write(
    embedded_world: Delivery, cluster: MockCluster
) -> None:
    """The broker writes, the producer hears of it too late and reports an error."""
    world = embedded_world
    events = world.commit()
    payload = world.payload(events)
    world.outbox().publish(events[:1])  # connected: no other request is slow
    cluster.set_answer_delay(5_000)
    impatient = world.outbox().handle(payload)
    assert impatient["batchItemFailures"]
    cluster.set_answer_delay(0)
    written = [event.event_id for event in _events(world)]
    assert len(written) > 1  # the error notwithstanding
    world.publish(payload)
    assert len(_events(world)) > len(events)
    world.consume()
    world.require_each_once()
    world.require_all_marked()


@pytest.mark.parametrize("seed", range(2))
def test_stream_records_come_twice_and_out_of_order(world: Delivery, seed: int) -> None:
    events = world.commit() * 3
    random.Random(seed).shuffle(events)
    world.publish(world.payload(events))
    world.consume(size=5)
    world.require_each_once()
    world.require_all_marked()


WRITES = frozenset({"PutItem", "UpdateItem", "TransactWriteItems", "PutObject"})


@contextmanager
def dying_at_write(number: int, moment: str) -> Iterator[list[str]]:
    """The process ends before or after its n-th write to AWS, and does nothing after that."""
    calls: list[str] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, arguments: Any) -> Any:
        calls.append(operation)
        written = sum(each in WRITES for each in calls)
        is_it = written == number and operation in WRITES
        if written > number or (is_it and moment == "before"):
            raise Death
        answer = real(client, operation, arguments)
        if is_it:
            raise Death
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        yield calls


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 4])
def test_a_consumer_is_killed_within_a_batch(world: Delivery, number: int, moment: str) -> None:
    """Its offset is not committed: all of the batch comes again, to another process."""
    world.publish(world.payload(world.commit(2)))
    died = []
    for name in ("analytics", "notify", "audit"):
        with world.consumers() as consumers, dying_at_write(number, moment):
            handle = dict(consumers)[name]
            with suppress(Death):
                for batch in world.batches(6):
                    handle(batch)
                continue
            died.append(name)
    assert "audit" in died and (number > 1 or len(died) == 3)
    world.consume(size=6)
    world.require_each_once()


def test_a_poison_record_is_set_aside_by_each_consumer_and_stops_none(world: Delivery) -> None:
    payload = world.payload(world.commit())
    topic = world.kafka.kafka_topic_prefix + TOPIC_COMPLETED
    producer = KafkaProducer(**client_options(world.kafka))
    producer.send(topic, value=b"poison").get(10)
    world.publish(payload)
    producer.send(
        world.kafka.kafka_topic_prefix + TOPIC_COMPLETED, value=b'{"schemaVersion": 2}'
    ).get(10)
    producer.close()
    world.consume()
    world.require_each_once()
    letters = [letter_of(each) for each in records_in(world.kafka, TOPIC_DEAD_LETTERS)]
    told = sorted((letter.consumer, letter.kind) for letter in letters)
    names = ("nft-analytics", "nft-audit", "nft-notifications", "nft-notifications-push")
    assert told == [(name, kind) for name in names for kind in ("broken", "unknown_version")]


def test_a_stream_record_older_than_its_retention_is_published_by_the_sweep(
    world: Delivery,
) -> None:
    events = world.commit(2)
    seen, lost = events[:5], events[5:]
    world.publish(world.payload(seen))
    at = max(event.occurred_at for event in events) + STREAM_PATIENCE + timedelta(seconds=1)
    report = sweep(world, at=at)
    assert (report.published, report.faults) == (len(lost), [])
    assert sweep(world, at=at).published == 0
    world.consume()
    world.require_each_once()
    world.require_all_marked()


def test_two_publishers_and_a_sweep_at_once(world: Delivery) -> None:
    events = world.commit(2)
    payload = world.payload(events)
    at = max(event.occurred_at for event in events) + STREAM_PATIENCE + timedelta(seconds=1)
    second = KafkaPublisher(world.kafka, delivery_seconds=2.0)
    jobs = [
        lambda: world.publish(payload),
        lambda: world.publish(payload, world.outbox(publisher=second)),
        lambda: sweep(world, at=at),
    ]
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    world.consume()
    world.require_each_once()
    world.require_all_marked()


@pytest.mark.timeout(OUTAGE_SECONDS + 120)
def test_the_brokers_are_away_for_a_while(embedded_world: Delivery, cluster: MockCluster) -> None:
    world = embedded_world
    payload = world.payload(world.commit())
    world.outbox().publish(world.committed[:1])
    cluster.set_down(down=True)
    timer = threading.Timer(OUTAGE_SECONDS, lambda: cluster.set_down(down=False))
    timer.start()
    world.publish(payload)  # several deliveries of two seconds each fail meanwhile
    timer.join()
    world.consume()
    world.require_each_once()
    world.require_all_marked()


def _events(world: Delivery) -> list[UpgradeEvent]:
    return [from_record(each.value) for each in world.records()]
