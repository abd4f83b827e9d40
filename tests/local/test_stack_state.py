"""The whole stack, stopped and killed over state that it keeps."""

import signal
from pathlib import Path

import pytest

from local.client import Rpc, told, types
from local.settings import free_ports
from tests.local.running_stack import Listening, Person, RunningStack, nothing_is_left


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_with_a_data_dir_the_stack_goes_on_where_it_stopped(tmp_path: Path) -> None:
    before = RunningStack(tmp_path, PORT=str(free_ports(1)[0]))
    person = Person(before.origin)
    opened = person.open(person.first_nft())
    person.burn(opened["burnTransaction"])
    pids = before.descendants()
    before.part.process.send_signal(signal.SIGINT)
    assert before.part.process.wait(30) == 0
    nothing_is_left(pids)

    after = RunningStack(tmp_path, PORT=before.origin.rpartition(":")[2])
    person.rpc.close()
    person.rpc = Rpc(told(person.browser.get("/local/addresses"), 200)["solanaRpcUrl"])
    # Nobody confirms: the sweep finds the burn on the chain that was kept too.
    messages = Listening(person, opened).to_the_end()
    assert types(messages)[-1] == "upgrade_completed"
    pids = after.descendants()
    after.part.kill()
    nothing_is_left(pids)
    person.close()
