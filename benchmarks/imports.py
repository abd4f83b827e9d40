"""What a cold start pays in Python: each function's module imported, and its use case built.

The floor in the same run: importing boto3 and FastAPI and building one boto3 client. Fresh
processes, alternating over functions, `.pyc` files warm.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import spread, table

FUNCTIONS = Path(__file__).parent.parent / "functions"
ROUNDS = 5
FLOOR = "import boto3, fastapi; boto3.client('dynamodb')"
BUILDERS = {
    "api": "wiring.api_app()",
    "verify_burn": "wiring.burning()",
    "prepare_mint": "wiring.minting()",
    "submit_mint": "wiring.minting()",
    "await_mint": "wiring.minting()",
    "complete_upgrade": "wiring.minting()",
    "mark_retryable": "wiring.minting()",
    "sweep": "wiring.sweeping",  # building it connects to Kafka
    "issue_nft": "wiring.issuing",  # building it asks nothing, issuing does
    "publish_events": "None",
    "analytics": "wiring_events.analytics()",
    "notify": "wiring_events.notifier()",
    "audit": "wiring_events.audit()",
}
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
}


def milliseconds(statements: str) -> tuple[float, int]:
    """Time of the statements in a fresh process, and how many modules were loaded."""
    program = (
        "import sys, time; begun = time.perf_counter()\n"
        f"{statements}\n"
        "print((time.perf_counter() - begun) * 1000, len(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT,
        cwd=FUNCTIONS,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return float(output[0]), int(output[1])


def main() -> None:
    """Print the table."""
    cases = {"floor: boto3 client + FastAPI": (FLOOR, FLOOR)}
    for name, builder in BUILDERS.items():
        module = f"import {name}"
        built = f"{module}\nfrom nft_upgrade import wiring, wiring_events\n{builder}"
        cases[name] = (module, built)
    imported: dict[str, list[float]] = {name: [] for name in cases}
    ready: dict[str, list[float]] = {name: [] for name in cases}
    modules: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, (module, built) in cases.items():
            imported[name].append(milliseconds(module)[0])
            took, modules[name] = milliseconds(built)
            ready[name].append(took)
    rows = [(n, spread(imported[n]), spread(ready[n]), modules[n]) for n in cases]
    table(
        f"Import time of each function, {ROUNDS} fresh processes each",
        ("function", "import", "import and use case built", "modules"),
        rows,
    )
