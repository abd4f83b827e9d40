"""Several relay processes at one address (`RELAY_PROCESSES`): started, kept, stopped together.

1. They share the port by SO_REUSEPORT, so there is no common accept lock and no hand-over of
   descriptors. The parent holds the port without listening: it is taken from the first moment,
   and no connection can land at the parent.
2. The parent has no threads and no event loop, so forking is safe at any time, and what was
   imported is shared.
3. A process that dies is replaced; one that dies at once would die again, so all are stopped and
   the platform replaces the task.
4. Should the parent be killed, the kernel kills the children: nobody would stop them in order.
"""

import ctypes
import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

log = logging.getLogger(__name__)

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
LOOK_SECONDS = 0.2
YOUNG_SECONDS = 5.0
"""A process that dies younger would die again."""
_PR_SET_PDEATHSIG = 1


class Processes:
    """`work(ready)` is a child's whole life; it calls `ready` once it serves."""

    def __init__(self, count: int, work: Callable[[Callable[[], None]], None]) -> None:
        self._count = count
        self._work = work
        self._born: dict[int, float] = {}
        self._hear, self._say = os.pipe()
        self._ready = 0
        self._is_stopping = False
        self._exit_code = 0

    def run(self, on_ready: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT; the exit code. `on_ready` once every process serves."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        gc.freeze()
        for _ in range(self._count):
            self._start_one()
        while self._born:
            if self._ready < self._count and self._count_ready() >= self._count:
                on_ready()
            got = signal.sigtimedwait(WATCHED, LOOK_SECONDS)
            if got and got.si_signo != signal.SIGCHLD:
                self._stop_all()
            self._bury_dead()
        return self._exit_code

    def _start_one(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._live(parent)
        self._born[pid] = time.monotonic()

    def _live(self, parent: int) -> NoReturn:
        """In the child. Whatever happens, it must not return into the parent's code."""
        code = 1
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == parent:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
                self._work(lambda: _write_one(self._say))
                code = 0
        except BaseException:  # the process ends here, so this is the last place to say why
            log.exception("relay process")
        finally:
            os._exit(code)

    def _count_ready(self) -> int:
        if select.select([self._hear], [], [], 0)[0]:
            self._ready += len(os.read(self._hear, self._count))
        return self._ready

    def _stop_all(self) -> None:
        self._is_stopping = True
        for pid in self._born:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _bury_dead(self) -> None:
        for pid in list(self._born):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                age = time.monotonic() - self._born.pop(pid)
                self._replace(pid, os.waitstatus_to_exitcode(status), age)

    def _replace(self, pid: int, code: int, age: float) -> None:
        if self._is_stopping:
            self._exit_code = self._exit_code or abs(code)
            return
        log.warning("relay process %d ended with %d after %.1f s", pid, code, age)
        if age >= YOUNG_SECONDS:
            self._start_one()
        else:
            self._exit_code = 1
            self._stop_all()


def _write_one(to: int) -> None:
    os.write(to, b".")
