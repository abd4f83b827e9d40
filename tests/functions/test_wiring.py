"""What `wiring` hands to the adapters: a call's trace goes with its events, and what was committed
is told as metrics."""

import json
import uuid
from collections.abc import Iterator

import pytest

from local.aws_resources import create_tables
from nft_upgrade import wiring, wiring_events
from nft_upgrade.adapters.kafka_events import headers
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPIC_INITIATED
from tests.contracts.samples import NOW, SECOND, nft, opening
from tests.fakes.events import story
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.kafka import KafkaEndpoint
from tests.kafka_reading import records_in

TRACE = "1-67891233-abcdef012345678912345678"


def forget() -> None:
    """Drop what other tests built from another environment."""
    for part in (*vars(wiring).values(), *vars(wiring_events).values()):
        if hasattr(part, "cache_clear"):
            part.cache_clear()


@pytest.fixture
def lambda_call(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a traced call in Lambda, with tables of its own."""
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    create_tables(aws.url, prefix)
    settings = {
        **aws.environment,
        "TABLE_PREFIX": prefix,
        "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1",
        "AWS_LAMBDA_FUNCTION_NAME": "nft-upgrade-dev-api",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    }
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    forget()
    yield
    if wiring_events.publisher.cache_info().currsize:
        wiring_events.publisher().close()  # type: ignore[attr-defined]
    forget()


def committed() -> UpgradeEvent:
    """The event of an upgrade that the wired adapters committed."""
    row = nft("a", "alice")
    wiring.nfts().register(row, takes=())
    wiring.upgrades().commit(opening("one", row))
    (event,) = wiring.upgrades().events("one")
    return event


@pytest.mark.usefixtures("lambda_call")
def test_an_event_carries_the_trace_of_the_call_that_committed_it() -> None:
    assert committed().trace_id == TRACE
    (late,) = wiring.upgrades().unpublished(before=NOW + SECOND, limit=10)
    assert ("traceId", TRACE.encode()) in headers(late, None)


@pytest.mark.usefixtures("lambda_call")
def test_what_was_committed_is_told_as_a_metric(capfd: pytest.CaptureFixture[str]) -> None:
    committed()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "_aws" in line]
    (told,) = [each for each in lines if "UpgradesOpened" in each]
    assert told["UpgradesOpened"] == [1.0]
    assert told["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "NftUpgrade"


@pytest.mark.usefixtures("lambda_call")
def test_use_cases_that_change_an_upgrade_share_the_wired_adapter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever commits, commits through the one that knows traces and tells metrics."""
    for name, text in {
        "SOLANA_RPC_URLS": "http://127.0.0.1:9",
        "MINT_KMS_KEY_ID": "alias/mint",
        "STATE_MACHINE_ARN": "arn",
    }.items():
        monkeypatch.setenv(name, text)
    for build in (
        wiring.opening,
        wiring.submitting,
        wiring.burning,
        wiring.minting,
        wiring.ending,
        wiring.claiming,
        wiring.reviewing,
        wiring.sweeping,
    ):
        assert build().upgrades is wiring.upgrades()


@pytest.mark.usefixtures("lambda_call")
def test_a_record_names_the_publishing_call_when_its_event_names_none(
    kafka: KafkaEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in kafka.environment.items():
        monkeypatch.setenv(name, text)
    event = story(uuid.uuid4().hex)[0]
    wiring_events.publisher().publish([event])
    found = records_in(kafka.settings, TOPIC_INITIATED)
    (record,) = [each for each in found if ("eventId", event.event_id.encode()) in each.headers]
    assert event.trace_id is None
    assert ("traceId", TRACE.encode()) in record.headers
