"""The page in the system's Chromium, on a private stack with the embedded engines.

From the commit to the pixel: an event's own instant (`occurredAt`, taken just before its
transaction) until the frame that shows it is done, on one clock; only events that came while the
stream was live. Needs `make web/node_modules` and /usr/bin/chromium.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import quantile, spread, table
from local.process import Part

BROWSER = Path(__file__).parent.parent / "web" / "browser"
FREE_PORTS = {"PORT": "0", "SOLANA_PORT": "0", "KAFKA_PORT": "0", "AWS_PORT": "0"}
PEOPLE = 9
"""Each climbs four levels; every upgrade shows about three events live."""
SCENARIOS = ("files of a first visit", "time until it can be used", "from the commit to the pixel")
KIB = 1024


def main() -> None:
    """Print the tables."""
    before = os.getloadavg()[0]
    with Part("local", environment=FREE_PORTS) as part:
        try:
            files, ready, shown = _play(part.wait(120))
        except SystemExit as failed:
            raise SystemExit(f"{failed}\nThe stack's last lines:\n{part.output}") from failed
    print(f"\nLoad before {before:.1f}, after {os.getloadavg()[0]:.1f}.")
    _sizes(files)
    table("Usable after", ("visit", "time"), [(kind, spread(ready[kind])) for kind in ready])
    _latency(shown)


def _play(origin: str) -> Sequence[Any]:
    told = httpx.get(f"{origin}/local/addresses", trust_env=False).json()
    options = {"origin": origin, "solana": told["solanaRpcUrl"], "people": PEOPLE}
    command = ["node", "--no-warnings", "run.js", json.dumps(options)]
    done = subprocess.run(
        command, cwd=BROWSER, input="\n".join(SCENARIOS), stdout=subprocess.PIPE, text=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()[1:]]
    failed = [answer["error"] for answer in answers if "error" in answer]
    if failed or len(answers) != len(SCENARIOS):
        raise SystemExit("\n".join(failed) or "the browser ended early")
    return [answer["value"] for answer in answers]


def _sizes(files: Sequence[dict[str, Any]]) -> None:
    client = [file for file in files if file["path"].startswith("/client/")]
    rows = [
        (
            what,
            len(some),
            f"{sum(file['decodedBodySize'] for file in some) / KIB:.1f} KiB",
            f"{sum(file['encodedBodySize'] for file in some) / KIB:.1f} KiB",
        )
        for what, some in (("everything", files), ("of that the client", client))
    ]
    table("A first visit", ("what", "files", "as read", "as sent (gzip)"), rows)


def _latency(shown: Sequence[dict[str, Any]]) -> None:
    kinds = sorted({each["type"] for each in shown})
    named = [(kind, [each["ms"] for each in shown if each["type"] == kind]) for kind in kinds]
    rows = [
        (kind, len(ms), *(f"{quantile(ms, share):.0f} ms" for share in (0.5, 0.95, 0.99)), max(ms))
        for kind, ms in (*named, ("all", [each["ms"] for each in shown]))
    ]
    head = ("event", "count", "p50", "p95", "p99", "longest")
    table("From the commit to the pixel", head, rows)


if __name__ == "__main__":
    main()
