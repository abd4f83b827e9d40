"""Whatever fails on the way, each committed event is taken exactly once: checked by counting."""

import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from kafka import KafkaProducer

from local.kafka import API_VERSION, start_cluster
from local.rdkafka_mock import MockCluster
from nft_upgrade.adapters.event_schema import check_event
from nft_upgrade.adapters.kafka_dead_letters import letter_of
from nft_upgrade.adapters.kafka_events import KafkaPublisher, client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.outbox import CheckedPublisher
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPIC_COMPLETED, TOPIC_DEAD_LETTERS, from_record
from nft_upgrade.use_cases.comparing import CompareReport
from nft_upgrade.use_cases.sweeping import STREAM_PATIENCE, Sweeping
from tests.delivery.world import Death, Delivery
from tests.fakes.events import FixedClock
from tests.fakes.storage import FakeBookmarks
from tests.fixtures.aws import AwsEndpoint
from tests.kafka_reading import records_in

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with start_cluster() as brokers:
        yield brokers


@pytest.fixture
def world(aws: AwsEndpoint, cluster: MockCluster) -> Iterator[Delivery]:
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


def test_an_answer_that_is_lost_after_the_write(world: Delivery, cluster: MockCluster) -> None:
    """The broker writes, the producer hears of it too late and reports an error."""
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


@pytest.mark.parametrize("moment", ["before its write", "after its write"])
def test_a_consumer_is_killed_within_a_batch(world: Delivery, moment: str) -> None:
    """Half of the batch is done, the offset is not committed: all of it comes again."""
    world.publish(world.payload(world.commit()))
    with world.consumers() as consumers:
        for _, handle in consumers:
            (batch,) = world.batches(100)
            (place,) = batch["records"]
            half = {"records": {place: batch["records"][place][:4]}}
            with pytest.raises(Death):
                _handle_and_die(handle, half if moment == "after its write" else {"records": {}})
            handle(batch)
    world.require_each_once()


def test_a_poison_record_is_set_aside_by_each_consumer_and_stops_none(world: Delivery) -> None:
    payload = world.payload(world.commit())
    producer = KafkaProducer(**client_options(world.kafka))
    producer.send(TOPIC_COMPLETED, value=b"poison").get(10)
    world.publish(payload)
    producer.send(TOPIC_COMPLETED, value=b'{"schemaVersion": 2}').get(10)
    producer.close()
    world.consume()
    world.require_each_once()
    letters = [letter_of(each) for each in records_in(world.kafka, TOPIC_DEAD_LETTERS)]
    told = sorted((letter.consumer, letter.kind) for letter in letters)
    names = ("nft-analytics", "nft-audit", "nft-notifications")
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


def test_the_brokers_are_away_for_a_while(world: Delivery, cluster: MockCluster) -> None:
    payload = world.payload(world.commit())
    world.outbox().publish(world.committed[:1])
    cluster.set_down(down=True)
    timer = threading.Timer(4.0, lambda: cluster.set_down(down=False))
    timer.start()
    world.publish(payload)  # several deliveries of two seconds each fail meanwhile
    timer.join()
    world.consume()
    world.require_each_once()
    world.require_all_marked()


def _events(world: Delivery) -> list[UpgradeEvent]:
    return [from_record(each.value) for each in world.records()]


def _handle_and_die(handle: Any, batch: Any) -> None:
    handle(batch)
    raise Death
