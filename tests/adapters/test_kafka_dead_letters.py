"""The dead-letter topic on real brokers: acknowledged, whole, and replayed through them."""

import base64
import hashlib
from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from local.kafka import API_VERSION, start_cluster
from local.rdkafka_mock import MockCluster
from nft_upgrade.adapters.event_schema import read_event
from nft_upgrade.adapters.kafka_dead_letters import KafkaDeadLetters, letter_of
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


class Place:
    """`ReplayPlace` in memory."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text

    def get(self) -> str | None:
        return self.text

    def put(self, place: str | None) -> None:
        self.text = place


def replaying(settings: KafkaSettings, letters: KafkaDeadLetters, place: Place) -> Replaying:
    return Replaying(KafkaLetterBox(settings, place), letters, letters.send_back, read_event)


def a_letter_goes_round(settings: KafkaSettings) -> None:
    """Buried, listed, replayed into its topic; the broken one stays."""
    prefix = settings.kafka_topic_prefix
    letters = KafkaDeadLetters(settings, delivery_seconds=4.0)
    event = story()[0]
    good, bad = letter(to_record(event).value, prefix=prefix), letter(b"\xff\x00", prefix=prefix)
    for one in (good, bad, good):
        letters.bury(one)
    tool = Replaying(KafkaLetterBox(settings, Place()), letters, letters.send_back, read_event)
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


def test_a_record_that_only_compression_let_in_is_named_without_its_value(
    settings: KafkaSettings,
) -> None:
    letters = KafkaDeadLetters(settings)
    letters.bury(letter(b"x" * 5_000_000, key=b"k"))
    letters.close()
    (record,) = records_in(settings, TOPIC_DEAD_LETTERS)
    told = letter_of(record)
    assert (told.original, told.offset) == (b"", 7)
    digest = hashlib.sha256(b"x" * 5_000_000).hexdigest()
    assert told.reason.endswith(f"(left out: 5000000 bytes, SHA-256 {digest})")


def test_a_header_without_a_value_stops_no_listing(settings: KafkaSettings) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    topic = settings.kafka_topic_prefix + TOPIC_DEAD_LETTERS
    producer.produce(topic, value=b"x", headers=[("consumer", None)])
    assert producer.flush(10) == 0
    letters = KafkaDeadLetters(settings)
    letters.bury(letter(b"poison"))
    tool = Replaying(KafkaLetterBox(settings, Place()), letters, letters.send_back, read_event)
    assert [each.original for each in tool.waiting()] == [b"poison"]
    letters.close()


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
    tool = Replaying(KafkaLetterBox(settings, Place()), letters, letters.send_back, read_event)
    assert [each.original for each in tool.waiting()] == [b"poison"]
    letters.close()


def test_the_place_is_not_the_brokers_to_forget(settings: KafkaSettings) -> None:
    """A group's offsets are gone after a week without a commit; what was dealt with is not."""
    letters, place = KafkaDeadLetters(settings), Place()
    for number in range(5):
        letters.bury(letter(b"poison", offset=number))
    first = replaying(settings, letters, place)
    dropped = [each.letter_id for each in first.waiting()]
    assert first.replay(drop=dropped) == ReplayReport(dropped=5)
    assert replaying(settings, letters, Place(place.text)).waiting() == []
    letters.bury(letter(b"later", offset=9))
    assert [each.original for each in replaying(settings, letters, place).waiting()] == [b"later"]
    letters.close()


@pytest.mark.parametrize("later", [0, 3])
def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    settings: KafkaSettings, later: int
) -> None:
    """Shorter than the place of its former life, or longer: no letter is passed over."""
    letters, place = KafkaDeadLetters(settings), Place()
    for number in range(2):
        letters.bury(letter(b"poison", offset=number, key=b"k"))
    replaying(settings, letters, place).replay()
    letters.close()
    with start_cluster() as another:
        anew = settings.model_copy(update={"kafka_bootstrap_servers": another.addresses[0]})
        letters = KafkaDeadLetters(anew)
        for number in range(1 + later):
            letters.bury(letter(b"new", offset=number, key=b"k"))
        assert len(replaying(anew, letters, place).waiting()) == 1 + later
        letters.close()


def test_a_lost_place_brings_letters_again_and_loses_none(settings: KafkaSettings) -> None:
    letters = KafkaDeadLetters(settings)
    letters.bury(letter(to_record(story()[0]).value))
    for _ in range(2):
        assert replaying(settings, letters, Place()).replay().replayed == 1
    letters.close()
