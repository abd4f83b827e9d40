"""The node as a process: HTTP, what tests control, faults, crashes."""

import os
import secrets
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from local.process import StartFailed
from tests.fixtures.solana import SolanaNode, StartSolana
from tests.local.solana_chain import SOL, transfer, wire

PROCESSED = {"commitment": "processed"}
ORIGIN = "http://localhost:8000"


def asked(node: SolanaNode, method: str, *params: Any) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return httpx.post(node.url, json=body)


def result(node: SolanaNode, method: str, *params: Any) -> Any:
    return asked(node, method, *params).json()["result"]


def control(node: SolanaNode, path: str, order: object) -> httpx.Response:
    return httpx.post(f"{node.url}/local/{path}", json=order)


def fault(node: SolanaNode, method: str, kind: str, count: int = 1) -> None:
    order = {"method": method, "kind": kind, "count": count}
    control(node, "faults", order).raise_for_status()


def fresh() -> str:
    return str(Keypair().pubkey())


def paid_transfer(node: SolanaNode, target: str, lamports: int) -> str:
    """A signed transfer by a funded wallet, base64."""
    user = Keypair()
    result(node, "requestAirdrop", str(user.pubkey()), SOL)
    latest = result(node, "getLatestBlockhash", PROCESSED)["value"]["blockhash"]
    instruction = transfer(user, Pubkey.from_string(target), lamports)
    message = MessageV0.try_compile(user.pubkey(), [instruction], [], Hash.from_string(latest))
    return wire(VersionedTransaction(message, [user]))


SEND = {"encoding": "base64", "preflightCommitment": "processed"}


def test_slots_advance_by_themselves(solana: SolanaNode) -> None:
    before = result(solana, "getSlot")
    time.sleep(0.2)
    assert result(solana, "getSlot") >= before + 3


def test_slots_advance_at_once_when_ordered(start_solana: StartSolana) -> None:
    node = start_solana(slot_ms=60_000)
    before = result(node, "getSlot", PROCESSED)
    assert control(node, "slots", {"advance": 151}).json() == {"slot": before + 151}
    assert result(node, "getSlot", PROCESSED) == before + 151


def test_pages_on_this_machine_may_call(solana: SolanaNode) -> None:
    preflight = httpx.options(solana.url, headers={"Origin": ORIGIN})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    body = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
    answer = httpx.post(solana.url, json=body, headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://[", "x"]
)
def test_pages_from_elsewhere_may_not(solana: SolanaNode, origin: str) -> None:
    preflight = httpx.options(solana.url, headers={"Origin": origin})
    assert preflight.status_code == 200
    assert "access-control-allow-origin" not in preflight.headers


def test_health_answers_load_balancers(solana: SolanaNode) -> None:
    assert httpx.get(f"{solana.url}/health").text == "ok"


def test_only_posted_json_of_a_sane_size_is_read(solana: SolanaNode) -> None:
    json_type = {"Content-Type": "application/json"}
    assert httpx.get(solana.url).status_code == 405
    assert httpx.post(solana.url, content=b"{}").status_code == 415
    too_long = httpx.post(solana.url, content=b"x" * (1 << 21), headers=json_type)
    assert too_long.status_code == 413


@pytest.mark.parametrize(
    ("path", "order", "status"),
    [
        ("slots", {"advance": -1}, 400),
        ("slots", {"advance": "5"}, 400),
        ("slots", [], 400),
        ("faults", {"method": "getSlot", "kind": "nonsense", "count": 1}, 400),
        ("faults", {"kind": "null", "count": 1}, 400),
        ("nonsense", {}, 404),
    ],
)
def test_wrong_orders_are_refused(
    solana: SolanaNode, path: str, order: object, status: int
) -> None:
    assert control(solana, path, order).status_code == status


def test_http_faults_happen_as_often_as_ordered(start_solana: StartSolana) -> None:
    node = start_solana()
    fault(node, "getSlot", "error-500", 2)
    fault(node, "getBalance", "429")
    assert asked(node, "getHealth").status_code == 200
    assert [asked(node, "getSlot").status_code for _ in range(3)] == [500, 500, 200]
    assert [asked(node, "getBalance", fresh()).status_code for _ in range(2)] == [429, 200]
    fault(node, "*", "error-500", 1000)
    assert asked(node, "getHealth").status_code == 500
    fault(node, "*", "error-500", 0)
    assert asked(node, "getHealth").status_code == 200


def test_other_faults_are_ordered_in_the_same_way(start_solana: StartSolana) -> None:
    node, friend = start_solana(), fresh()
    sent = paid_transfer(node, friend, SOL // 2)
    fault(node, "sendTransaction", "drop-send")
    signature = result(node, "sendTransaction", sent, SEND)
    assert result(node, "getSignatureStatuses", [signature])["value"] == [None]
    assert result(node, "sendTransaction", sent, SEND) == signature
    assert result(node, "getBalance", friend, PROCESSED)["value"] == SOL // 2


def test_a_killed_node_goes_on_with_all_it_answered(
    start_solana: StartSolana, tmp_path: Path
) -> None:
    node, friend = start_solana(data_dir=tmp_path), fresh()
    genesis = result(node, "getGenesisHash")
    signature = result(node, "sendTransaction", paid_transfer(node, friend, SOL // 2), SEND)
    node.part.kill()
    again = start_solana(data_dir=tmp_path)
    assert result(again, "getGenesisHash") == genesis
    assert result(again, "getBalance", friend, PROCESSED)["value"] == SOL // 2
    [status] = result(again, "getSignatureStatuses", [signature])["value"]
    assert status["err"] is None


def test_sigterm_ends_it_cleanly(start_solana: StartSolana) -> None:
    node = start_solana()
    with httpx.Client() as open_connection:
        open_connection.get(f"{node.url}/health")
        os.kill(node.part.process.pid, signal.SIGTERM)
        assert node.part.process.wait(5) == 0


def test_a_busy_port_is_a_clear_message(start_solana: StartSolana, solana: SolanaNode) -> None:
    with pytest.raises(StartFailed, match="is in use"):
        start_solana(port=solana.url.rsplit(":", 1)[1])


def test_a_broken_journal_is_a_clear_message(start_solana: StartSolana, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text(secrets.token_hex() + "\n")
    with pytest.raises(StartFailed, match="cannot go on from this ledger"):
        start_solana(data_dir=tmp_path)
