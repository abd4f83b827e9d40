"""`python -m local.dynamodb_local --port N [--data-dir DIR]`: the real DynamoDB Local (Java).

It has no option for the address and listens on every interface of the machine; browsers of other
origins are kept out by `-cors` with our own origin, anything else by your firewall. With
`--data-dir` the tables lie in that directory, else in memory.
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from local.engines import NAMED, fetch, java, version
from local.process import READY, Part

MAIN_CLASS = "software.amazon.dynamodb.services.local.main.ServerRunner"
START_SECONDS = 30.0


class DidNotStart(Exception):
    """The Java process ended, or did not answer in time."""


def main() -> None:
    """Run until SIGTERM or SIGINT, then end the Java process too."""
    arguments = _arguments()
    port = arguments.port or _free_port()
    signal.signal(signal.SIGTERM, _interrupt)
    line = command(port, arguments.data_dir, arguments.origin)
    with Part("DynamoDB Local", command=line) as engine, contextlib.suppress(KeyboardInterrupt):
        _wait_until_it_answers(engine, port)
        print(f"{NAMED}DynamoDB Local {version('dynamodb-local')}", flush=True)
        print(f"{READY}http://127.0.0.1:{port}", flush=True)
        code = engine.process.wait()
        sys.exit(f"DynamoDB Local ended by itself with code {code}:\n{engine.output}")


def command(port: int, data_dir: Path | None, origin: str) -> Sequence[str]:
    """The Java command line; fetches the engine on first use. Raises EngineMissing."""
    jars = fetch("dynamodb-local")
    if data_dir:
        data_dir.mkdir(parents=True, exist_ok=True)
    storage = ["-dbPath", str(data_dir)] if data_dir else ["-inMemory"]
    return [
        java(),
        "-Xmx256m",
        f"-Djava.library.path={jars}",
        "-cp",
        f"{jars}/*",
        MAIN_CLASS,
        *storage,
        "-sharedDb",
        "-disableTelemetry",
        "-cors",
        origin,
        "-port",
        str(port),
    ]


def _wait_until_it_answers(engine: Part, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if engine.process.poll() is not None:
            raise DidNotStart(f"DynamoDB Local ended at once:\n{engine.output}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise DidNotStart(f"DynamoDB Local did not answer within {START_SECONDS:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.dynamodb_local", description=__doc__)
    parser.add_argument("--port", type=int, default=8001, help="0: any free one")
    parser.add_argument("--data-dir", type=Path, help="keep the tables in this directory")
    parser.add_argument(
        "--origin",
        default=os.environ.get("PUBLIC_ORIGIN", "http://localhost:8000"),
        help="the one web origin that may call it",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
