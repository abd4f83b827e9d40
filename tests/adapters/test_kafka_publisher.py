"""The publisher against real brokers: what is acknowledged, in which order, and what is not."""

import gc
import json
import time
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, TopicPartition

from local.kafka import API_VERSION, PARTITIONS, start_cluster
from local.rdkafka_mock import API_PRODUCE, MockCluster
from nft_upgrade.adapters.kafka_events import (
    NOT_SENT,
    KafkaPublisher,
    client_options,
    headers,
    rounds,
)
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPICS, from_record, topic_of
from tests.fakes.events import story
from tests.fixtures.kafka import KafkaEndpoint

NOT_ENOUGH_REPLICAS = 19
MESSAGE_TOO_LARGE = 10
TOPIC_AUTHORIZATION_FAILED = 29
# kafka-python leaves the sockets of broken connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def settings_for(bootstrap: str, api_version: str | None) -> KafkaSettings:
    return KafkaSettings(
        kafka_bootstrap_servers=bootstrap,
        kafka_api_version=api_version,
        kafka_fetch_max_wait_ms=5,
    )


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Whatever a test leaves behind is collected before the next one starts."""
    yield
    gc.collect()


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    """Brokers of this test's own, for breaking."""
    with start_cluster() as brokers:
        yield brokers


@pytest.fixture
def settings(cluster: MockCluster) -> KafkaSettings:
    return settings_for(cluster.addresses[0], API_VERSION)


@pytest.fixture
def publisher(settings: KafkaSettings) -> Iterator[KafkaPublisher]:
    made = KafkaPublisher(settings, delivery_seconds=2.0)
    yield made
    made.close()


def records_in(settings: KafkaSettings, user_id: str | None = None) -> list:  # type: ignore[type-arg]
    """Everything in the topics, oldest first within a partition."""
    consumer = KafkaConsumer(**client_options(settings), fetch_max_wait_ms=5)
    places = [
        TopicPartition(topic, number)
        for topic in TOPICS
        for number in consumer.partitions_for_topic(topic)
    ]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    found = []
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=100).values():
            found += records
    consumer.close()
    return [record for record in found if user_id in {None, record.key.decode()}]


def all_acknowledged(settings: KafkaSettings, user_id: str) -> None:
    publisher = KafkaPublisher(settings)
    events = story(f"up-{user_id}", user_id)
    assert publisher.publish(events) == {event.event_id: None for event in events}
    publisher.close()
    records = records_in(settings, user_id)
    read = [from_record(record.value) for record in records]
    assert sorted(read, key=lambda event: event.sequence) == events
    assert {topic_of(from_record(record.value)) == record.topic for record in records} == {True}
    assert len({record.partition for record in records if record.topic == TOPICS[-1]}) == 1


def test_acknowledged_events_are_in_their_topics_under_the_users_key(kafka: KafkaEndpoint) -> None:
    all_acknowledged(settings_for(kafka.bootstrap, kafka.api_version), "wallet-embedded")


@pytest.mark.engines
def test_the_same_on_apache_kafka(apache_kafka: KafkaEndpoint) -> None:
    all_acknowledged(settings_for(apache_kafka.bootstrap, None), "wallet-apache")


def test_headers_tell_what_a_record_is(publisher: KafkaPublisher, settings: KafkaSettings) -> None:
    publisher.publish(story()[:1])
    (record,) = records_in(settings)
    assert dict(record.headers) == {
        "eventId": b"up-1:1",
        "eventType": b"upgrade_initiated",
        "schemaVersion": b"1",
    }


def test_a_trace_id_travels_in_the_headers() -> None:
    assert ("traceId", b"1-abc") in headers(story()[0], "1-abc")


def test_an_error_the_broker_may_get_over_is_retried(
    cluster: MockCluster, publisher: KafkaPublisher, settings: KafkaSettings
) -> None:
    cluster.fail_next(API_PRODUCE, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS)
    assert publisher.publish(story()[:1]) == {"up-1:1": None}
    assert len(records_in(settings)) == 1


def test_after_a_refused_event_no_later_one_of_the_same_user_is_sent(
    cluster: MockCluster, publisher: KafkaPublisher, settings: KafkaSettings
) -> None:
    first = story()[0]
    publisher.publish([first])  # connected: the next request is the one to refuse
    cluster.fail_next(API_PRODUCE, MESSAGE_TOO_LARGE)
    mine = story()[1:4]
    answer = publisher.publish(mine)
    assert answer["up-1:2"] is not None and "TooLarge" in answer["up-1:2"]
    assert [answer["up-1:3"], answer["up-1:4"]] == [NOT_SENT, NOT_SENT]
    assert [from_record(record.value) for record in records_in(settings)] == [first]


def test_another_users_events_go_on_when_one_topic_is_closed(
    cluster: MockCluster, publisher: KafkaPublisher, settings: KafkaSettings
) -> None:
    mine, other = story()[:2], story("up-2", "wallet-2")[1:4]
    cluster.fail_topic(topic_of(mine[0]), TOPIC_AUTHORIZATION_FAILED)
    answer = publisher.publish([mine[0], other[0], mine[1], other[1], other[2]])
    assert answer["up-1:1"] is not None
    assert answer["up-1:2"] == NOT_SENT
    assert {answer[event.event_id] for event in other} == {None}
    cluster.fail_topic(topic_of(mine[0]), 0)
    assert {record.key for record in records_in(settings)} == {b"wallet-2"}


def test_the_next_batch_after_an_error_is_published(
    cluster: MockCluster, publisher: KafkaPublisher, settings: KafkaSettings
) -> None:
    publisher.publish(story()[:1])
    cluster.fail_next(API_PRODUCE, MESSAGE_TOO_LARGE)
    assert any(publisher.publish(story()[1:]).values())
    assert not any(publisher.publish(story()[1:]).values())
    assert len(records_in(settings)) == len(story())


def test_brokers_that_are_gone_give_an_error_within_the_time_given(
    cluster: MockCluster, settings: KafkaSettings
) -> None:
    publisher = KafkaPublisher(settings, delivery_seconds=1.0)
    publisher.publish(story()[:1])
    cluster.set_down(down=True)
    answer = publisher.publish(story()[1:4])
    assert all(answer.values())
    publisher.close()


def test_no_broker_at_all_is_an_answer_and_no_exception() -> None:
    publisher = KafkaPublisher(settings_for("127.0.0.1:9", API_VERSION), delivery_seconds=0.4)
    events = [event for number in range(50) for event in story(f"up-{number}", f"user-{number}")]
    started = time.monotonic()
    assert all(publisher.publish(events).values())
    assert time.monotonic() - started < 5  # and not 50 users' time-outs, one after the other
    publisher.close()


def test_a_round_holds_one_event_of_each_user() -> None:
    mine, other = story()[:3], story("up-2", "wallet-2")[:1]
    ids: list[list[str]] = [
        [event.event_id for event in round_] for round_ in rounds([*mine, *other])
    ]
    assert ids == [["up-1:1", "up-2:1"], ["up-1:2"], ["up-1:3"]]


def test_msk_settings_reach_the_client() -> None:
    options = client_options(
        KafkaSettings(
            kafka_bootstrap_servers="b-1:9098,b-2:9098",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="AWS_MSK_IAM",
        )
    )
    assert options["bootstrap_servers"] == ["b-1:9098", "b-2:9098"]
    assert options["sasl_mechanism"] == "AWS_MSK_IAM"
    assert options["api_version"] is None
    assert set(options) <= set(KafkaConsumer.DEFAULT_CONFIG)


def test_every_topic_has_its_partitions(kafka: KafkaEndpoint) -> None:
    consumer = KafkaConsumer(**client_options(settings_for(kafka.bootstrap, kafka.api_version)))
    for topic in TOPICS:
        assert consumer.partitions_for_topic(topic) == set(range(PARTITIONS))
    consumer.close()


def test_a_value_is_what_the_schema_describes(
    publisher: KafkaPublisher, settings: KafkaSettings
) -> None:
    event: UpgradeEvent = story()[-1]
    publisher.publish([event])
    (record,) = records_in(settings)
    assert json.loads(record.value)["eventId"] == event.event_id
