"""The operator's statistics command: over real Kafka and the event table, the figures agree."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.aws_resources import create_tables
from local.kafka import API_VERSION
from local.process import Part
from nft_upgrade import stats, wiring_events
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_stats import DynamoDbGenerations
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.event_schema import read_event
from nft_upgrade.adapters.kafka_history import KafkaHistory
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.stats_ports import HistoryIncomplete
from nft_upgrade.domain.events import UpgradeEvent
from tests.fakes.event_streams import FIRST_DAY, deliveries, histories
from tests.fakes.events import msk_event, story, transitions
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.kafka import KafkaEndpoint
from tests.functions.events_harness import forget, loaded

DAYS = [
    "days",
    "--from",
    FIRST_DAY.date().isoformat(),
    "--to",
    (FIRST_DAY + timedelta(days=7)).date().isoformat(),
]


@pytest.fixture
def own_kafka() -> Iterator[KafkaEndpoint]:
    """Brokers whose topics hold this test's events alone."""
    with Part("local.kafka", "--port", "0") as part:
        yield KafkaEndpoint(part.wait(), API_VERSION)


@pytest.fixture
def prefix(aws: AwsEndpoint) -> str:
    """Tables of this test's own."""
    made = f"{uuid4().hex[:12]}-"
    create_tables(aws.url, made)
    return made


@pytest.fixture
def environment(
    aws: AwsEndpoint, own_kafka: KafkaEndpoint, prefix: str
) -> Iterator[dict[str, str]]:
    variables = {**own_kafka.environment, "TABLE_PREFIX": prefix}
    with pytest.MonkeyPatch.context() as patch:
        for variable, text in variables.items():
            patch.setenv(variable, text)
        forget()
        yield {**aws.environment, **variables}
        forget()


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert stats.main(arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def publish(events: list[UpgradeEvent]) -> None:
    results = wiring_events.publisher().publish(events)
    assert not any(results.values())


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_a_rebuild_from_the_topics_gives_the_same_numbers(
    environment: dict[str, str],
    prefix: str,
    capsys: pytest.CaptureFixture[str],
    data: st.DataObject,
) -> None:
    events = data.draw(histories(f"{uuid4().hex[:8]}-"))
    with loaded("analytics", environment) as analytics:
        assert analytics(msk_event(data.draw(deliveries(events))))["dead"] == 0
        for event in data.draw(deliveries(events)):  # repeated and reordered in the topics too
            publish([event])
        before = printed(capsys, *DAYS)
        generations = DynamoDbGenerations(Database(prefix))
        old = generations.store(generations.pointer().current)
        (report,) = printed(capsys, "rebuild", "--source", "topics")
        new = generations.store(generations.pointer().current)
        assert report["generation"] == generations.pointer().current
        assert printed(capsys, *DAYS) == before
    for event in events:
        journey = new.journey(event.upgrade_id)
        assert journey is not None and journey.has(event.sequence)
        assert new.stats(event.user_id) == old.stats(event.user_id)
        assert new.journey(event.upgrade_id) == old.journey(event.upgrade_id)
    assert new.firsts() == old.firsts()
    assert new.leaderboard(limit=100, cursor=None) == old.leaderboard(limit=100, cursor=None)


def test_a_rebuild_from_the_table_counts_what_kafka_never_got(
    environment: dict[str, str], prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = transitions("up-table", "wallet-table")
    nft = steps[0].nfts[0].before
    assert nft is not None
    DynamoDbNfts(prefix).register(nft, takes=())
    for step in steps:
        DynamoDbUpgrades(prefix).commit(step)
    (report,) = printed(capsys, "rebuild")
    assert report == {"generation": 1, "replaced": 0, "read": 9, "counted": 9}
    found = DynamoDbGenerations(Database(prefix)).store(1).stats("wallet-table")
    assert found is not None and (found.version, found.upgrades_completed) == (9, 1)
    assert printed(capsys, "drop", "0") == [{"generation": 0, "deleted": 0}]


def test_what_cannot_be_done_is_said_and_changes_nothing(
    environment: dict[str, str], prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stats.main(["drop", "0"]) == 1
    assert "in use" in capsys.readouterr().err
    assert stats.main(["days", "--from", "2026-11-02", "--to", "2026-11-01"]) == 1
    assert stats.main(["days", "--from", "2020-11-02", "--to", "2026-11-01"]) == 1


def test_a_record_that_is_no_event_does_not_stop_the_history(
    environment: dict[str, str],
) -> None:
    from kafka import KafkaProducer

    from nft_upgrade.adapters.kafka_events import client_options

    producer = KafkaProducer(**client_options(KafkaSettings()), metrics_enabled=False)
    producer.send("nft-upgrade-progress", value=b"not JSON").get(timeout=10)
    producer.close()
    publish(story())
    assert (
        sorted(KafkaHistory(KafkaSettings(), read_event).events(), key=lambda event: event.sequence)
        == story()
    )


@pytest.mark.engines
def test_topics_that_retention_has_cut_are_refused(
    apache_kafka: KafkaEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kafka import TopicPartition
    from kafka.admin import KafkaAdminClient

    from nft_upgrade.adapters.kafka_events import KafkaPublisher, client_options
    from nft_upgrade.adapters.kafka_topics import ONE_BROKER, ensure_topics

    settings_ = KafkaSettings(
        kafka_bootstrap_servers=apache_kafka.bootstrap, kafka_topic_prefix=f"{uuid4().hex[:8]}-"
    )
    ensure_topics(settings_, ONE_BROKER)
    publisher = KafkaPublisher(settings_)
    assert not any(publisher.publish(story()).values())
    publisher.close()
    assert len(list(KafkaHistory(settings_, read_event).events())) == len(story())
    admin = KafkaAdminClient(**client_options(settings_))
    topic = f"{settings_.kafka_topic_prefix}nft-upgrade-completed"
    admin.delete_records({TopicPartition(topic, n): -1 for n in range(3)})
    admin.close()
    with pytest.raises(HistoryIncomplete, match="nft-upgrade-completed"):
        list(KafkaHistory(settings_, read_event).events())
