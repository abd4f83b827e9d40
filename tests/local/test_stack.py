"""The whole stack, driven over HTTP, SSE and JSON-RPC alone."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID as TOKEN_2022

from local.client import Message, told, types
from local.token_metadata import read_mint
from tests.local.running_stack import Listening, Person, RunningStack

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


def test_upgrades_survive_a_killed_emulator(stack: RunningStack, person: Person) -> None:
    """Their executions die with it; the sweep starts the next ones from what is written. Two lives
    for one kill, since each waits a minute for the sweep."""
    opened = person.open(person.first_nft())
    with contextlib.closing(Person(stack.origin)) as another:
        atomic = submitted(another, another.first_nft())
        listening = Listening(person, opened), Listening(another, atomic)
        burn_signature = person.burn(opened["burnTransaction"])
        person.confirm(opened["upgradeRequestId"], burn_signature)
        stack.kill("local.aws")
        require_completed(person, opened, listening[0].to_the_end())
        require_completed(another, atomic, listening[1].to_the_end())
        request = another.status(atomic["upgradeRequestId"])
        assert request["burnTransactionHash"] == request["mintTransactionHash"]
        assert another.rpc.held(another.wallet.address, request["newNftId"]) == 1


def require_completed(person: Person, opened: dict[str, str], messages: list[Message]) -> None:
    """Every event once and in order, the last of them the completion."""
    sequences = [int(message.id) for message in messages]
    assert sequences == list(range(1, len(sequences) + 1))
    assert types(messages)[-1] == "upgrade_completed"
    assert person.status(opened["upgradeRequestId"])["status"] == "completed"


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


@pytest.mark.parametrize("module", ["local.api", "relay.app", "local.streams", "local.gateway"])
def test_an_upgrade_survives_a_killed_part(
    stack: RunningStack, person: Person, module: str
) -> None:
    opened = person.open(person.first_nft())
    listening = Listening(person, opened)
    burn_signature = person.burn(opened["burnTransaction"])
    person.confirm(opened["upgradeRequestId"], burn_signature)
    stack.kill(module)
    require_completed(person, opened, listening.to_the_end())
