"""A child process of the local stack: started, waited for until it says it is ready, and ended.

Every part of the stack is a module that takes `--port` (0: any free one), binds to loopback and
prints one line `ready <address>` once it answers. A child dies with its parent, whatever ends it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, Queue
from typing import Self

READY = "ready "
SWITCH_SECONDS = 0.0005
"""For `sys.setswitchinterval` of parts that compute in one thread while another answers: every time
that one has waited for a byte it waits for the other as well, 5 ms by Python's own setting, several
times an answer."""
PR_SET_PDEATHSIG = 1
KILL_RELAY = signal.SIGUSR1
"""A part's word to the supervisor: kill the relay, as a crash would, and heal it."""


class StartFailed(Exception):
    """A part did not become ready; the message holds the last lines it printed."""


class Part:
    """One running module: `Part("local.kms", "--port", "0").wait()` gives its address.

    `environment` is put over the parent's; None takes a variable away. `command` replaces
    `python -m module arguments`. `on_line` sees every line printed, from another thread. Start
    parts from the main thread: the kernel ends a child when the *thread* that made it ends.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
        on_line: Callable[[str], None] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        self.module = module
        self._last_lines: deque[str] = deque(maxlen=30)
        self._ready: Queue[str | None] = Queue()
        self._on_line = on_line or (lambda line: None)
        self.address: str | None = None
        """What the part printed after `ready`; None before that."""
        self.process = subprocess.Popen(
            list(command) if command else [sys.executable, "-u", "-m", module, *arguments],
            env=_merged(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=_ending_with(os.getpid()),
            # Ctrl-C in the terminal reaches the supervisor alone, which ends its parts in order.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"{module} output", daemon=True)
        self._reader.start()

    def wait(self, seconds: float = 60.0) -> str:
        """The address the part printed; StartFailed when it ends or stays silent."""
        try:
            address = self._ready.get(timeout=seconds)
        except Empty:
            address = None
        if address is None:
            self.stop()
            raise StartFailed(f"{self.module} did not start:\n" + "\n".join(self._last_lines))
        return address

    def terminate(self) -> None:
        """SIGTERM, without waiting for the end."""
        if self.process.poll() is None:
            self.process.terminate()

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM, then SIGKILL after `seconds`; the exit code."""
        self.terminate()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(timeout=5)
        return code

    def kill(self) -> None:
        """As a crash would: no warning, no clean-up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def output(self) -> str:
        """The last lines printed."""
        return "\n".join(self._last_lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._take(line.rstrip("\n"))
        self._ready.put(None)

    def _take(self, line: str) -> None:
        self._last_lines.append(line)
        if line.startswith(READY):
            self.address = line.removeprefix(READY)
            self._ready.put(self.address)
        self._on_line(line)


def _merged(changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _ending_with(parent: int) -> Callable[[], None] | None:
    """A `preexec_fn`: the child asks the kernel to be killed when `parent`, we, are gone."""
    # Looked up here: after the fork of a program with threads, loading a library may deadlock.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:  # not Linux: a killed supervisor leaves its parts there
        return None

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return prepare
