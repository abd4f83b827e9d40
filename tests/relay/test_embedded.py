"""The relay's line of embedded metrics."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from relay.consumer import SourceState
from relay.embedded import UNITS, Telling
from relay.metrics import Figures

FIGURES = Figures(
    streams=17,
    connections=20,
    is_draining=False,
    hub={},
    answers={},
    source=SourceState(lag=3),
    ring_answers=0,
    ring_records=0,
    ring_span_seconds=0,
    table_reads=100,
    table_read_failures=5,
    table_reads_waiting=0,
    other_processes=0,
    census_evicted=0,
    bad_records=0,
)


def told(*figures: Figures) -> list[dict[str, Any]]:
    """The lines for these figures, one after the other."""
    lines: list[str] = []
    following = iter(figures)
    telling = Telling(lambda: next(following), lines.append)
    for _ in figures:
        telling.tell(1_790_000_000.5)
    return [json.loads(line) for line in lines]


def test_open_streams_and_lag_are_told_as_they_are() -> None:
    (line,) = told(FIGURES)
    assert (line["RelayStreams"], line["RelayKafkaLag"]) == (17, 3)
    assert line["service"] == "nft-upgrade"


def test_every_metric_of_the_envelope_has_a_value() -> None:
    (line,) = told(FIGURES)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {each["Name"] for each in directive["Metrics"]} == set(UNITS) <= set(line)
    assert line["_aws"]["Timestamp"] == 1_790_000_000_500


def test_failures_are_told_once() -> None:
    lines = told(FIGURES, FIGURES, replace(FIGURES, table_read_failures=7))
    assert [line["RelayTableReadFailures"] for line in lines] == [5, 0, 2]


def test_it_goes_on_until_it_is_cancelled() -> None:
    lines: list[str] = []

    async def listen() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(Telling(lambda: FIGURES, lines.append).for_ever(0.01), 0.2)

    asyncio.run(listen())
    assert len(lines) > 2
