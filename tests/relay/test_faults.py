"""What dies and what must not be lost: real processes, real Kafka protocol, everything counted."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from local.process import Part
from nft_upgrade.adapters.kafka_events import KafkaPublisher
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import TERMINAL
from tests.fakes.storage import FakeNfts
from tests.fixtures.kafka import KafkaEndpoint
from tests.relay.harness import Story, Table, bearer
from tests.relay.killable import Killable, lent
from tests.sse import EventSource, Message, SseResponse, request

KILLS = int(os.environ.get("RELAY_KILLS", "4"))
READERS = 24


@dataclass
class Scene:
    """The table and a publisher: what `Story` needs of a world."""

    kafka: KafkaEndpoint
    table: Table = field(default_factory=Table)

    def __post_init__(self) -> None:
        self.nfts = FakeNfts(self.table.store)
        settings = KafkaSettings(
            kafka_bootstrap_servers=self.kafka.bootstrap, kafka_api_version=self.kafka.api_version
        )
        self._publisher = KafkaPublisher(settings)

    def publish(self, *events: UpgradeEvent) -> None:
        results = self._publisher.publish(events)
        assert not any(results.values()), results

    def close(self) -> None:
        """Drop the connection; the next event makes a new one."""
        self._publisher.close()


@pytest.fixture
def scene(kafka: KafkaEndpoint) -> Iterator[Scene]:
    scene = Scene(kafka)
    yield scene
    scene.close()


def relay_for(table_port: str, kafka: KafkaEndpoint, **more: str) -> Killable:
    return Killable(table_port, {**kafka.environment, **more})


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "did not happen in time"
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    with request(f"{url}/readyz") as answer:
        return answer.status == 200


def streams_of(url: str) -> int:
    with request(f"{url}/healthz") as answer:
        return int(json.loads(answer.body())["streams"])


def stream_of(url: str, story: Story, last_id: str = "") -> SseResponse:
    path = f"{url}/api/nft/upgrade/{story.upgrade.id}/events"
    return request(path, headers=bearer(story.upgrade.user_id), last_id=last_id)


def numbers(messages: list[Message]) -> list[int]:
    own = ("connection_established", "reset", "session_expiring")
    return [m.json["sequence"] for m in messages if m.json["type"] not in own]


def test_an_upgrade_is_watched_live_through_kafka(scene: Scene) -> None:
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, scene.kafka)
        try:
            wait_until(lambda: is_ready(relay.url))
            story = Story(scene, "01LIVE", "user-live")
            with stream_of(relay.url, story) as stream:
                stream.take(2)
                began = time.monotonic()
                story.step()
                stream.take(1)
                assert time.monotonic() - began < 2
                story.complete()
                assert numbers(list(stream.messages())) == [3, 4, 5]
        finally:
            assert relay.stop() == 0, relay.part.output


def test_an_outage_of_kafka_makes_streams_late_never_wrong(tmp_path: Path) -> None:
    """The cluster goes away, comes back empty and under other broker addresses."""
    broker = Part("local.kafka", "--port", "0")
    address = broker.wait()
    endpoint = KafkaEndpoint(address, "2.0")
    scene = Scene(endpoint)
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, endpoint)
        try:
            wait_until(lambda: is_ready(relay.url))
            story = Story(scene, "01OUT", "user-out")
            with stream_of(relay.url, story) as stream:
                stream.take(2)
                story.step()
                assert numbers(stream.take(1)) == [2]
                # This process's own client must not outlive the cluster: it leaves the sockets of
                # failed connects to the garbage collector.
                scene.close()
                broker.kill()
                story.steps(2, publish=False)
                assert numbers(stream.take(2, seconds=20)) == [3, 4]
                assert not is_ready(relay.url)
                broker = Part("local.kafka", "--port", address.rsplit(":", 1)[1])
                broker.wait()
                wait_until(lambda: is_ready(relay.url), 40)
                story.step()
                assert numbers(stream.take(1)) == [5]
        finally:
            relay.stop()
            scene.close()
            broker.stop()


@dataclass
class Reader:
    """One browser: what it was shown over all its connections."""

    story: Story
    source: EventSource
    seen: list[Message] = field(default_factory=list)

    def run(self) -> None:
        for message in self.source:
            self.seen.append(message)


def start_readers(url: str, stories: list[Story]) -> tuple[list[Reader], list[threading.Thread]]:
    readers = []
    for story in stories:
        path = f"{url}/api/nft/upgrade/{story.upgrade.id}/events"
        source = EventSource(path, headers=bearer(story.upgrade.user_id), patience=0.05)
        readers.append(Reader(story, source))
    threads = [threading.Thread(target=reader.run, daemon=True) for reader in readers]
    for thread in threads:
        thread.start()
    return readers, threads


def tell(stories: list[Story], stop: threading.Event, chance: random.Random) -> None:
    """Events of all stories, until told to stop; then every story's end."""
    while not stop.is_set():
        chance.choice(stories).step()
    for story in stories:
        if story.upgrade.status not in TERMINAL:
            story.complete()


@pytest.mark.slow
def test_kill_9_under_load_loses_and_doubles_nothing(scene: Scene) -> None:
    chance = random.Random(20)
    with lent(scene.table) as table_port:
        relay = relay_for(table_port, scene.kafka)
        stories = [Story(scene, f"01KILL{n}", f"user-kill-{n}") for n in range(READERS)]
        readers, threads = start_readers(relay.url, stories)
        stop = threading.Event()
        teller = threading.Thread(target=tell, args=(stories, stop, chance), daemon=True)
        teller.start()
        try:
            for _ in range(KILLS):
                wait_until(lambda: streams_of(relay.url) == READERS)
                time.sleep(chance.random())
                relay.kill()
                relay.start()
            time.sleep(1)
            stop.set()
            teller.join(60)
            assert not teller.is_alive()
            for thread in threads:
                thread.join(30)
        finally:
            relay.stop()
        account(readers)
        assert all(reader.source.connects > KILLS for reader in readers)


def account(readers: list[Reader]) -> None:
    """Lost, doubled, reordered: counted per stream, all must be none."""
    faults = {}
    for reader in readers:
        told, got = range(1, reader.story.upgrade.version + 1), numbers(reader.seen)
        lost, doubled = set(told) - set(got), len(got) - len(set(got))
        reordered = sum(a > b for a, b in pairwise(got))
        if lost or doubled or reordered or reader.source.final_status != 204:
            end = (reader.source.final_status, reader.source.connects, reader.source.last_id)
            faults[reader.story.upgrade.id] = (sorted(lost), doubled, reordered, end)
    assert not faults


@pytest.mark.slow
def test_a_rolling_restart_under_load_loses_and_doubles_nothing(scene: Scene) -> None:
    """Two relays; each is stopped in order and replaced while events flow."""
    chance = random.Random(7)
    with lent(scene.table) as table_port:
        relays = [relay_for(table_port, scene.kafka) for _ in range(2)]
        stories = [Story(scene, f"01ROLL{n}", f"user-roll-{n}") for n in range(READERS)]
        half = len(stories) // 2
        first, more = start_readers(relays[0].url, stories[:half])
        second, threads = start_readers(relays[1].url, stories[half:])
        stop = threading.Event()
        teller = threading.Thread(target=tell, args=(stories, stop, chance), daemon=True)
        teller.start()
        try:
            for relay in relays:
                time.sleep(1)
                assert relay.stop() == 0, relay.part.output
                relay.start()
            time.sleep(1)
            stop.set()
            teller.join(60)
            assert not teller.is_alive()
            for thread in (*threads, *more):
                thread.join(30)
        finally:
            for relay in relays:
                relay.stop()
        account([*first, *second])
