"""Apache Kafka on this machine: `python -m local.apache_kafka --port 9092 [--data-dir DIR]`.

One node (broker and KRaft controller) on Java 17, bound to loopback, with the product's topics.
Without `--data-dir` its log lives in a temporary directory and goes with the process.
"""

import argparse
import base64
import logging
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from kafka.errors import KafkaError

from local import engines
from local.process import READY, Part, StartFailed
from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics
from nft_upgrade.config import KafkaSettings

HOST = "127.0.0.1"
START_SECONDS = 60.0


class ApacheKafka:
    """A starting node; `wait` until it answers, `stop` it."""

    def __init__(self, port: int, data_dir: Path) -> None:
        """EngineMissing without Java or the jars; StartFailed when `data_dir` cannot be used."""
        self.address = f"{HOST}:{port}"
        self._java = [
            engines.java(),
            "-Xmx512m",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            f"{engines.fetch('kafka')}/*",
        ]
        data_dir.mkdir(parents=True, exist_ok=True)
        settings = data_dir / "server.properties"
        settings.write_text(properties(port, free_port(), data_dir / "log"), encoding="utf-8")
        if not (data_dir / "log" / "meta.properties").exists():
            self._format(settings)
        self._part = Part("kafka.Kafka", command=[*self._java, "kafka.Kafka", str(settings)])

    def wait(self, prefix: str = "", seconds: float = START_SECONDS) -> None:
        """Until the topics are there; StartFailed when the node ends or stays silent."""
        settings = KafkaSettings(
            kafka_bootstrap_servers=self.address,
            kafka_topic_prefix=prefix,
            kafka_security_protocol="PLAINTEXT",
            kafka_sasl_mechanism=None,
            kafka_api_version=None,
        )
        deadline = time.monotonic() + seconds
        while True:
            if self._part.process.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(f"Apache Kafka did not start:\n{self._part.output}")
            if self._listens():
                try:
                    ensure_topics(settings, ONE_BROKER)
                    return
                except KafkaError:
                    pass
            time.sleep(0.1)

    def stop(self) -> None:
        self._part.stop(20)

    def _listens(self) -> bool:
        host, _, port = self.address.rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def _format(self, settings: Path) -> None:
        cluster_id = new_cluster_id(uuid.uuid4())
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(settings)]
        part = Part("kafka.tools.StorageTool", command=[*self._java, *tool])
        if part.process.wait(START_SECONDS):
            raise StartFailed(f"Kafka's storage could not be formatted:\n{part.output}")


def new_cluster_id(number: uuid.UUID) -> str:
    """Base64 as Kafka writes it; never with a dash in front, which its tool takes for an option."""
    text = base64.urlsafe_b64encode(number.bytes).decode().rstrip("=")
    return f"A{text[1:]}" if text.startswith("-") else text


def properties(port: int, controller_port: int, log: Path) -> str:
    """server.properties of a node that is broker and controller, with nobody to replicate to."""
    return "\n".join(
        (
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.voters=1@{HOST}:{controller_port}",
            "controller.listener.names=CONTROLLER",
            f"listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
            f"advertised.listeners=PLAINTEXT://{HOST}:{port}",
            f"log.dirs={log}",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
            "group.initial.rebalance.delay.ms=0",
            "auto.create.topics.enable=false",
            "",
        )
    )


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.apache_kafka", description="Apache Kafka.")
    parser.add_argument("--port", type=int, default=9092, help="0: any free one")
    parser.add_argument("--data-dir", type=Path, help="keep the log here over restarts")
    parser.add_argument("--topic-prefix", default="", help="put before every topic's name")
    options = parser.parse_args()
    # While it starts, every refused connection would be a line.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="kafka-") as scratch:
        node = ApacheKafka(options.port or free_port(), options.data_dir or Path(scratch))
        try:
            node.wait(options.topic_prefix)
            print(f"{engines.NAMED}Apache Kafka {engines.version('kafka')}", flush=True)
            print(f"{READY}{node.address}", flush=True)
            stop.wait()
        finally:
            node.stop()


if __name__ == "__main__":
    try:
        main()
    except (engines.EngineMissing, StartFailed) as error:
        sys.exit(f"local.apache_kafka: {error}")
