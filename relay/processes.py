"""Several relay processes at one address (`RELAY_PROCESSES`): started, kept, stopped together.

1. They share the port by SO_REUSEPORT, so there is no common accept lock and no hand-over of
   descriptors. The parent holds the port without listening: it is taken from the first moment,
   and no connection can land at the parent.
2. The parent has no threads and no event loop, so forking is safe at any time, and what was
   imported is shared.
3. A process that dies is replaced; one that never came to serve would not the next time either,
   so all are stopped and the platform replaces the task.
4. Should the parent be killed, the kernel kills the children: nobody would stop them in order.
"""

import ctypes
import gc
import logging
import os
import select
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

log = logging.getLogger(__name__)

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
LOOK_SECONDS = 0.2
_PID = struct.Struct("<I")
_PR_SET_PDEATHSIG = 1


class Processes:
    """`work(ready)` is a child's whole life; it calls `ready` once it serves."""

    def __init__(self, count: int, work: Callable[[Callable[[], None]], None]) -> None:
        self._count = count
        self._work = work
        self._alive: set[int] = set()
        self._served: set[int] = set()
        self._hear, self._say = os.pipe()
        self._is_stopping = False
        self._exit_code = 0

    def run(self, on_ready: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT; the exit code. `on_ready` once every process serves."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        gc.freeze()
        for _ in range(self._count):
            self._start_one()
        is_ready = False
        while self._alive:
            self._note_served()
            if not is_ready and len(self._served) >= self._count:
                is_ready = True
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
        self._alive.add(pid)

    def _live(self, parent: int) -> NoReturn:
        """In the child. Whatever happens, it must not return into the parent's code."""
        code = 1
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == parent:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
                self._work(self._say_served)
                code = 0
        except BaseException:  # the process ends here, so this is the last place to say why
            log.exception("relay process")
        finally:
            os._exit(code)

    def _say_served(self) -> None:
        os.write(self._say, _PID.pack(os.getpid()))

    def _note_served(self) -> None:
        while select.select([self._hear], [], [], 0)[0]:
            self._served.add(_PID.unpack(os.read(self._hear, _PID.size))[0])

    def _stop_all(self) -> None:
        self._is_stopping = True
        for pid in self._alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _bury_dead(self) -> None:
        for pid in list(self._alive):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._alive.discard(pid)
                self._replace(pid, os.waitstatus_to_exitcode(status))

    def _replace(self, pid: int, code: int) -> None:
        if self._is_stopping:
            self._exit_code = self._exit_code or abs(code)
            return
        self._note_served()
        log.warning("relay process %d ended with %d", pid, code)
        if pid in self._served:
            self._start_one()
        else:
            self._exit_code = 1
            self._stop_all()
