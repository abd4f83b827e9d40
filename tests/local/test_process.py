import os
import signal
import subprocess

import pytest

from local.process import Part, StartFailed
from tests.local.stand_ins import (
    DIES_AT_ONCE,
    IGNORES_TERM,
    READY_THEN_SLEEP,
    SILENT,
    is_alive,
    python,
    until,
)


def test_a_part_gives_the_address_it_printed() -> None:
    with Part("stand-in", command=python(READY_THEN_SLEEP)) as part:
        assert part.wait() == "somewhere"
        assert part.address == "somewhere"


def test_a_part_that_dies_early_is_reported_with_its_last_lines() -> None:
    with pytest.raises(StartFailed, match="no disk"):
        Part("stand-in", command=python(DIES_AT_ONCE)).wait()


def test_a_silent_part_is_ended_after_the_time_given() -> None:
    part = Part("stand-in", command=python(SILENT))
    with pytest.raises(StartFailed):
        part.wait(seconds=0.3)
    assert part.process.poll() is not None


def test_a_part_that_ignores_sigterm_is_killed() -> None:
    part = Part("stand-in", command=python(IGNORES_TERM))
    part.wait()
    assert part.stop(seconds=0.3) == -signal.SIGKILL


def test_a_variable_set_to_none_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    code = "import os; print('ready', os.environ.get('AWS_PROFILE'), os.environ['EXTRA'])"
    part = Part(
        "stand-in", command=python(code), environment={"AWS_PROFILE": None, "EXTRA": "here"}
    )
    assert part.wait() == "None here"
    part.stop()


def test_a_part_ends_when_its_parent_is_killed() -> None:
    child = (
        "from local.process import Part; import time\n"
        f"part = Part('grandchild', command={python(SILENT)!r})\n"
        "print(part.process.pid, flush=True)\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen(python(child), stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as lines:
        grandchild = int(lines.readline())
        assert is_alive(grandchild)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        until(lambda: not is_alive(grandchild), seconds=5)
