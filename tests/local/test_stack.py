"""The whole stack, driven over HTTP, SSE and JSON-RPC alone."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID as TOKEN_2022

from local.client import Message, Rpc, told, types
from local.settings import free_ports
from local.token_metadata import read_mint
from tests.local.running_stack import Person, RunningStack, nothing_is_left, told_events

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HISTORY = [
    "upgrade_initiated",
    "burn_pending",
    "burn_confirmed",
    "mint_started",
    "upgrade_completed",
]


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    stack = RunningStack()
    yield stack
    stack.part.stop(30)


@pytest.fixture
def person(stack: RunningStack) -> Iterator[Person]:
    person = Person(stack.origin)
    yield person
    person.close()


class Listening(threading.Thread):
    """Reads a person's stream to its end, as an open page does."""

    def __init__(self, person: Person, opened: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.source = person.events(opened)
        self.messages: list[Message] = []
        self.start()

    def run(self) -> None:
        self.messages.extend(self.source)

    def to_the_end(self, seconds: float = 150) -> list[Message]:
        self.join(seconds)
        assert not self.is_alive(), f"the stream goes on; seen: {types(self.messages)}"
        return told_events(self.messages)


def test_a_burn_brings_the_next_level_and_every_step_is_seen(person: Person) -> None:
    nft_id = person.first_nft()
    opened = person.open(nft_id)
    listening = Listening(person, opened)
    burn_signature = person.burn(opened["burnTransaction"])
    assert person.confirm(opened["upgradeRequestId"], burn_signature)["success"] is True
    messages = listening.to_the_end()

    assert types(messages) == HISTORY
    assert [message.id for message in messages] == ["1", "2", "3", "4", "5"]
    assert listening.messages[0].type == "connection_established"
    assert listening.source.stopped_by == 204
    successor = messages[-1].data["data"]["newNftId"]
    account = person.rpc.account(successor)
    assert account is not None
    mint = read_mint(account["data"])
    assert (mint.supply, mint.additional["level"], mint.symbol) == (1, "2", "AIW3")
    assert person.rpc.held(person.wallet.address, successor) == 1
    assert person.rpc.held(person.wallet.address, nft_id) == 0


def submitted(person: Person, nft_id: str) -> dict[str, str]:
    """An atomic request whose transaction the wallet has signed and handed in."""
    order = {"currentNftId": nft_id, "targetLevel": 2, "mode": "atomic"}
    opened = told(person.browser.post("/api/nft/upgrade", order), 201)
    signed = person.wallet.signed(opened["atomicTransaction"])
    path = f"/api/nft/upgrade/{opened['upgradeRequestId']}/submit"
    assert told(person.browser.post(path, {"transaction": signed}), 202)["code"] == "submitted"
    return opened


def test_an_atomic_upgrade_survives_a_killed_emulator(stack: RunningStack, person: Person) -> None:
    """Its execution dies with it; the sweep starts the next one from what is written."""
    opened = submitted(person, person.first_nft())
    stack.kill("local.aws")
    messages = Listening(person, opened).to_the_end()
    assert types(messages)[-1] == "upgrade_completed"
    request = person.status(opened["upgradeRequestId"])
    assert request["burnTransactionHash"] == request["mintTransactionHash"]
    assert person.rpc.held(person.wallet.address, request["newNftId"]) == 1


def test_an_atomic_upgrade_burns_and_mints_in_one_transaction(person: Person) -> None:
    nft_id = person.first_nft()
    opened = submitted(person, nft_id)
    messages = Listening(person, opened).to_the_end()

    assert types(messages) == HISTORY
    completed = messages[-1].data["data"]
    request = person.status(opened["upgradeRequestId"])
    assert request["burnTransactionHash"] == request["mintTransactionHash"]
    assert person.rpc.held(person.wallet.address, completed["newNftId"]) == 1
    assert person.rpc.held(person.wallet.address, nft_id) == 0


def test_a_burn_outside_any_request_is_claimed_and_its_line_can_be_verified(
    person: Person,
) -> None:
    nft_id = person.first_nft()
    person.rpc.wait_for(person.burn_by_itself(nft_id), commitment="finalized")
    claimed = told(person.browser.post("/api/nft/upgrade/claims", {"mint": nft_id}), 202)
    messages = Listening(person, claimed).to_the_end()

    assert types(messages)[-1] == "upgrade_completed"
    successor = messages[-1].data["data"]["newNftId"]
    assert person.rpc.held(person.wallet.address, successor) == 1
    newest, oldest = told(person.browser.get(f"/api/nft/{successor}/lineage"), 200)["lineage"]
    base = Pubkey.from_string(newest["mintBase"])
    assert str(Pubkey.create_with_seed(base, newest["seed"], TOKEN_2022)) == successor
    for signature in (newest["mintTransactionHash"], oldest["burnTransactionHash"]):
        person.rpc.wait_for(signature, commitment="finalized")
    path = f"/api/nft/upgrade/{claimed['upgradeRequestId']}/burn-proof"
    proof = told(person.browser.get(path), 200)["burnProof"]
    assert proof["signature"] == oldest["burnTransactionHash"]
    assert {check["outcome"] for check in proof["checks"]} == {"pass"}


def test_a_string_body_from_a_foreign_page_is_not_read_as_json(person: Person) -> None:
    order = {"currentNftId": person.first_nft(), "targetLevel": 2}
    person.browser.page_origin = "http://elsewhere.example"
    assert person.browser.post("/api/nft/upgrade", order).status_code in (403, 415)


def test_another_persons_stream_is_not_found(stack: RunningStack, person: Person) -> None:
    opened = person.open(person.first_nft())
    with contextlib.closing(Person(stack.origin)) as stranger:
        assert stranger.browser.get(opened["eventsUrl"]).status_code == 404


def test_a_stream_without_a_session_is_refused(stack: RunningStack, person: Person) -> None:
    opened = person.open(person.first_nft())
    answer = httpx.get(stack.origin + opened["eventsUrl"], trust_env=False)
    assert answer.status_code == 401


def test_the_faucet_gives_once_per_wallet(person: Person) -> None:
    first = person.first_nft()
    lamports = person.rpc.call("getBalance", person.wallet.address)["value"]
    assert person.first_nft() == first
    assert person.rpc.call("getBalance", person.wallet.address)["value"] == lamports


@pytest.mark.parametrize(
    "module", ["local.api", "relay.app", "local.aws", "local.streams", "local.gateway"]
)
def test_an_upgrade_survives_a_killed_part(
    stack: RunningStack, person: Person, module: str
) -> None:
    opened = person.open(person.first_nft())
    listening = Listening(person, opened)
    burn_signature = person.burn(opened["burnTransaction"])
    person.confirm(opened["upgradeRequestId"], burn_signature)
    stack.kill(module)
    messages = listening.to_the_end()
    sequences = [int(message.id) for message in messages]
    assert sequences == list(range(1, len(sequences) + 1))
    assert types(messages)[-1] == "upgrade_completed"
    assert person.status(opened["upgradeRequestId"])["status"] == "completed"


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
