"""`make bench-relay`: the relay beside nchan, in alternation, by the load generator in sse_load/.

Variables: N (streams, 19000) and ROUNDS (2); about a minute and a half a server and round. Needs
gcc, and for nchan Debian's nginx-light and libnginx-mod-nchan. HOLD=<seconds> also has two
processes hold 38,000 streams for so long. Without SKIP every phase is run that both servers have:
an event to all has no counterpart in the relay, whose streams share no channel.
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
KILLED = ("relay:ingest=apache,processes=2", "nchan:workers=2")
HELD = ("relay:processes=2,ingest=embedded", 38_000)
FIGURES: Mapping[str, str] = {
    "KiB per idle stream": "idle.pss_kib_per_stream",
    "KiB per stream after traffic": "after.pss_kib_per_stream_from_zero",
    "unicast p50 ms": "unicast.latency_ms.p50",
    "unicast p99 ms": "unicast.latency_ms.p99",
    "CPU us per event": "unicast.cpu_us_net_of_idle",
    "server answers after kill -9, ms": "kill.answering_after_ms",
    "resumed after kill -9, all, ms": "kill.resume_ms.max",
    "resumed, streams": "kill.resumed",
    "lost": "account.lost",
    "duplicated": "account.duplicates",
    "reordered": "account.reordered",
}
ONLY_KILL = ("--kill-what", "serving", "--quiet", "2", "--skip", "unicast,broadcast,flood")
AFTER_KILL = ("kill", "account")
SHORT = ("--spread", "8", "--quiet", "8", "--unicast-s", "12", "--kill-s", "6")


def main() -> None:
    """Run and print the tables, with ratios."""
    subprocess.run(["make", "-s", "-C", str(HERE)], check=True)
    count, rounds = os.environ.get("N", "19000"), os.environ.get("ROUNDS", "2")
    skip = ("--skip", os.environ.get("SKIP", "broadcast,flood"))
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    results = _measure(_present(SERVERS), "--n", count, "--rounds", rounds, *skip)
    title = f"The relay and nchan, {count} streams, {rounds} rounds: median (lowest..highest)"
    _print(title, results, _present(SERVERS), FIGURES)
    killed = _measure(_present(KILLED), "--n", count, *ONLY_KILL)
    figures = {name: path for name, path in FIGURES.items() if path.startswith(AFTER_KILL)}
    title = f"Only the processes that serve are killed, {count} streams, one round"
    _print(title, killed, _present(KILLED), figures)
    if os.environ.get("HOLD"):
        _hold(os.environ["HOLD"])


def _present(servers: Sequence[str]) -> list[str]:
    return [name for name in servers if not name.startswith("nchan") or shutil.which("nginx")]


def _measure(servers: Sequence[str], *options: str) -> list[dict[str, Any]]:
    """One result for each server and round. Options given twice: the last counts."""
    with tempfile.TemporaryDirectory(prefix="bench-relay-") as scratch:
        out = Path(scratch, "results.jsonl")
        command = [sys.executable, str(HERE / "measure.py"), "run", *servers, "--out", str(out)]
        subprocess.run([*command, *SHORT, *options], check=True)
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def _hold(seconds: str) -> None:
    server, count = HELD
    options = ("--n", str(count), "--procs", "2", "--quiet", seconds, "--spread", "20")
    skip = ("--skip", "unicast,broadcast,flood,kill", "--limit", str(3 * int(seconds) + 300))
    (result,) = _measure([server], *options, *skip)
    told = {key: result.get(key) for key in ("open", "idle", "after", "account", "error")}
    print(f"\n### {count} streams held for {seconds} s by two processes\n\n{json.dumps(told)}")


def _print(
    title: str,
    results: Sequence[Mapping[str, Any]],
    servers: Sequence[str],
    figures: Mapping[str, str],
) -> None:
    table(title, ("figure", *servers, "relay / nchan"), list(_rows(results, servers, figures)))
    for result in results:
        if "error" in result:
            print(f"\n{result['server']}: {result['error']}")


def _rows(
    results: Sequence[Mapping[str, Any]], servers: Sequence[str], figures: Mapping[str, str]
) -> Iterator[list[str]]:
    for name, path in figures.items():
        values = [_values(results, server, path) for server in servers]
        yield [name, *map(_spread, values), _ratio(values[0], values[-1])]


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


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Of the first server to the last, which is nchan where there is one."""
    if not ours or not theirs or ours is theirs or not statistics.median(theirs):
        return "-"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


if __name__ == "__main__":
    main()
