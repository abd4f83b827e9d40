"""`/healthz`, `/readyz` and `/metrics` (Prometheus text format 0.0.4).

The load balancer asks `/healthz`: a broker's outage must not replace every relay at once, streams
are fed from the table meanwhile. `/readyz` is for rollouts.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import getpid

from relay.answers import NO_STORE
from relay.consumer import SourceState
from relay.wire import Answer

JSON = (("Content-Type", "application/json"), *NO_STORE)
TEXT = (("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), *NO_STORE)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the process knows of itself. `hub` counts opened, sent, duplicates, gaps and
    `ended_<reason>`; `answers` counts by HTTP status."""

    streams: int
    connections: int
    is_draining: bool
    hub: Mapping[str, int]
    answers: Mapping[int, int]
    source: SourceState
    ring_answers: int
    ring_records: int
    ring_span_seconds: int
    table_reads: int
    table_read_failures: int
    table_reads_waiting: int
    bad_records: int
    other_processes: int
    census_evicted: int

    @property
    def is_ready(self) -> bool:
        return self.source.is_caught_up and self.source.is_connected and not self.is_draining


def operations(path: str, figures: Figures) -> Answer | None:
    """The answer for an operator's path, None for another."""
    make = _OPERATIONS.get(path)
    return make(figures) if make else None


def _healthz(figures: Figures) -> Answer:
    return Answer(200, JSON, _json(success=True, streams=figures.streams))


def _readyz(figures: Figures) -> Answer:
    source = figures.source
    body = _json(
        success=figures.is_ready,
        partitions=source.partitions,
        isConnected=source.is_connected,
        isCaughtUp=source.is_caught_up,
        isDraining=figures.is_draining,
    )
    return Answer(200 if figures.is_ready else 503, JSON, body)


def _metrics(figures: Figures) -> Answer:
    return Answer(200, TEXT, "".join(_lines(figures)).encode())


_OPERATIONS: Mapping[str, Callable[[Figures], Answer]] = {
    "/healthz": _healthz,
    "/readyz": _readyz,
    "/metrics": _metrics,
}


def _lines(figures: Figures) -> Iterator[str]:
    source, hub = figures.source, figures.hub
    ended = {k.removeprefix("ended_"): n for k, n in hub.items() if k.startswith("ended_")}
    yield _gauge("process", "The process that answers, of those that share a port.", getpid())
    yield _gauge("streams", "Open streams.", figures.streams)
    yield _gauge("connections", "Open connections, streams among them.", figures.connections)
    yield _gauge("draining", "1 while streams are being ended for a stop.", figures.is_draining)
    yield _counter("streams_opened_total", "Streams begun.", hub.get("opened", 0))
    yield _labelled("streams_ended_total", "Streams ended, by reason.", "reason", ended.items())
    yield _counter("events_sent_total", "Events sent, per stream.", hub.get("sent", 0))
    yield _counter("events_dropped_total", "Seen before.", hub.get("duplicates", 0))
    yield _counter("gaps_total", "Events that came before their turn.", hub.get("gaps", 0))
    yield _labelled("answers_total", "Answers, by status.", "status", figures.answers.items())
    yield _counter("ring_answers_total", "Resumes without a read.", figures.ring_answers)
    yield _gauge("ring_records", "Recent records in memory.", figures.ring_records)
    yield _gauge("ring_span_seconds", "Since the ring's floor.", figures.ring_span_seconds)
    yield _counter("table_reads_total", "Upgrades read strongly.", figures.table_reads)
    yield _counter("table_read_failures_total", "Of these failed.", figures.table_read_failures)
    yield _gauge("table_reads_waiting", "Reads without a worker.", figures.table_reads_waiting)
    yield _gauge("kafka_connected", "1 while the brokers answer.", source.is_connected)
    yield _gauge("kafka_partitions", "Partitions read.", source.partitions)
    yield _gauge("kafka_lag_records", "Records not yet read.", source.lag)
    yield _counter("kafka_records_total", "Records read.", source.records)
    yield _counter("kafka_connects_total", "Times the brokers were found.", source.reconnects)
    yield _gauge("other_processes", "Relays heard of late.", figures.other_processes)
    yield _counter("census_evicted_total", "Over the limit elsewhere.", figures.census_evicted)
    yield _counter("kafka_bad_records_total", "Records that are no event.", figures.bad_records)


def _gauge(name: str, text: str, value: int) -> str:
    return _head(name, text, "gauge") + f"relay_{name} {int(value)}\n"


def _counter(name: str, text: str, value: int) -> str:
    return _head(name, text, "counter") + f"relay_{name} {value}\n"


def _labelled(name: str, text: str, label: str, values: Iterable[tuple[object, int]]) -> str:
    rows = [f'relay_{name}{{{label}="{of}"}} {count}\n' for of, count in values]
    return _head(name, text, "counter") + "".join(rows)


def _head(name: str, text: str, kind: str) -> str:
    return f"# HELP relay_{name} {text}\n# TYPE relay_{name} {kind}\n"


def _json(**members: object) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()
