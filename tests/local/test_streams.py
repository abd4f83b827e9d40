"""The pump between table, Kafka and functions: fast, complete, and the same after a crash."""

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import boto3
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from local.aws_resources import FUNCTIONS
from local.consumer_pump import ConsumerPump
from local.process import Part
from local.stream_pump import lambda_record, remaining
from local.streams import CONSUMERS, function
from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts, DynamoDbNotifications
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_projections import (
    DynamoDbAuditTrail,
)
from nft_upgrade.adapters.dynamodb_stats import DynamoDbStats
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.kafka_dead_letters import letter_of
from nft_upgrade.adapters.kafka_events import KafkaPublisher
from nft_upgrade.config import KafkaSettings, PublishSettings
from nft_upgrade.consumers.analytics import NAME as ANALYTICS
from nft_upgrade.consumers.audit import NAME as AUDIT
from nft_upgrade.consumers.audit import Audit
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.contact import Contact
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Transition
from nft_upgrade.messages import TOPIC_DEAD_LETTERS, TOPIC_PROGRESS, TOPICS
from tests.fakes.events import FakeMeter, FixedClock, transitions
from tests.fixtures.aws import AwsEndpoint
from tests.kafka_reading import records_in

PREFIX = "nft-upgrade-"
Streams = Callable[..., Part]


@pytest.fixture
def kafka_environment() -> Iterator[dict[str, str]]:
    """Brokers of this test's own: the pump's groups read everything that is in them."""
    with Part("local.kafka", "--port", "0") as part:
        yield {"KAFKA_BOOTSTRAP_SERVERS": part.wait(), "KAFKA_API_VERSION": "2.0"}


@pytest.fixture
def streams(
    aws: AwsEndpoint, kafka_environment: Mapping[str, str]
) -> Iterator[Callable[..., Part]]:
    """Starts a pump without a sweep; all of them are ended."""
    parts: list[Part] = []

    def start(*arguments: str) -> Part:
        environment = {
            **aws.environment,
            **kafka_environment,
            "POWERTOOLS_METRICS_DISABLED": "true",
        }
        part = Part("local.streams", "--sweep-seconds", "0", *arguments, environment=environment)
        parts.append(part)
        return part

    yield start
    for part in parts:
        part.stop()


def commit_story(user: str) -> list[UpgradeEvent]:
    """A whole upgrade, committed to the table; its events."""
    upgrades = DynamoDbUpgrades(PREFIX)
    steps = registered(user)
    for transition in steps:
        upgrades.commit(transition)
    return [transition.event for transition in steps]


def registered(user: str) -> list[Transition]:
    """The transitions of a whole upgrade whose NFT is in the registry."""
    steps = transitions(f"up-{user}", user)
    nft = steps[0].nfts[0].before
    assert nft is not None
    DynamoDbNfts(PREFIX).register(nft, takes=())
    return steps


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def audited(user: str) -> list[UpgradeEvent]:
    return [entry.event for entry in DynamoDbAuditTrail(Database(PREFIX)).entries(f"up-{user}")]


def new_user() -> str:
    return f"wallet-{uuid4().hex[:10]}"


def require_all_projections(user: str, events: list[UpgradeEvent]) -> None:
    database = Database(PREFIX)
    eventually(lambda: len(audited(user)) == len(events))
    assert audited(user) == events
    trail = DynamoDbAuditTrail(database)
    assert Audit(trail, (), FixedClock(), FakeMeter()).verify(f"up-{user}").is_sound

    def is_counted() -> bool:
        stats = DynamoDbStats(database).stats(user)
        return stats is not None and stats.version == len(events)

    eventually(is_counted)
    stats = DynamoDbStats(database).stats(user)
    assert stats is not None
    assert (stats.level, stats.upgrades_opened, stats.upgrades_completed) == (2, 1, 1)
    kept = DynamoDbNotifications(database)
    eventually(lambda: kept.notifications(user))
    (notification,) = kept.notifications(user)
    assert notification.event_id == events[-1].event_id


def test_a_committed_upgrade_reaches_every_consumer_once(streams: Streams) -> None:
    streams().wait()
    user = new_user()
    contact = Contact(user_id=user, link_key="07" * 32, address="user@example.org", version=1)
    DynamoDbContacts(Database(PREFIX)).put(contact)
    events = commit_story(user)
    require_all_projections(user, events)
    kept = DynamoDbNotifications(Database(PREFIX))
    eventually(lambda: kept.notifications(user)[0].status is NotificationStatus.SENT)
    upgrades = DynamoDbUpgrades(PREFIX)
    eventually(lambda: not upgrades.unpublished(before=events[-1].occurred_at.max, limit=10))


def test_the_audit_bucket_holds_every_entry(aws: AwsEndpoint, streams: Streams) -> None:
    streams().wait()
    user = new_user()
    events = commit_story(user)
    eventually(lambda: len(audited(user)) == len(events))
    bucket = aws.environment["AUDIT_BUCKET"]
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"audit/up-{user}/")
    assert listed["KeyCount"] == len(events)
    body = boto3.client("s3").get_object(Bucket=bucket, Key=listed["Contents"][0]["Key"])["Body"]
    assert json.loads(body.read())["record"]["hash"] == events[0].hash


def test_what_was_committed_while_nobody_pumped_is_published_at_the_start(
    streams: Streams,
) -> None:
    user = new_user()
    events = commit_story(user)
    streams().wait()
    require_all_projections(user, events)


def test_a_new_broker_gets_the_whole_history_again(
    streams: Streams, kafka_environment: Mapping[str, str]
) -> None:
    """Else what the old broker held and a consumer had not read yet would be lost."""
    user = new_user()
    events = commit_story(user)
    upgrades = DynamoDbUpgrades(PREFIX)
    for event in events:
        upgrades.mark_published(event, at=event.occurred_at)
    streams().wait()
    require_all_projections(user, events)


def test_a_stopped_pump_ends_cleanly_and_another_goes_on_where_it_stopped(
    streams: Streams,
) -> None:
    first = streams()
    first.wait()
    user = new_user()
    events = commit_story(user)
    require_all_projections(user, events)
    assert first.stop() == 0
    other = new_user()
    later = commit_story(other)
    streams().wait()
    require_all_projections(other, later)
    assert len(audited(user)) == len(events)


class Death(Exception):
    """The process is gone."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", [name for name, _, _ in CONSUMERS])
def test_a_consumer_that_dies_before_or_after_its_write_changes_no_count(
    aws: AwsEndpoint,
    kafka_environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    moment: str,
) -> None:
    for variable, text in {**aws.environment, **kafka_environment}.items():
        monkeypatch.setenv(variable, text)
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    settings = PublishSettings()
    user = new_user()
    events = [transition.event for transition in transitions(f"up-{user}", user)]
    KafkaPublisher(settings).publish(events)
    real = function(name, FUNCTIONS)
    group = f"{name}-{user}"

    def dying(stop: threading.Event) -> Callable[[Any], Any]:
        def handler(payload: Any) -> None:
            if moment == "after":
                real(payload)
            stop.set()
            raise Death

        return handler

    stop = threading.Event()
    ConsumerPump(group, dying(stop), stop, settings).run()

    taken: list[str] = []
    stop = threading.Event()

    def living(payload: Any) -> None:
        real(payload)
        taken.extend(record for records in payload["records"].values() for record in records)
        if len(taken) >= len(events):
            stop.set()

    ConsumerPump(group, living, stop, settings).run()
    assert len(taken) == len(events)  # the dying one had committed nothing
    require_projection(name, user, events)


def require_projection(name: str, user: str, events: list[UpgradeEvent]) -> None:
    database = Database(PREFIX)
    if name == "audit":
        assert audited(user) == events
    elif name == "notify":
        (notification,) = DynamoDbNotifications(database).notifications(user)
        assert notification.event_id == events[-1].event_id
    else:
        stats = DynamoDbStats(database).stats(user)
        assert stats is not None
        assert (stats.version, stats.upgrades_completed) == (len(events), 1)


def test_a_killed_pump_loses_and_doubles_nothing(streams: Streams) -> None:
    first = streams()
    first.wait()
    user = new_user()
    steps = registered(user)
    upgrades = DynamoDbUpgrades(PREFIX)
    for number, transition in enumerate(steps):
        upgrades.commit(transition)
        if number == len(steps) // 2:
            first.kill()
    streams().wait()
    require_all_projections(user, [transition.event for transition in steps])


def test_a_poison_record_does_not_stop_the_consumers(
    streams: Streams, kafka_environment: Mapping[str, str]
) -> None:
    streams().wait()
    address = kafka_environment["KAFKA_BOOTSTRAP_SERVERS"]
    producer = KafkaProducer(bootstrap_servers=address, api_version=(2, 0))
    poison = f"poison {uuid4().hex}".encode()
    producer.send(TOPIC_PROGRESS, key=b"x", value=poison).get(10)
    producer.close()
    user = new_user()
    require_all_projections(user, commit_story(user))
    settings = KafkaSettings(kafka_bootstrap_servers=address, kafka_api_version="2.0")
    letters = [letter_of(record) for record in records_in(settings, TOPIC_DEAD_LETTERS)]
    assert {letter.original for letter in letters} == {poison}
    assert {letter.consumer for letter in letters} == {AUDIT, ANALYTICS}


def test_an_event_is_in_kafka_shortly_after_its_commit(
    streams: Streams, kafka_environment: Mapping[str, str]
) -> None:
    streams().wait()
    consumer = KafkaConsumer(
        bootstrap_servers=kafka_environment["KAFKA_BOOTSTRAP_SERVERS"],
        api_version=(2, 0),
        fetch_max_wait_ms=2,
    )
    places = [TopicPartition(topic, number) for topic in TOPICS for number in range(3)]
    consumer.assign(places)
    consumer.seek_to_end(*places)
    for place in places:
        consumer.position(place)
    upgrades = DynamoDbUpgrades(PREFIX)
    delays = []
    for transition in registered(new_user()):
        upgrades.commit(transition)
        committed = time.perf_counter()
        while not consumer.poll(timeout_ms=500):
            assert time.perf_counter() - committed < 10
        delays.append((time.perf_counter() - committed) * 1000)
        time.sleep(0.05)
    consumer.close()
    # Alone about 30 ms; a busy machine must not fail the test.
    assert statistics.median(delays) < 500, delays


RECORDS = [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(5)]


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ([], []),
        (["2"], ["2", "3", "4"]),
        (["4", "1"], ["1", "2", "3", "4"]),
        (["9"], list("01234")),
    ],
)
def test_a_partial_batch_response_repeats_from_the_first_record_named(
    named: list[str], left: list[str]
) -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": number} for number in named]}
    again = remaining(RECORDS, answer)
    assert [record["dynamodb"]["SequenceNumber"] for record in again] == left


def test_a_record_is_plain_json_as_lambda_sends_it() -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    image = {"message": {"B": b"\x00\xff"}}
    record = {"dynamodb": {"ApproximateCreationDateTime": moment, "NewImage": image}}
    plain = json.loads(json.dumps(lambda_record(record, "arn")))
    assert plain["eventSourceARN"] == "arn"
    assert plain["dynamodb"]["ApproximateCreationDateTime"] == moment.timestamp()
    assert plain["dynamodb"]["NewImage"]["message"]["B"] == "AP8="
