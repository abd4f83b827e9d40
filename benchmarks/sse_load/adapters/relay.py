"""The relay of this repository. `ingest=http` feeds it as the other servers are fed, `ingest=embedded` through the embedded Kafka broker,
`ingest=apache` through Apache Kafka. Session per stream (Ed25519 JWT), own upgrade each, history in a table, heartbeats, cap per user, metrics on.
Events are committed to the table before they are published. An event to all is one record for each stream: the relay has no channel that all share. With `audience=one` all streams watch the same upgrade
(the limit per user is lifted for it), so that one record goes to all; unicast is to be skipped then."""
import os
import sys
import threading

from peer import HttpChannel, Peer, post

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path[:0] = [ROOT, os.path.join(ROOT, "layers/core/python")]

from pathlib import Path  # noqa: E402

from benchmarks.relay_bench import SharedTable, access_token, upgrade_of  # noqa: E402
from local.process import Part  # noqa: E402
from nft_upgrade.messages import TOPIC_DEAD_LETTERS, to_record  # noqa: E402


class Adapter(Peer):
    name = "relay"
    defaults = {"ingest": "http", "processes": "1", "heartbeat": "15", "ring": "65536", "max": "40000", "audience": "own"}

    def prepare(self):
        # In memory: a file on a disk makes whoever writes wait for the disk now and then, for a quarter of a second. It lives as long as this process has it open.
        table = f"/proc/{os.getpid()}/fd/{os.memfd_create('table')}"
        self.broker, self.table = None, SharedTable(Path(table), self.streams)
        self.variables = {"STAND_TABLE": table, "STAND_STREAMS": str(self.streams), "RELAY_PORT": str(self.port), "SESSION_KMS_KEY_ID": "unused",
                          "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "RELAY_PROCESSES": self.options["processes"], "RELAY_HEARTBEAT_SECONDS": self.options["heartbeat"],
                          "RELAY_RING_RECORDS": self.options["ring"], "RELAY_MAX_STREAMS": self.options["max"], "RELAY_STREAM_SECONDS": "7200", "RELAY_DRAIN_SECONDS": "1"}
        self.unpublished = {}
        self.has_channel_for_all = self.options["audience"] == "one"
        if self.has_channel_for_all:
            self.variables["RELAY_STREAMS_PER_USER"] = str(self.streams)
        if self.options["ingest"] == "http":
            self.door = self.free_port()
            self.variables["STAND_DOOR"] = str(self.door)
        else:
            self.start_broker()
        return repr(sorted((k, v) for k, v in self.variables.items() if "PORT" not in k and "DOOR" not in k and "SERVERS" not in k))

    def start_broker(self):
        module = {"embedded": "local.kafka", "apache": "local.apache_kafka"}[self.options["ingest"]]
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
        self.broker = Part(module, "--port", "0")
        self.variables["KAFKA_BOOTSTRAP_SERVERS"] = self.broker.wait(120)
        if self.options["ingest"] == "embedded":
            self.variables |= {"KAFKA_API_VERSION": "2.0", "KAFKA_FETCH_MAX_WAIT_MS": "5"}

    def free_port(self):
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    def close(self):
        if self.broker:
            self.broker.stop()

    def command(self):
        return [sys.executable, "-m", "benchmarks.relay_stand"]

    def environment(self):
        return {**os.environ, **self.variables, "PYTHONPATH": os.pathsep.join((ROOT, os.path.join(ROOT, "layers/core/python")))}

    def request(self):
        return "GET /api/nft/upgrade/{1}/events HTTP/1.1\nHost: localhost\nAccept: text/event-stream\nAuthorization: Bearer {2}\n"

    def fields(self, stream):
        stream = 0 if self.options["audience"] == "one" else stream
        return [upgrade_of(stream), access_token(stream)]

    def refused_request(self):
        return f"GET /api/nft/upgrade/{upgrade_of(1)}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {access_token(1)[:-4]}AAAA\r\n\r\n"

    def records(self, stream, payload):
        every = (0,) if self.options["audience"] == "one" else range(self.streams)
        for number in every if stream is None else (stream,):
            yield to_record(self.table.commit(number, payload))

    def committed(self, stream, payload):
        """The event's records. It is committed once, however often and by whichever channel it is published: what met a closed connection is sent again."""
        if (stream, payload) not in self.unpublished:
            self.unpublished[stream, payload] = list(self.records(stream, payload))
        return self.unpublished[stream, payload]

    def published(self, stream, payload):
        del self.unpublished[stream, payload]

    @property
    def channels(self):
        """A broker is not asked one question at a time."""
        return 8 if self.options["ingest"] == "http" else 128

    def channel(self):
        return Feed(self) if self.options["ingest"] == "http" else KafkaFeed(self)


class Feed(HttpChannel):
    """A record a request; an event to all is one request after the other."""

    def __init__(self, peer):
        super().__init__(peer.door, None, lambda status, body: status == 204)
        self.peer, self.waiting, self.event = peer, [], None

    def send(self, stream, payload):
        if not self.socket:
            self.connect()
        self.event = (stream, payload)
        self.waiting = list(reversed(self.peer.committed(stream, payload)))
        self.send_next()

    def send_next(self):
        record = self.waiting.pop()
        self.socket.sendall(post("/" + record.message_key.decode(), record.value))

    def result(self):
        result = super().result()
        if result and result[0] and self.waiting:
            self.send_next()
            return None
        if result and result[0]:
            self.peer.published(*self.event)
        return result


class KafkaFeed:
    """Acknowledged by the broker before the next event of the same stream. librdkafka, whose thread needs no interpreter: the product's publisher is on another
    machine, here it would take the generator's CPU."""

    producer = None

    def __init__(self, peer):
        self.peer, self.outcomes, self.left = peer, [], 0
        self.hear, self.say = os.pipe()
        if KafkaFeed.producer is None:
            from confluent_kafka import Producer
            KafkaFeed.producer = Producer({"bootstrap.servers": peer.variables["KAFKA_BOOTSTRAP_SERVERS"], "enable.idempotence": peer.options["ingest"] == "apache", "acks": "all", "linger.ms": 0})
            # Before the first event is due: a producer's first record waits for its number, half a second where the broker is not ready for that. Nobody here reads this topic.
            KafkaFeed.producer.produce(TOPIC_DEAD_LETTERS, b"first")
            KafkaFeed.producer.flush(10)
            threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            self.producer.poll(1)

    def fileno(self):
        return self.hear

    def send(self, stream, payload):
        records = self.peer.committed(stream, payload)
        self.left, self.outcomes, self.event = len(records), [], (stream, payload)
        for record in records:
            self.producer.produce(record.topic, key=record.message_key, value=record.value, on_delivery=self.note)

    def note(self, error, _):
        self.outcomes.append(error is None)
        os.write(self.say, b".")

    def result(self):
        self.left -= len(os.read(self.hear, 65536))
        if self.left > 0:
            return None
        if not all(self.outcomes):
            return False, 500
        self.peer.published(*self.event)
        return True, 200

    def close(self):
        os.close(self.hear)
        os.close(self.say)
