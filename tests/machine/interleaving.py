"""Processes that die, lose answers and overtake each other, one port call at a time.

Every call that leaves a use case goes through the gate. There it may fail (before its effect or
after it), the process may die, or, in a `Process`, it waits until it is told to go on. Only one
thread ever runs, and all calls are made by the thread that holds the gate: everything is
deterministic.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from nft_upgrade.domain.errors import UpgradeError

Call = Callable[[], Any]
Fault = Callable[[], UpgradeError] | None
"""The port's own error when it does not answer; None: it always answers."""


class Died(BaseException):
    """The process is gone; nothing of ours may catch this."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong at the `at`-th call from now, before or after its effect."""

    at: int
    is_before: bool
    is_death: bool


class Gate:
    """Where calls go wrong. `plan` is for whoever calls next, outside of processes."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self._here = threading.local()

    def around(self, target: Any, fault: Fault) -> Any:
        """`target`, with all its methods behind this gate."""
        return _Gated(target, self, fault)

    def enter(self, process: "Process") -> None:
        """From now on this thread's calls wait for the process's turn."""
        self._here.process = process

    def passes(self, call: Call, fault: Fault) -> Any:
        process: Process | None = getattr(self._here, "process", None)
        return self._make(call, fault) if process is None else process.ask(call)

    def _make(self, call: Call, fault: Fault) -> Any:
        plan = self.plan
        if plan is None or fault is None:
            return call()
        self.plan = None
        if plan.at > 1:
            self.plan = Plan(plan.at - 1, plan.is_before, plan.is_death)
            return call()
        if not plan.is_before:
            call()
        raise Died if plan.is_death else fault()


class _Gated:
    """A port whose every method passes the gate."""

    def __init__(self, target: Any, gate: Gate, fault: Fault) -> None:
        self._target, self._gate, self._fault = target, gate, fault

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def call(*arguments: Any, **named: Any) -> Any:
            return self._gate.passes(lambda: method(*arguments, **named), self._fault)

        return call


class Process:
    """Work that stops at each of its calls until told to go on, or to die there."""

    def __init__(self, name: str, work: Callable[[], object], gate: Gate) -> None:
        self.name = name
        self.is_over = False
        self.problem: Exception | None = None
        self._gate = gate
        self._work = work
        self._waiting: Call | None = None
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._turns: SimpleQueue[Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._wait()

    def go_on(self, calls: int) -> None:
        """Make so many of its calls, or all it has left."""
        while calls and not self.is_over:
            calls -= 1
            self._answer(*_outcome(self._waiting))

    def die(self, *, is_before: bool) -> None:
        """At its next call, before or after that has its effect."""
        if self.is_over:
            return
        if not is_before:
            _outcome(self._waiting)
        self._answer(None, Died())
        while not self.is_over:  # what it still calls while it unwinds has no effect
            self._answer(None, Died())

    def ask(self, call: Call) -> Any:
        """On the process's own thread: wait for the turn; the call's answer or error."""
        self._turns.put(call)
        answer, error = self._answers.get()
        if error is not None:
            raise error
        return answer

    def _answer(self, answer: Any, error: BaseException | None) -> None:
        self._answers.put((answer, error))
        self._wait()

    def _wait(self) -> None:
        self._waiting = self._turns.get()
        if self._waiting is None:
            self._thread.join()
            self.is_over = True

    def _run(self) -> None:
        self._gate.enter(self)
        try:
            self._work()
        except Died:
            pass
        except Exception as problem:  # noqa: BLE001 - whoever started it judges it
            self.problem = problem
        self._turns.put(None)


def _outcome(call: Call | None) -> tuple[Any, BaseException | None]:
    assert call is not None
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 - it is the caller's
        return None, error
