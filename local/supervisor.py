"""Starts the parts of the stack in the order of their needs, heals them, ends them in order.

One loop in the main thread looks at every part a few times a second. There is no other thread
here and no queue: a child process is tied to the thread that started it (`local.process`).
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from local.process import READY, Part, StartFailed

LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """How one part is started, and between which others.

    `needs`: parts that must answer before it starts. `uses`: parts that it talks to later, so that
    they end after it (those it needs do anyway).
    """

    name: str
    command: Sequence[str]
    needs: Sequence[str] = ()
    uses: Sequence[str] = ()
    stops_within_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses before a part that died is started again: doubling, and first again once it lasts."""

    first_seconds: float = 0.2
    longest_seconds: float = 5.0
    lasting_seconds: float = 10.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (1, 2, ...)."""
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, 16))


@dataclass(slots=True)
class _Running:
    """A part as the loop sees it; `part` is None before its start and between two lives."""

    plan: Plan
    part: Part | None = None
    started_at: float = 0.0
    is_ready: bool = False
    was_ready: bool = False
    failures: int = 0
    start_at: float = 0.0
    since: float = field(default=0.0)


class Supervisor:
    """The stack as one object: `start()`, `run()` until told to stop, `stop()`.

    `say` gets the lines for the person in front of it. `when_ready` runs each time the last part
    became ready: after the start, and again after a part was healed; it must be repeatable, and
    may raise OSError when a part does not answer it (StartFailed at the start; later it is tried
    again).
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        *,
        environment: Mapping[str, str | None],
        say: Callable[[str], None],
        when_ready: Callable[[], None] = lambda: None,
        back_off: BackOff | None = None,
        start_within_seconds: float = 60.0,
    ) -> None:
        self._running = {plan.name: _Running(plan) for plan in plans}
        self._environment = environment
        self._say = say
        self._when_ready = when_ready
        self._back_off = back_off or BackOff()
        self._start_within = start_within_seconds
        self._told_to_stop = False
        self._width = max(len(plan.name) for plan in plans)

    def listen_for_signals(self) -> None:
        """SIGINT, SIGTERM and SIGHUP end `start` and `run`."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.tell_to_stop())

    def tell_to_stop(self) -> None:
        """Make `start` or `run` return soon; safe in a signal handler and in any thread."""
        self._told_to_stop = True

    def pid(self, name: str) -> int | None:
        """The process id of a part's present life, if it has one."""
        part = self._running[name].part
        return part.process.pid if part else None

    def crash(self, name: str) -> None:
        """SIGKILL to a part, if it lives; it is healed as after any other death."""
        if pid := self.pid(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start(self) -> bool:
        """Start everything; True once all are ready, False when told to stop meanwhile.

        Raises StartFailed with the part's last lines when one dies or stays silent.
        """
        begun = time.monotonic()
        while not self._all_ready():
            if self._told_to_stop:
                return False
            if time.monotonic() - begun > self._start_within:
                raise StartFailed(f"not ready after {self._start_within:.0f} s: {self._missing()}")
            self._look(is_first_start=True)
            time.sleep(LOOK_EVERY_SECONDS)
        try:
            self._when_ready()
        except OSError as problem:
            raise StartFailed(f"all parts answer, but: {problem}") from problem
        return True

    def run(self) -> None:
        """Keep everything alive until told to stop."""
        is_whole = True
        while not self._told_to_stop:
            self._look(is_first_start=False)
            is_whole = self._all_ready() and (is_whole or self._made_whole())
            time.sleep(LOOK_EVERY_SECONDS)

    def stop(self) -> None:
        """End every part, those first that others do not need; returns when none is left."""
        while living := [each for each in self._running.values() if each.part]:
            needed = {name for each in living for name in (*each.plan.needs, *each.plan.uses)}
            self._end([each for each in living if each.plan.name not in needed])

    def _made_whole(self) -> bool:
        try:
            self._when_ready()
        except OSError:
            return False
        return True

    def _end(self, ending: Sequence[_Running]) -> None:
        for each in ending:
            if each.part:
                each.part.terminate()
        for each in ending:
            if each.part:
                each.part.stop(each.plan.stops_within_seconds)
                each.part = None
                self._report(each, "stopped")

    def _look(self, *, is_first_start: bool) -> None:
        for each in self._running.values():
            if each.part is None:
                self._start_if_due(each)
            elif each.part.process.poll() is not None:
                self._take_death(each, is_first_start=is_first_start)
            elif each.part.address and not each.is_ready:
                self._take_ready(each, each.part.address)

    def _start_if_due(self, each: _Running) -> None:
        is_free = all(self._running[need].is_ready for need in each.plan.needs)
        if each.was_ready or is_free:
            self._start_one(each)

    def _start_one(self, each: _Running) -> None:
        if time.monotonic() < each.start_at:
            return
        name = each.plan.name
        each.started_at = time.monotonic()
        each.part = Part(
            name,
            command=each.plan.command,
            environment=self._environment,
            on_line=lambda line: None if line.startswith(READY) else self._echo(name, line),
        )

    def _take_ready(self, each: _Running, address: str) -> None:
        each.is_ready = each.was_ready = True
        each.since = time.monotonic()
        self._report(each, f"ready after {each.since - each.started_at:.1f} s  {address}")

    def _take_death(self, each: _Running, *, is_first_start: bool) -> None:
        assert each.part is not None
        ending = _ending(each.part.process.wait())
        if is_first_start and not each.was_ready:
            each.part.stop()
            raise StartFailed(f"{each.plan.name} {ending} before it was ready:\n{each.part.output}")
        lasted = each.is_ready and time.monotonic() - each.since > self._back_off.lasting_seconds
        each.failures = 1 if lasted else each.failures + 1
        pause = self._back_off.pause(each.failures)
        each.part, each.is_ready, each.start_at = None, False, time.monotonic() + pause
        self._report(each, f"{ending}; starts again in {pause:.1f} s")

    def _all_ready(self) -> bool:
        return all(each.is_ready for each in self._running.values())

    def _missing(self) -> str:
        return ", ".join(name for name, each in self._running.items() if not each.is_ready)

    def _report(self, each: _Running, text: str) -> None:
        self._say(f"  {each.plan.name:<{self._width}}  {text}")

    def _echo(self, name: str, line: str) -> None:
        self._say(f"  {name:<{self._width}}| {line}")


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
