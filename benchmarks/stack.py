"""The local stack as a user meets it: seconds until it is ready, and the demo's upgrade on it.

Each round is a private stack on free ports (`python -m local.demo`), which prints when the stack
answered and how long the upgrade took from confirmation to completed; slots last 400 ms.
"""

import re
import subprocess
import sys

from benchmarks.figures import spread, table

ROUNDS = 3
READY = re.compile(r"^\s*([\d.]+) s .*the private stack answers", re.MULTILINE)
COMPLETED = re.compile(r"from confirmation to completed: ([\d.]+) s")
WHOLE = re.compile(r"^\s*([\d.]+) s .*the whole demo", re.MULTILINE)


def main() -> None:
    """Print the table."""
    outputs = [_demo() for _ in range(ROUNDS)]
    rows = [
        (what, spread([_found(pattern, output) for output in outputs], "s", 2))
        for what, pattern in (
            ("stack ready after", READY),
            ("confirmation to `completed`, seen on the stream", COMPLETED),
            ("the whole demo", WHOLE),
        )
    ]
    table(f"The local stack, {ROUNDS} rounds: median (lowest..highest)", ("what", "time"), rows)


def _demo() -> str:
    command = [sys.executable, "-u", "-m", "local.demo"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def _found(pattern: re.Pattern[str], output: str) -> float:
    match = pattern.search(output)
    if match is None:
        raise SystemExit(f"the demo did not say: {pattern.pattern}")
    return float(match[1])
