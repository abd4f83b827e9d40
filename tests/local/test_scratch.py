import os
import signal
import subprocess
from pathlib import Path

from local.scratch import Scratch
from tests.local.stand_ins import python, until


def test_a_scratch_directory_is_gone_afterwards() -> None:
    with Scratch("nft-upgrade-test-") as scratch:
        (scratch.path / "state").write_text("kept")
        assert scratch.path.is_dir()
    assert not scratch.path.exists()


def test_a_scratch_directory_is_gone_after_its_owner_was_killed() -> None:
    code = (
        "from local.scratch import Scratch; import time\n"
        "with Scratch('nft-upgrade-test-') as scratch:\n"
        "    print(scratch.path, flush=True)\n"
        "    time.sleep(600)"
    )
    owner = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout as lines:
        path = Path(lines.readline().strip())
        assert path.is_dir()
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        until(lambda: not path.exists(), seconds=5)
