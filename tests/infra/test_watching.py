"""What operators see and are woken by agrees with what the code tells."""

import json
import re
from typing import Any

from infra.bundling import ROOT
from nft_upgrade.adapters.upgrade_metrics import COUNTED, DURATIONS
from relay.embedded import UNITS
from tests.infra.synthesized import Assembly

OURS = "NftUpgrade"
TOLD_BY = ("layers/core/python", "relay", "infra/handlers")
GAUGED = {
    "WaitingAfterBurn",
    "OldestWaitSeconds",
    "UnderReview",
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


def test_relay_tells_cloudwatch_every_minute(assembly: Assembly) -> None:
    (container,) = assembly.one("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert variables["RELAY_METRICS_SECONDS"] == "60"
    assert "RelayStreams" in UNITS
