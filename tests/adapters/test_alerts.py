"""What calls a human: a log line that says where to look, and a metric that an alarm watches."""

import json
import logging
from typing import Any

import pytest

from infra.parts.alarms import _alerts
from nft_upgrade import observability
from nft_upgrade.adapters.alerts import CloudWatchAlerts
from nft_upgrade.config import METRICS_NAMESPACE
from nft_upgrade.domain.errors import ChainUnavailable, ProvidersDisagree
from nft_upgrade.use_cases.burning import ALERTS
from nft_upgrade.use_cases.comparing import MISMATCH

WATCHED = {row.metric.to_metric_config().metric_stat.metric_name for row in _alerts()}  # type: ignore[union-attr]


def test_an_alert_is_a_line_and_a_count(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.ERROR):
        CloudWatchAlerts().call("Anything", "It is wrong.", mint="M", code="c")
    assert caplog.messages == ['Anything: It is wrong. {"code": "c", "mint": "M"}']
    (metric,) = metrics(capsys)
    assert metric["Anything"] == [1.0]
    assert metric["service"] == "nft-upgrade"
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (METRICS_NAMESPACE, [["service"]])


def test_a_task_that_ends_in_a_disagreement_counts_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProvidersDisagree), observability.step("await_mint", "id"):
        raise ProvidersDisagree("they do")
    assert [metric["ProviderDisagreements"] for metric in metrics(capsys)] == [[1.0]]


def test_a_chain_that_is_merely_away_counts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChainUnavailable), observability.step("await_mint", "id"):
        raise ChainUnavailable("no answer")
    assert metrics(capsys) == []


def test_every_metric_that_calls_a_human_has_its_alarm() -> None:
    assert {*ALERTS.values(), MISMATCH} == WATCHED


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "{" in line]
    return [line for line in lines if "_aws" in line]
