"""What operators see and are woken by agrees with what the code tells."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from infra.bundling import ROOT
from infra.rows import Row, consumers
from nft_upgrade.adapters.upgrade_metrics import COUNTED, DURATIONS
from nft_upgrade.wiring_ops import CONSUMERS
from relay.embedded import UNITS
from tests.infra.synthesized import Assembly

OURS = "NftUpgrade"
TOLD_BY = ("layers/core/python", "relay", "infra/handlers")
GAUGED = {
    "WaitingAfterBurn",
    "OldestWaitSeconds",
    "UnderReview",
    "OldestReviewSeconds",
    "WalletLamports",
    "EventLagSeconds",
}


def literals() -> set[str]:
    """Every word in double quotes that production code contains."""
    sources = (file.read_text() for place in TOLD_BY for file in (ROOT / place).rglob("*.py"))
    return {word for text in sources for word in re.findall(r'"(\w+)"', text)}


def alarmed(assembly: Assembly) -> set[str]:
    """Our own metrics that an alarm watches."""
    return {
        each.properties["MetricName"]
        for each in assembly.resources("AWS::CloudWatch::Alarm")
        if each.properties.get("Namespace") == OURS
    }


def shown(assembly: Assembly) -> set[str]:
    """Our own metrics on the dashboard."""
    body = assembly.one("AWS::CloudWatch::Dashboard").properties["DashboardBody"]
    text = "".join(part if isinstance(part, str) else "ref" for part in _parts(body))
    names = (
        metric[1]
        for widget in json.loads(text)["widgets"]
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == OURS
    )
    return set(names)


def _parts(body: Any) -> list[Any]:
    joined: list[Any] = body["Fn::Join"][1]
    return joined


def test_every_alarm_watches_a_metric_that_the_code_tells(assembly: Assembly) -> None:
    assert alarmed(assembly) <= literals()
    assert {"OldestWaitSeconds", "WalletLamports", "DeadLetters"} <= alarmed(assembly)


def test_dashboard_shows_people_upgrades_wallet_events_and_streams(assembly: Assembly) -> None:
    told = {*COUNTED.values(), *DURATIONS, "RelayStreams"}
    assert GAUGED | told | {"DeadLetters"} <= shown(assembly)
    assert shown(assembly) <= literals()


def alarm(assembly: Assembly, says: str) -> Mapping[str, Any]:
    """The one whose description contains it."""
    (found,) = [
        each.properties
        for each in assembly.resources("AWS::CloudWatch::Alarm")
        if says in each.properties["AlarmDescription"]
    ]
    return found


def test_headline_alarm_is_about_who_waits_for_the_machinery_alone(assembly: Assembly) -> None:
    headline = alarm(assembly, "has no successor")
    assert (headline["MetricName"], headline["Threshold"]) == ("OldestWaitSeconds", 600)
    decisions = alarm(assembly, "person's decision")
    assert (decisions["MetricName"], decisions["Threshold"]) == ("OldestReviewSeconds", 3_600)


@pytest.mark.parametrize("row", list(consumers()), ids=lambda row: row.name)
def test_a_consumer_that_stands_still_wakes_somebody(row: Row, assembly: Assembly) -> None:
    """The groups and topics are those of its event sources: nobody else has these groups."""
    behind = [
        each.properties
        for each in assembly.resources("AWS::CloudWatch::Alarm")
        if f"{row.name} is ten minutes behind" in each.properties["AlarmDescription"]
    ]
    watched = {
        (dimensions["Consumer Group"], dimensions["Topic"])
        for each in behind
        if (dimensions := {pair["Name"]: pair["Value"] for pair in each["Dimensions"]})
    }
    function_id = assembly.function(row.name).id
    sources = [
        each.properties
        for each in assembly.resources("AWS::Lambda::EventSourceMapping")
        if function_id in json.dumps(each.properties["FunctionName"])
    ]
    assert watched == {
        (each["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"], each["Topics"][0])
        for each in sources
    }
    assert {(each["Namespace"], each["MetricName"]) for each in behind} == {
        ("AWS/Kafka", "EstimatedMaxTimeLag")
    }
    (cluster,) = assembly.resources("AWS::MSK::Cluster")
    assert {
        pair["Value"]
        for each in behind
        for pair in each["Dimensions"]
        if pair["Name"] == "Cluster Name"
    } == {cluster.properties["ClusterName"]}


def test_every_queue_of_what_was_given_up_has_an_alarm(assembly: Assembly) -> None:
    alarmed = json.dumps(
        [
            each.properties["Dimensions"]
            for each in assembly.resources("AWS::CloudWatch::Alarm")
            if each.properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        ]
    )
    queues = assembly.resources("AWS::SQS::Queue")
    assert len(queues) == 4
    for queue in queues:
        assert queue.id in alarmed


def test_relay_tells_cloudwatch_every_minute(assembly: Assembly) -> None:
    (container,) = assembly.one("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert variables["RELAY_METRICS_SECONDS"] == "60"
    assert "RelayStreams" in UNITS


def test_the_operators_view_asks_for_the_consumers_that_there_are(prod: Assembly) -> None:
    variables = prod.function("ops_api").properties["Environment"]["Variables"]
    known = {group: name for group, (name, _) in CONSUMERS.items()}
    assert known == {row.group: row.name for row in consumers()}
    assert all(set(CONSUMERS[str(row.group)][1]) == set(row.topics) for row in consumers())
    for name in known.values():
        function = prod.function(name).properties["FunctionName"]
        assert function == variables["INSTRUMENTS_PREFIX"] + name.replace("_", "-")
