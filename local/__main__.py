"""`python -m local`: the whole product on this machine, until Ctrl-C.

Settings are environment variables: `local.settings.LocalSettings`. The last line printed at the
start is `ready <public origin>`, so the stack is itself a part that a test or the demo can start.
"""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from local.bootstrap import fund_system_wallet
from local.engines import EngineMissing, fetch
from local.process import KILL_RELAY, READY, StartFailed
from local.scratch import Scratch
from local.settings import (
    DynamoDb,
    Kafka,
    LocalSettings,
    PortBusy,
    Ports,
    handler_environment,
)
from local.stack import plans
from local.supervisor import Supervisor


def main() -> int:
    """Exit code 0 after an orderly end, 1 when the stack could not start."""
    try:
        settings = LocalSettings()
        ports = Ports.chosen(settings)
    except (PortBusy, ValidationError) as problem:
        print(_one_line(problem), file=sys.stderr)
        return 1
    with _state(settings) as state:
        return _run(settings, ports, state)


@contextlib.contextmanager
def _state(settings: LocalSettings) -> Iterator[Path]:
    if settings.data_dir:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        yield settings.data_dir.resolve()
        return
    with Scratch("nft-upgrade-") as scratch:
        yield scratch.path


def _run(settings: LocalSettings, ports: Ports, state: Path) -> int:
    begun = time.monotonic()
    supervisor = Supervisor(
        plans(settings, ports, state, keep=settings.data_dir is not None),
        environment=handler_environment(settings, ports),
        say=_say,
        when_ready=lambda: _say(f"  system wallet {fund_system_wallet(ports)}"),
        start_within_seconds=180.0 if _engines(settings) else 60.0,
    )
    supervisor.listen_for_signals()
    signal.signal(KILL_RELAY, lambda *_: supervisor.crash("relay"))
    try:
        _fetch_engines(settings)
        _say("Starting the parts; Ctrl-C ends them all.")
        if supervisor.start():
            _say(_welcome(ports, time.monotonic() - begun))
            supervisor.run()
    except StartFailed as problem:
        # The part's own lines were shown when it printed them.
        _say(f"The stack did not start: {str(problem).splitlines()[0]}")
        return 1
    finally:
        supervisor.stop()
    _say("Everything has ended.")
    return 0


def _engines(settings: LocalSettings) -> list[str]:
    """The real engines that were asked for."""
    wanted = {
        "kafka": settings.kafka is Kafka.APACHE,
        "dynamodb-local": settings.dynamodb is DynamoDb.LOCAL,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def _fetch_engines(settings: LocalSettings) -> None:
    """Before any part's time to start runs: the first time this downloads for a minute."""
    for name in _engines(settings):
        _say(f"  {name}: fetched with Maven, once")
        try:
            fetch(name)
        except EngineMissing as problem:
            raise StartFailed(str(problem)) from problem


def _welcome(ports: Ports, seconds: float) -> str:
    origin = f"http://localhost:{ports.public}"
    return "\n".join(
        [
            f"Everything answers after {seconds:.1f} s.",
            f"  public origin    {origin}  (the API's description: {origin}/docs)",
            f"  operators' view  {origin}/ops/  (sign in with the test key)",
            f"  Solana JSON-RPC  http://localhost:{ports.solana}",
            f"  AWS emulator     http://localhost:{ports.aws}",
            f"  Kafka            localhost:{ports.kafka}",
            READY + origin,
        ]
    )


def _say(text: str) -> None:
    # The terminal may be gone (SIGHUP); the parts must still be ended in order.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _one_line(problem: Exception) -> str:
    if not isinstance(problem, ValidationError):
        return str(problem)
    first = problem.errors()[0]
    return f"{str(first['loc'][0]).upper()}={first['input']}: {first['msg']}"


if __name__ == "__main__":
    sys.exit(main())
