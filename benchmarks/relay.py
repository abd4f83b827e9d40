"""`make bench-relay`: the relay beside nchan, in alternation, by the load generator in sse_load/.

N (streams, default 19000) and ROUNDS (default 3) may be set. Needs gcc, and for nchan Debian's
nginx-light and libnginx-mod-nchan. One run takes about two and a half minutes for each server.
Without SKIP every phase is run that both servers have: an event to all has no counterpart in the
relay, whose streams share no channel.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import table

HERE = Path(__file__).parent / "sse_load"
SERVERS = ("relay", "relay:ingest=apache", "nchan")
FIGURES: Mapping[str, str] = {
    "KiB per idle stream": "idle.pss_kib_per_stream",
    "KiB per stream after traffic": "after.pss_kib_per_stream_from_zero",
    "unicast p50 ms": "unicast.latency_ms.p50",
    "unicast p99 ms": "unicast.latency_ms.p99",
    "CPU us per event": "unicast.cpu_us_net_of_idle",
    "resumed after kill -9, all, ms": "kill.resume_ms.max",
    "server answers after kill -9, ms": "kill.answering_after_ms",
    "lost": "account.lost",
    "duplicated": "account.duplicates",
    "reordered": "account.reordered",
}


def main() -> None:
    """Run and print the table with ratios."""
    subprocess.run(["make", "-s", "-C", str(HERE)], check=True)
    servers = [name for name in SERVERS if name != "nchan" or shutil.which("nginx")]
    with tempfile.TemporaryDirectory(prefix="bench-relay-") as scratch:
        out = Path(scratch, "results.jsonl")
        _measure(servers, out)
        results = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    count, rounds = os.environ.get("N", "19000"), os.environ.get("ROUNDS", "3")
    title = f"The relay and nchan, {count} streams, {rounds} rounds: median (lowest..highest)"
    table(title, ("figure", *servers, "relay / nchan"), list(_rows(results, servers)))


def _measure(servers: Sequence[str], out: Path) -> None:
    command = [sys.executable, str(HERE / "measure.py"), "run", *servers, "--out", str(out)]
    command += ["--n", os.environ.get("N", "19000"), "--rounds", os.environ.get("ROUNDS", "3")]
    command += ["--skip", os.environ.get("SKIP", "broadcast,flood")]
    subprocess.run(command, check=True)


def _rows(results: Sequence[Mapping[str, Any]], servers: Sequence[str]) -> Iterator[list[str]]:
    for name, path in FIGURES.items():
        values = {server: _values(results, server, path) for server in servers}
        yield [name, *(_spread(values[server]) for server in servers), _ratio(values)]


def _values(results: Sequence[Mapping[str, Any]], server: str, path: str) -> list[float]:
    found = (_dig(result, path) for result in results if result["server"] == server)
    return [value for value in found if value is not None]


def _dig(result: Any, path: str) -> Any:
    for part in path.split("."):
        result = result.get(part) if isinstance(result, dict) else None
    return result


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{statistics.median(values):g} ({min(values):g}..{max(values):g})"


def _ratio(values: Mapping[str, Sequence[float]]) -> str:
    ours, theirs = values.get("relay", ()), values.get("nchan", ())
    if not ours or not theirs or not statistics.median(theirs):
        return "-"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


if __name__ == "__main__":
    main()
