"""The embedded brokers as the stack starts them: a fixed address, the topics, a clean end."""

import socket

import pytest
from kafka import KafkaConsumer, KafkaProducer

from local.process import Part, StartFailed
from local.rdkafka_mock import MockCluster
from nft_upgrade.messages import ALL_TOPICS, TOPIC_COMPLETED
from tests.fixtures.kafka import KafkaEndpoint


def test_a_group_reads_what_was_written_through_the_fixed_address(kafka: KafkaEndpoint) -> None:
    options = {"bootstrap_servers": kafka.bootstrap, "api_version": (2, 0)}
    producer = KafkaProducer(**options, enable_idempotence=True)
    producer.send(TOPIC_COMPLETED, key=b"u", value=b"here I am").get(10)
    producer.close()
    consumer = KafkaConsumer(
        TOPIC_COMPLETED, **options, group_id="g", auto_offset_reset="earliest", fetch_max_wait_ms=5
    )
    values: list[bytes] = []
    while b"here I am" not in values:
        for records in consumer.poll(timeout_ms=500).values():
            values += [record.value for record in records]
    consumer.close()


def test_a_taken_port_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        part = Part("local.kafka", "--port", str(taken.getsockname()[1]))
        with pytest.raises(StartFailed, match=r"local\.kafka: .*address already in use"):
            part.wait()


def test_sigterm_ends_it_cleanly_while_a_client_is_connected() -> None:
    with Part("local.kafka", "--port", "0") as part:
        address = part.wait()
        host, port = address.split(":")
        with socket.create_connection((host, int(port))):
            assert part.stop() == 0
    assert part.output.splitlines()[1:] == [f"ready {address}"]  # behind the engine's name


def test_a_topic_prefix_is_put_before_every_name() -> None:
    with Part("local.kafka", "--port", "0", "--topic-prefix", "dev-") as part:
        consumer = KafkaConsumer(bootstrap_servers=part.wait(), api_version=(2, 0))
        assert consumer.topics() == {f"dev-{topic}" for topic in ALL_TOPICS}
        consumer.close()


def test_two_clusters_in_one_process_know_nothing_of_each_other() -> None:
    with MockCluster() as one, MockCluster() as other:
        one.create_topic("only-here", 1)
        consumer = KafkaConsumer(bootstrap_servers=other.addresses, api_version=(2, 0))
        assert "only-here" not in consumer.topics()
        consumer.close()
