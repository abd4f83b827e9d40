"""The dead-letter topic on real brokers: acknowledged, whole, and replayed through them."""

import base64
from collections.abc import Iterator
from uuid import uuid4

import pytest

from local.kafka import API_VERSION, start_cluster
from local.rdkafka_mock import MockCluster
from nft_upgrade.adapters.event_schema import read_event
from nft_upgrade.adapters.kafka_dead_letters import KafkaDeadLetters
from nft_upgrade.adapters.kafka_replay import KafkaLetterBox
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.ports import DeadLetter, DeadLettersUnavailable
from nft_upgrade.consumers.replaying import Replaying, ReplayReport
from nft_upgrade.messages import TOPIC_DEAD_LETTERS, TOPIC_PROGRESS, to_record
from tests.fakes.events import START, story
from tests.fixtures.kafka import KafkaEndpoint
from tests.kafka_reading import records_in

TOPIC_AUTHORIZATION_FAILED = 29


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with start_cluster() as brokers:
        yield brokers


@pytest.fixture
def settings(cluster: MockCluster) -> KafkaSettings:
    return KafkaSettings(
        kafka_bootstrap_servers=cluster.addresses[0],
        kafka_api_version=API_VERSION,
        kafka_fetch_max_wait_ms=5,
    )


def letter(value: bytes, *, prefix: str = "", offset: int = 7, key: bytes = b"k") -> DeadLetter:
    return DeadLetter(
        consumer="nft-audit",
        topic=prefix + TOPIC_PROGRESS,
        partition=1,
        offset=offset,
        value=base64.b64encode(value).decode(),
        reason="$.status: ä is not it",
        at=START,
        kind="unknown_version",
        key=base64.b64encode(key).decode(),
    )


def a_letter_goes_round(settings: KafkaSettings) -> None:
    """Buried, listed, replayed into its topic; the broken one stays."""
    prefix = settings.kafka_topic_prefix
    letters = KafkaDeadLetters(settings, delivery_seconds=4.0)
    event = story()[0]
    good, bad = letter(to_record(event).value, prefix=prefix), letter(b"\xff\x00", prefix=prefix)
    for one in (good, bad, good):
        letters.bury(one)
    tool = Replaying(KafkaLetterBox(settings), letters, letters.send_back, read_event)
    assert {each.letter_id for each in tool.waiting()} == {good.letter_id, bad.letter_id}
    assert sorted(tool.waiting(), key=lambda one: one.value) == sorted(
        [good, bad], key=lambda one: one.value
    )
    assert tool.replay() == ReplayReport(replayed=1, put_back=1, same=1)
    assert tool.replay() == ReplayReport(put_back=1)
    (record,) = records_in(settings, TOPIC_PROGRESS)
    assert (record.key, read_event(record.value)) == (b"k", event)
    assert dict(record.headers) == {"replayedLetter": good.letter_id.encode()}
    assert tool.replay(drop=[bad.letter_id]) == ReplayReport(dropped=1)
    assert tool.waiting() == []
    letters.close()


def test_a_letter_is_buried_listed_and_replayed(settings: KafkaSettings) -> None:
    a_letter_goes_round(settings)


@pytest.mark.engines
def test_the_same_on_apache_kafka(apache_kafka: KafkaEndpoint) -> None:
    settings = KafkaSettings(
        kafka_bootstrap_servers=apache_kafka.bootstrap,
        kafka_api_version=None,
        kafka_topic_prefix=f"letters-{uuid4().hex[:6]}-",
    )
    ensure_topics(settings, ONE_BROKER)
    a_letter_goes_round(settings)


def test_a_record_is_kept_byte_by_byte_with_its_place_and_reason(settings: KafkaSettings) -> None:
    letters = KafkaDeadLetters(settings)
    one = letter(bytes(range(256)), key=b"\x00\xff")
    letters.bury(one)
    letters.close()
    (record,) = records_in(settings, TOPIC_DEAD_LETTERS)
    assert (record.key, record.value) == (b"\x00\xff", bytes(range(256)))
    told = {name: fact.decode() for name, fact in record.headers}
    assert told["reason"] == one.reason
    assert (told["sourceTopic"], told["sourcePartition"], told["sourceOffset"]) == (
        TOPIC_PROGRESS,
        "1",
        "7",
    )


def test_the_largest_record_there_can_be_is_kept(settings: KafkaSettings) -> None:
    letters = KafkaDeadLetters(settings)
    letters.bury(letter(b"x" * 1024 * 1024))
    letters.close()
    (record,) = records_in(settings, TOPIC_DEAD_LETTERS)
    assert len(record.value) == 1024 * 1024


def test_a_letter_that_is_not_acknowledged_is_an_error_and_the_next_try_works(
    cluster: MockCluster, settings: KafkaSettings
) -> None:
    letters = KafkaDeadLetters(settings, delivery_seconds=1.0)
    cluster.fail_topic(TOPIC_DEAD_LETTERS, TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(DeadLettersUnavailable, match="TopicAuthorizationFailed"):
        letters.bury(letter(b"poison"))
    cluster.fail_topic(TOPIC_DEAD_LETTERS, 0)
    letters.bury(letter(b"poison"))
    letters.close()
    assert len(records_in(settings, TOPIC_DEAD_LETTERS)) == 1


def test_what_is_no_letter_does_not_stop_a_replay(settings: KafkaSettings) -> None:
    letters = KafkaDeadLetters(settings)
    stray = DeadLetter("x", TOPIC_DEAD_LETTERS, 0, 0, "bm8=", "", START)
    letters.send_back(stray)  # into the dead-letter topic itself, without a letter's headers
    letters.bury(letter(b"poison"))
    tool = Replaying(KafkaLetterBox(settings), letters, letters.send_back, read_event)
    assert [each.original for each in tool.waiting()] == [b"poison"]
    letters.close()
