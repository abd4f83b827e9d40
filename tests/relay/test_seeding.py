"""Where the ring begins on the real Apache Kafka, which knows the time of every record."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from nft_upgrade.adapters.kafka_events import KafkaPublisher, client_options
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPIC_PROGRESS
from relay.seeding import SEED_SECONDS
from tests.fakes.storage import FakeNfts
from tests.fixtures.kafka import KafkaEndpoint
from tests.relay.harness import Story, Table, now
from tests.relay.killable import Killable, lent
from tests.relay.test_faults import is_ready, numbers, stream_of, wait_until
from tests.sse import request

OLD = 200


class Scene:
    """A table of one test, and topics of its own on the broker."""

    def __init__(self, kafka: KafkaEndpoint) -> None:
        self.table = Table()
        self.nfts = FakeNfts(self.table.store)
        self.settings = KafkaSettings(
            kafka_bootstrap_servers=kafka.bootstrap, kafka_topic_prefix=f"{uuid4().hex[:8]}-"
        )
        ensure_topics(self.settings, ONE_BROKER)
        self._publisher = KafkaPublisher(self.settings)

    def publish(self, *events: UpgradeEvent) -> None:
        results = self._publisher.publish(events)
        assert not any(results.values()), results

    def publish_old(self, message_key: bytes, count: int) -> None:
        """Records that say they were created twice as long ago as is read."""
        producer = KafkaProducer(**client_options(self.settings), metrics_enabled=False)
        created_at = int((now() - timedelta(seconds=2 * SEED_SECONDS)).timestamp() * 1000)
        topic = self.settings.kafka_topic_prefix + TOPIC_PROGRESS
        for _ in range(count):
            producer.send(topic, b"old", message_key, timestamp_ms=created_at)
        producer.close()

    def close(self) -> None:
        self._publisher.close()


@contextmanager
def relay_over(scene: Scene, table_port: str) -> Iterator[Killable]:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": scene.settings.kafka_bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": scene.settings.kafka_topic_prefix,
    }
    relay = Killable(table_port, environment)
    try:
        yield relay
    finally:
        relay.stop()


def figures(url: str) -> dict[str, int]:
    with request(f"{url}/metrics") as answer:
        rows = (line.rsplit(" ", 1) for line in answer.body().decode().splitlines())
        return {name: int(value) for name, value in rows if name.startswith("relay_")}


@pytest.mark.engines
def test_a_relay_that_was_killed_answers_resumes_from_the_last_minute_of_the_log(
    apache_kafka: KafkaEndpoint,
) -> None:
    scene = Scene(apache_kafka)
    scene.publish_old(b"user-seeded", OLD)
    story = Story(scene, "01SEEDED", "user-seeded")
    story.steps(5)
    with lent(scene.table) as table_port, relay_over(scene, table_port) as relay:
        relay.kill()
        relay.start()
        wait_until(lambda: is_ready(relay.url), 30)
        with stream_of(relay.url, story, last_id="2") as stream:
            assert numbers(stream.take(5)) == [3, 4, 5, 6]
        told = figures(relay.url)
    scene.close()
    assert (told["relay_ring_answers_total"], told["relay_table_reads_total"]) == (1, 0)
    # Every record of the story, and not one of the old.
    assert told["relay_ring_records"] == story.upgrade.version
    assert SEED_SECONDS - 1 <= told["relay_ring_span_seconds"] < SEED_SECONDS + 30
