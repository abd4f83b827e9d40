"""The worked example of docs/events.md, word by word: one file, one line in infra, one in local."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from infra import rows
from local import streams
from local.consumer_pump import ConsumerPump
from local.kafka import API_VERSION, start_cluster
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_ledger import DynamoDbLedger
from nft_upgrade.adapters.kafka_dead_letters import letter_of
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.messages import TOPIC_DEAD_LETTERS, TOPIC_PROGRESS, TOPICS
from tests.delivery.world import Delivery
from tests.fakes.events import story
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import forget
from tests.kafka_reading import records_in

EXAMPLE = (
    (Path(__file__).parents[2] / "docs/events.md")
    .read_text("utf-8")
    .split("### A fourth consumer")[1]
)
GROUP = "nft-mint-failures"


def line(after: str) -> Any:
    """The example's line behind these words, evaluated as the file it goes into would."""
    code = EXAMPLE.split(after)[1].split("\n    ")[1].split("\n")[0].rstrip(",")
    return eval(code, {"consumer": rows.consumer, "TOPICS": TOPICS})


@pytest.fixture
def world(aws: AwsEndpoint) -> Iterator[Delivery]:
    with start_cluster() as brokers:
        settings = KafkaSettings(
            kafka_bootstrap_servers=brokers.addresses[0],
            kafka_api_version=API_VERSION,
            kafka_fetch_max_wait_ms=5,
        )
        made = Delivery(aws.url, settings)
        yield made
        made.close()


def test_the_example_counts_each_event_once_and_sets_poison_aside(
    world: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", EXAMPLE, re.DOTALL)
    (tmp_path / "count_failures.py").write_text(code)
    for variable, text in world.environment.items():
        monkeypatch.setenv(variable, text)
    forget()
    world.publish(world.payload(world.commit(2)))
    producer = KafkaProducer(**client_options(world.kafka))
    producer.send(TOPIC_PROGRESS, value=b"poison").get(10)
    producer.close()
    handle = streams.function("count_failures", tmp_path)

    for group in (GROUP, f"{GROUP}-again"):  # another group: everything once more
        stop, seen = threading.Event(), [0]

        def counting(batch: Any, stop: threading.Event = stop, seen: list[int] = seen) -> None:
            report = handle(batch)
            seen[0] += report["taken"] + report["dead"]
            if seen[0] >= 19:
                stop.set()

        ConsumerPump(group, counting, stop, world.kafka).run()

    ledger = DynamoDbLedger(Database(world.prefix), GROUP)
    assert ledger.facts("level-2") == {"events": 18, "failed": 2}
    letters = [letter_of(each) for each in records_in(world.kafka, TOPIC_DEAD_LETTERS)]
    assert {(each.consumer, each.original) for each in letters} == {(GROUP, b"poison")}
    forget()


def test_the_line_in_infra_is_a_row_with_everything_in_it() -> None:
    row = line("`infra/rows.py`")
    assert (row.name, row.group, row.topics, row.in_vpc) == ("count_failures", GROUP, TOPICS, True)
    assert rows.buries in row.grants  # type: ignore[attr-defined]


def test_the_line_in_local_has_the_form_of_the_others() -> None:
    assert line("`local/streams.py`") == ("count_failures", GROUP, TOPICS)
    assert all(len(each) == 3 for each in streams.CONSUMERS)


def test_local_and_infra_have_the_same_consumers() -> None:
    assert {(row.name, row.group, tuple(row.topics)) for row in rows.consumers()} == {
        (name, group, tuple(topics)) for name, group, topics in streams.CONSUMERS
    }


def test_two_events_that_change_one_row_at_once_are_both_counted(world: Delivery) -> None:
    ledger = DynamoDbLedger(Database(world.prefix), GROUP)
    first, second = story()[:2]
    calls: list[int] = []

    def rivalled(facts: Any) -> Any:
        if not calls:  # between our read and our write somebody else counts
            calls.append(1)
            ledger.change(second, "row", lambda before: {"n": before.get("n", 0) + 1})
        return {"n": facts.get("n", 0) + 1}

    assert ledger.change(first, "row", rivalled)
    assert ledger.facts("row") == {"n": 2}
    assert not ledger.change(first, "row", rivalled)


def test_a_row_that_is_always_taken_by_others_is_a_conflict_to_retry(world: Delivery) -> None:
    ledger = DynamoDbLedger(Database(world.prefix), GROUP)
    rivals = iter(story("up-rivals"))

    def always_late(facts: Any) -> Any:
        ledger.change(next(rivals), "row", lambda before: {"n": before.get("n", 0) + 1})
        return {"n": 0}

    with pytest.raises(VersionConflict):
        ledger.change(story()[0], "row", always_late)
    assert not ledger.has("up-1", 1)
