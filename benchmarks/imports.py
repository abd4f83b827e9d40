"""What a cold start pays in Python: each function's module imported, and its use case built.

The floor in the same run: importing boto3 and FastAPI and building one boto3 client. Fresh
processes, alternating over functions. Processor time, which other work on the machine changes
little; with `.pyc` files, and without any, as a layer is that no Python 3.14 compiled.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import spread, table

FUNCTIONS = Path(__file__).parent.parent / "functions"
ROUNDS = 5
ROUNDS_WITHOUT = 3
FLOOR = "import boto3, fastapi; boto3.client('dynamodb')"
BUILDERS = {
    "api": "wiring.api_app()",
    "ops_api": "from nft_upgrade import wiring_ops; wiring_ops.ops_app()",
    "verify_burn": "wiring.burning()",
    "prepare_mint": "wiring.minting()",
    "submit_mint": "wiring.minting()",
    "await_mint": "wiring.minting()",
    "complete_upgrade": "wiring.minting()",
    "mark_retryable": "wiring.minting()",
    "sweep": "wiring.sweeping(); import kafka",
    "issue_nft": "wiring.issuing()",
    "publish_events": "None",
    "analytics": "wiring_events.analytics()",
    "notify": "wiring_events.notifier()",
    "notify_push": "wiring_events.push_notifier()",
    "audit": "wiring_events.audit()",
    "verify_audit": "wiring_events.audit_check()",
    "replay_dead_letters": "wiring_events.replaying()",
    "mail_feedback": "wiring_events.mail_feedback()",
}
CHAIN = "wiring.chain().balance; wiring.program().collection_address"
"""What is paid as soon as the chain is asked."""
ASKING = {
    "ops_api",
    *(
        name
        for name, builder in BUILDERS.items()
        if builder.startswith("wiring.") and name != "api"
    ),
}
"""`api` is measured both ways."""
ENVIRONMENT = {
    **os.environ,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "SOLANA_RPC_URLS": "http://127.0.0.1:9",
    "MINT_KMS_KEY_ID": "alias/mint",
    "SESSION_KMS_KEY_ID": "alias/session",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:upgrade",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "AUDIT_BUCKET": "audit",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One fresh process."""

    milliseconds: float
    modules: int
    peak_mib: float


def measure(statements: str, *, byte_code: bool = True) -> Measured:
    """The processor time of the statements in a fresh process, and what it loaded."""
    program = (
        "import pathlib, sys, time; begun = time.process_time()\n"
        f"{statements}\n"
        "took = (time.process_time() - begun) * 1000\n"
        "lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "peak = next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "print(took, len(sys.modules), peak / 1024)"
    )
    with tempfile.TemporaryDirectory() as empty:
        none = {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        output = subprocess.run(
            [sys.executable, "-c", program],
            env=ENVIRONMENT if byte_code else {**ENVIRONMENT, **none},
            cwd=FUNCTIONS,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
    return Measured(float(output[0]), int(output[1]), float(output[2]))


def _cases() -> dict[str, tuple[str, str]]:
    """Name -> what is imported; what is built after it."""
    cases = {"floor: boto3 client + FastAPI": (FLOOR, FLOOR)}
    for name, builder in BUILDERS.items():
        module = f"import {name}"
        built = f"{module}\nfrom nft_upgrade import wiring, wiring_events\n{builder}"
        cases[name] = (module, f"{built}\n{CHAIN}" if name in ASKING else built)
    module, built = cases["api"]
    return {**cases, "api, once a route asks the chain": (module, f"{built}\n{CHAIN}")}


def main() -> None:
    """Print the table."""
    cases = _cases()
    imported: dict[str, list[float]] = defaultdict(list)
    ready: dict[str, list[Measured]] = defaultdict(list)
    without: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        for name, (module, built) in cases.items():
            imported[name].append(measure(module).milliseconds)
            ready[name].append(measure(built))
            if number < ROUNDS_WITHOUT:
                without[name].append(measure(built, byte_code=False).milliseconds)
    rows = [(name, *_row(imported[name], ready[name], without[name])) for name in cases]
    table(
        f"Import time of each function, {ROUNDS} fresh processes each ({ROUNDS_WITHOUT} without)",
        ("function", "import", "use case built", "built, no .pyc", "modules", "peak MiB"),
        rows,
    )


def _row(imported: list[float], ready: list[Measured], without: list[float]) -> tuple[object, ...]:
    return (
        spread(imported, digits=0),
        spread([each.milliseconds for each in ready], digits=0),
        spread(without, digits=0),
        ready[-1].modules,
        round(statistics.median(each.peak_mib for each in ready)),
    )
