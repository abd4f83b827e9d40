"""Node and what `make web/node_modules` installs, for the tests of the client."""

import os
import subprocess
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"
CLIENT = WEB / "client"
INSTALLED = WEB / "node_modules"


def node(*arguments: str, seconds: float = 120, cwd: Path = CLIENT, **environment: str) -> str:
    """What it printed; AssertionError with all of that when it fails."""
    return finished(["node", "--no-warnings", *arguments], seconds, cwd, environment)


def tool(name: str, *arguments: str, cwd: Path = WEB, seconds: float = 120) -> str:
    """The same for a program of `web/node_modules`."""
    assert INSTALLED.is_dir(), "make web/node_modules installs what these tests need"
    return finished([str(INSTALLED / ".bin" / name), *arguments], seconds, cwd, {})


def finished(command: list[str], seconds: float, cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)[:200]}\n{done.stdout[-8000:]}"
    return done.stdout
