import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.process import StartFailed
from local.supervisor import BackOff, Plan, Supervisor
from tests.local.stand_ins import (
    DIES_AT_ONCE,
    READY_THEN_SLEEP,
    SILENT,
    is_alive,
    noting,
    python,
    until,
)

QUICK = BackOff(first_seconds=0.05, longest_seconds=0.4, lasting_seconds=60.0)


class Stack:
    """A supervisor with what it said; its loop runs in the test's own (main) thread."""

    def __init__(self, plans: Sequence[Plan], **options: float) -> None:
        self.said: list[str] = []
        self.times_ready = 0
        self.supervisor = Supervisor(
            plans,
            environment={},
            say=self.said.append,
            when_ready=self._count,
            back_off=QUICK,
            **options,
        )

    def _count(self) -> None:
        self.times_ready += 1

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    @contextmanager
    def meanwhile(self, condition: str) -> Iterator[None]:
        """Do something in the body and then run until the stack has said `condition`."""
        yield
        watcher = threading.Thread(target=self._stop_once_said, args=(condition,))
        watcher.start()
        self.supervisor.run()
        watcher.join()

    def _stop_once_said(self, condition: str) -> None:
        try:
            until(lambda: condition in self.text)
        finally:
            self.supervisor.tell_to_stop()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_a_part_starts_only_once_those_it_needs_are_ready(log: Path) -> None:
    stack = Stack(
        [
            Plan("relay", noting(log, "relay"), needs=("kafka", "aws")),
            Plan("kafka", noting(log, "kafka", ready_after=0.3)),
            Plan("aws", noting(log, "aws")),
        ]
    )
    assert stack.supervisor.start()
    stack.supervisor.stop()
    happened = lines(log)
    assert happened.index("relay started") > happened.index("kafka ready")
    assert happened.index("relay started") > happened.index("aws ready")


def test_parts_that_need_nothing_start_side_by_side(log: Path) -> None:
    stack = Stack([Plan(name, noting(log, name, ready_after=0.5)) for name in ("a", "b")])
    assert stack.supervisor.start()
    stack.supervisor.stop()
    assert {"a started", "b started"} == set(lines(log)[:2])


def test_parts_end_in_the_reverse_order_of_their_needs(log: Path) -> None:
    stack = Stack(
        [
            Plan("aws", noting(log, "aws")),
            Plan("relay", noting(log, "relay"), needs=("aws",)),
            Plan("gateway", noting(log, "gateway"), needs=("relay",)),
        ]
    )
    assert stack.supervisor.start()
    stack.supervisor.stop()
    ended = [line for line in lines(log) if line.endswith("ended")]
    assert ended == ["gateway ended", "relay ended", "aws ended"]


def test_nothing_runs_after_stop() -> None:
    stack = Stack([Plan("a", python(READY_THEN_SLEEP)), Plan("b", python(READY_THEN_SLEEP))])
    assert stack.supervisor.start()
    pids = [stack.supervisor.pid("a"), stack.supervisor.pid("b")]
    stack.supervisor.stop()
    assert not any(is_alive(pid) for pid in pids if pid)


def test_a_part_that_dies_at_the_start_ends_it_with_its_last_lines() -> None:
    stack = Stack([Plan("aws", python(DIES_AT_ONCE)), Plan("kms", python(READY_THEN_SLEEP))])
    with pytest.raises(StartFailed, match=r"aws ended with code 3[\s\S]*no disk"):
        stack.supervisor.start()
    stack.supervisor.stop()


def test_a_silent_part_is_named_when_the_start_takes_too_long() -> None:
    stack = Stack([Plan("kms", python(SILENT))], start_within_seconds=0.3)
    with pytest.raises(StartFailed, match="kms"):
        stack.supervisor.start()
    stack.supervisor.stop()


def test_a_killed_part_is_started_again_and_a_line_says_so(log: Path) -> None:
    stack = Stack([Plan("relay", noting(log, "relay"))])
    assert stack.supervisor.start()
    first = stack.supervisor.pid("relay")
    assert first is not None
    with stack.meanwhile("was ended by SIGKILL; starts again in 0.1 s"):
        os.kill(first, signal.SIGKILL)
    stack.supervisor.stop()


def test_a_healed_stack_is_made_ready_again(log: Path) -> None:
    stack = Stack([Plan("solana", noting(log, "solana"))])
    assert stack.supervisor.start()
    assert stack.times_ready == 1
    first = stack.supervisor.pid("solana")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    watcher = threading.Thread(target=_stop_when_ready_twice, args=(stack,))
    watcher.start()
    stack.supervisor.run()
    watcher.join()
    assert stack.times_ready == 2
    assert stack.supervisor.pid("solana") != first
    stack.supervisor.stop()


def _stop_when_ready_twice(stack: Stack) -> None:
    try:
        until(lambda: stack.times_ready == 2)
    finally:
        stack.supervisor.tell_to_stop()


def test_a_part_that_keeps_dying_is_started_less_and_less_often() -> None:
    dies_when_ready = "print('ready x', flush=True); import time; time.sleep(0.05)"
    stack = Stack([Plan("relay", python(dies_when_ready))])
    assert stack.supervisor.start()
    with stack.meanwhile("starts again in 0.4 s"):
        pass
    stack.supervisor.stop()
    pauses = [line.rpartition(" in ")[2] for line in stack.said if "starts again" in line]
    assert pauses == ["0.1 s", "0.1 s", "0.2 s", "0.4 s"]


def test_the_pause_doubles_up_to_the_longest() -> None:
    back_off = BackOff(first_seconds=0.2, longest_seconds=5.0)
    assert [back_off.pause(n) for n in (1, 2, 3, 6, 1000)] == [0.2, 0.4, 0.8, 5.0, 5.0]


def test_a_stack_that_cannot_be_made_ready_does_not_start() -> None:
    def refuse() -> None:
        raise ConnectionError("no SOL for the system wallet")

    plans = [Plan("kms", python(READY_THEN_SLEEP))]
    supervisor = Supervisor(plans, environment={}, say=lambda _: None, when_ready=refuse)
    with pytest.raises(StartFailed, match="no SOL"):
        supervisor.start()
    supervisor.stop()


def test_what_a_part_prints_is_shown_under_its_name() -> None:
    code = "print('first words', flush=True); " + READY_THEN_SLEEP
    stack = Stack([Plan("kms", python(code))])
    assert stack.supervisor.start()
    stack.supervisor.stop()
    assert any(line.split() == ["kms|", "first", "words"] for line in stack.said)


def run_stack(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "local"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("variable", ["PORT", "SOLANA_PORT", "KAFKA_PORT", "AWS_PORT"])
def test_a_busy_port_is_one_line_naming_it_and_its_variable(variable: str) -> None:
    free = dict.fromkeys(("PORT", "SOLANA_PORT", "KAFKA_PORT", "AWS_PORT"), "0")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answer = run_stack(**free | {variable: str(port)})
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert str(port) in answer.stderr and f"{variable}=" in answer.stderr


def test_two_variables_with_one_port_are_refused() -> None:
    answer = run_stack(PORT="18999", SOLANA_PORT="18999", KAFKA_PORT="0", AWS_PORT="0")
    assert answer.returncode == 1
    assert "PORT and SOLANA_PORT are both 18999" in answer.stderr


@pytest.mark.parametrize(
    ("variable", "text"), [("PORT", "80a"), ("PORT", "70000"), ("KAFKA", "redpanda")]
)
def test_a_setting_that_makes_no_sense_is_one_line_naming_it(variable: str, text: str) -> None:
    answer = run_stack(**{variable: text})
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert f"{variable}={text}" in answer.stderr
