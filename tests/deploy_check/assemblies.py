"""`python -m tests.deploy_check.assemblies DIRECTORY CONTEXT`: what is deployed, and its change.

Both in one process: most of a synthesis is the start of the Node process behind CDK. `CONTEXT` is
JSON, as `-c` would say it; the stage is dev.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.app import build, new_app
from infra.bundling import ROOT

FIRST = "first"
CHANGED = "changed"
CHANGED_SENDER = "changed@nft.example"


def synthesize(directory: Path, context: Mapping[str, Any]) -> None:
    """One assembly, as `cdk synth` makes it."""
    known = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = new_app(context={**known, **context}, outdir=str(directory))
    build(app)
    app.synth()


def main(directory: Path, context: Mapping[str, Any]) -> None:
    synthesize(directory / FIRST, context)
    synthesize(directory / CHANGED, {**context, "notify_sender": CHANGED_SENDER})


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
