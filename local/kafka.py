"""Kafka without Java: `python -m local.kafka --port 9092`.

A broker of librdkafka's mock cluster lives in this process, on a random loopback port. The fixed
port is a forwarder to it: a client asks there for the metadata and goes on with the
address it finds in it. Nothing is kept when the process ends (see local/streams.py for what
happens then), new topics cannot be made through the protocol, and a fetch is held for its whole
`fetch.max.wait`, so clients set that to 5-10 ms. `local.apache_kafka` is the real one.

kafka-python cannot negotiate with these brokers: KAFKA_API_VERSION=2.0.
"""

import argparse
import asyncio
import contextlib
import signal
import sys

from confluent_kafka import libversion

from local.engines import NAMED
from local.rdkafka_mock import MockCluster
from nft_upgrade.messages import ALL_TOPICS

HOST = "127.0.0.1"
API_VERSION = "2.0"
PARTITIONS = 3


def start_cluster(prefix: str = "") -> MockCluster:
    """A cluster that has the product's topics."""
    cluster = MockCluster()
    for topic in ALL_TOPICS:
        cluster.create_topic(prefix + topic, PARTITIONS)
    return cluster


async def serve(port: int, prefix: str) -> None:
    """Run until SIGTERM or SIGINT; OSError when the port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with start_cluster(prefix) as cluster:
        forwarder = Forwarder(cluster.addresses[0])
        server = await asyncio.start_server(forwarder.accept, HOST, port)
        print(f"{NAMED}embedded Kafka, librdkafka {libversion()[0]}", flush=True)
        print(f"ready {HOST}:{server.sockets[0].getsockname()[1]}", flush=True)
        await stop.wait()
        server.close()
        forwarder.close()


class Forwarder:
    """Copies bytes between each accepted connection and one address."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._forward(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, far_writer))
                group.create_task(_copy(far_reader, writer))
        except* OSError:
            pass
        finally:
            far_writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while block := await source.read(65536):
        target.write(block)
        await target.drain()
    target.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.kafka", description="Embedded Kafka brokers.")
    parser.add_argument("--port", type=int, default=9092, help="0: any free one")
    parser.add_argument("--topic-prefix", default="", help="put before every topic's name")
    options = parser.parse_args()
    try:
        asyncio.run(serve(options.port, options.topic_prefix))
    except OSError as error:
        sys.exit(f"local.kafka: {error}")


if __name__ == "__main__":
    main()
