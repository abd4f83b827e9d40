"""`python -m relay.app` as it is deployed: real adapters, KMS-signed sessions, tickets, Kafka."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from local.aws import environment as aws_environment
from local.process import Part, StartFailed
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_transient import DynamoDbTickets
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.kafka_events import KafkaPublisher
from nft_upgrade.adapters.kms_signer import KmsEd25519Key
from nft_upgrade.adapters.system import SystemClock, UlidIds
from nft_upgrade.config import KafkaSettings, StorageSettings
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.http.sessions import Session, SessionSigner
from nft_upgrade.http.tickets import issue_ticket
from relay.app import Parts, serve
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.kafka import KafkaEndpoint
from tests.relay.harness import ORIGIN, Story, World, now
from tests.relay.test_faults import is_ready, numbers, wait_until
from tests.sse import connect, request

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@dataclass
class Deployment:
    """The relay's process and the adapters the other doors would use."""

    url: str
    part: Part
    table: DynamoDbUpgrades
    nfts: DynamoDbNfts
    tickets: DynamoDbTickets
    publisher: KafkaPublisher
    signer: SessionSigner

    def publish(self, *events: UpgradeEvent) -> None:
        results = self.publisher.publish(events)
        assert not any(results.values()), results

    def story(self) -> Story:
        new = UlidIds().new()
        return Story(self, new, f"user-{new}")

    def bearer(self, story: Story) -> dict[str, str]:
        token, _ = self.signer.issue(story.upgrade.user_id, session_id="s", at=now())
        return {"Authorization": f"Bearer {token}"}

    def events_url(self, story: Story) -> str:
        return f"{self.url}/api/nft/upgrade/{story.upgrade.id}/events"


@pytest.fixture(scope="module")
def environment(aws: AwsEndpoint, kms: str, kafka: KafkaEndpoint) -> dict[str, str]:
    return {
        **aws.environment,
        **kafka.environment,
        "AWS_ENDPOINT_URL_KMS": kms,
        "SESSION_KMS_KEY_ID": "alias/session",
        "PUBLIC_ORIGIN": ORIGIN,
        "RELAY_PORT": "0",
        "RELAY_DRAIN_SECONDS": "3",
    }


@pytest.fixture(scope="module")
def deployment(
    environment: dict[str, str], kafka: KafkaEndpoint, kms_client: "KMSClient"
) -> Iterator[Deployment]:
    prefix = StorageSettings().table_prefix
    key = KmsEd25519Key("alias/session", kms_client)
    settings = KafkaSettings(
        kafka_bootstrap_servers=kafka.bootstrap, kafka_api_version=kafka.api_version
    )
    with Part("relay.app", environment=environment) as part:
        found = Deployment(
            part.wait(),
            part,
            DynamoDbUpgrades(prefix),
            DynamoDbNfts(prefix),
            DynamoDbTickets(prefix),
            KafkaPublisher(settings),
            SessionSigner(key, issuer=ORIGIN, life=timedelta(hours=1)),
        )
        wait_until(lambda: is_ready(found.url))
        yield found
        found.publisher.close()


def test_an_upgrade_is_watched_from_its_tables_to_its_end(deployment: Deployment) -> None:
    story = deployment.story()
    with request(deployment.events_url(story), headers=deployment.bearer(story)) as stream:
        stream.take(2)
        story.complete()
        assert numbers(list(stream.messages())) == [2, 3, 4, 5]
    with request(
        deployment.events_url(story), headers=deployment.bearer(story), last_id="5"
    ) as answer:
        assert answer.status == 204


def test_a_ticket_of_the_api_opens_a_stream_once(deployment: Deployment) -> None:
    story = deployment.story()
    session = Session(story.upgrade.user_id, now() + timedelta(hours=1), "s")
    ticket, _ = issue_ticket(
        deployment.tickets,
        session,
        story.upgrade.id,
        random_bytes=lambda count: story.upgrade.id.encode().ljust(count, b"-")[:count],
        at=now(),
    )
    url = f"{deployment.events_url(story)}?ticket={ticket}"
    with request(url) as stream:
        assert [m.id for m in stream.take(2)] == ["0", "1"]
        with request(url) as again:
            assert again.status == 401
    with request(url, last_id="1") as stream:
        assert stream.status == 200


def test_a_port_that_is_taken_is_a_clear_message(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(StartFailed, match=f"127.0.0.1:{port}: Address already in use"):
            Part("relay.app", environment={**environment, "RELAY_PORT": port}).wait(30)


def test_sigterm_ends_streams_and_then_the_process(environment: dict[str, str]) -> None:
    with Part("relay.app", environment=environment) as part:
        url = part.wait(30)
        idle = connect(url)
        assert part.stop(15) == 0, part.output
        assert idle.recv(1) == b""


@pytest.mark.parametrize("processes", ["1", "2"])
def test_sigterm_ends_a_relay_that_still_waits_for_the_session_key(processes: str) -> None:
    """KMS takes the connection and then says nothing, which is worse than refusing it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        told = {
            **aws_environment("http://127.0.0.1:1"),
            "AWS_ENDPOINT_URL_KMS": f"http://{host}:{port}",
            "SESSION_KMS_KEY_ID": "alias/session",
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "PUBLIC_ORIGIN": ORIGIN,
            "RELAY_PORT": "0",
            "RELAY_PROCESSES": processes,
        }
        silent.settimeout(30)
        with Part("relay.app", environment=told) as part:
            asked, _ = silent.accept()
            with asked:
                assert part.stop(8) == 0, part.output


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_process_without_its_key_stops_when_it_is_told(is_silent: bool) -> None:
    """As each of several does, once forked."""
    never, asked = threading.Event(), threading.Event()

    def warm_up() -> None:
        asked.set()
        if is_silent:
            never.wait(20)
        raise OSError("no answer")

    with World() as world:
        parts = Parts(world.table, world.tickets, NoSessions(), SystemClock(), warm_up)
        said: list[str] = []

        async def scene() -> None:
            stop = asyncio.Event()
            serving = asyncio.create_task(
                serve(world.settings, parts, stop=stop, ready=said.append)
            )
            await asyncio.to_thread(asked.wait, 5)
            stop.set()
            await asyncio.wait_for(serving, 3)

        asyncio.run(scene())
        never.set()
    assert not said


class NoSessions:
    """`Sessions` of a relay that never came to serve."""

    def verify(self, access_token: str, at: datetime) -> Session:
        raise AssertionError("nobody is served")
