"""Each scenario does to a real upgrade mint, or to a burn, what its name says."""

from typing import Any

import httpx
import pytest
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from local.solana.scenarios import DOWN_SECONDS, LAG, UP_SECONDS, Scenario, Stage, upgrade_mint
from nft_upgrade.ports import Blockhash
from tests.chain_builders import OWNER, PROGRAM, SYSTEM_WALLET, UNITS, mint_order, sign_message
from tests.fixtures.solana import StartSolana
from tests.local.solana_app import App
from tests.local.solana_chain import SOL, Chain, burn, transfer

PROCESSED = {"commitment": "processed"}
NO_RETRIES = {"maxRetries": 0}


def played(scenario: Scenario, **options: Any) -> App:
    app = App(scenario=scenario, **options)
    app.chain.faults = app.app.node("first")
    for wallet in (SYSTEM_WALLET, OWNER):
        app.chain.ask("requestAirdrop", str(wallet.pubkey()), 10 * SOL)
    app.chain.finalize()
    return app


def mint(chain: Chain, *, level: int = 2, claim_id: str | None = None) -> VersionedTransaction:
    """A mint with the blockhash of now, so a new attempt each time slots have passed."""
    order = mint_order(level=level, claim_id=claim_id, in_collection=False)
    rent = chain.ledger.rent(PROGRAM.account_size(order))
    blockhash = Blockhash(str(chain.blockhash()), 0, 0)
    message = PROGRAM.mint_message(order, blockhash, rent=rent, units=UNITS, fee=0)
    return VersionedTransaction.from_bytes(sign_message(message))


def error_of(app: App, signature: str) -> Any:
    [status] = app.chain.value("getSignatureStatuses", [signature])
    return status and status["err"]


def is_there(app: App, signature: str) -> bool:
    return bool(app.chain.value("getSignatureStatuses", [signature]) != [None])


def test_an_upgrades_mint_is_told_from_a_first_one_and_from_everything_else() -> None:
    chain = played(Scenario.NONE).chain
    address = Pubkey.from_string(PROGRAM.address_of(mint_order(in_collection=False)))
    assert upgrade_mint(mint(chain)) == address
    assert upgrade_mint(mint(chain, level=1, claim_id="c")) is None
    assert upgrade_mint(chain.signed([transfer(OWNER, OWNER.pubkey(), 1)], OWNER)) is None


def test_lost_sends_loses_a_mints_first_two_sends_and_no_first_nft() -> None:
    app = played(Scenario.LOST_SENDS)
    transaction = mint(app.chain)
    for is_expected in (False, False, True):
        signature = app.chain.send(transaction, **NO_RETRIES)
        assert is_there(app, signature) is is_expected
    assert is_there(app, app.chain.send(mint(app.chain, level=1, claim_id="first"), **NO_RETRIES))


def test_mint_fails_twice_fails_two_executions_of_three_attempts_on_chain() -> None:
    app = played(Scenario.MINT_FAILS_TWICE)
    errors = []
    for _ in range(7):
        app.chain.pass_slots(2)
        errors.append(error_of(app, app.chain.send(mint(app.chain), **NO_RETRIES)))
    assert errors == [{"InstructionError": [2, {"Custom": 1}]}] * 6 + [None]


def test_a_starved_payer_pays_the_fee_and_keeps_the_rest() -> None:
    app = played(Scenario.MINT_FAILS_TWICE)
    before = app.chain.lamports(SYSTEM_WALLET.pubkey())
    app.chain.send(mint(app.chain), **NO_RETRIES)
    assert app.chain.lamports(SYSTEM_WALLET.pubkey()) == before - 5_000


def test_the_next_mints_fail_when_ordered() -> None:
    app = played(Scenario.NONE)
    app.order(kind="fail-mints", count=1)
    assert error_of(app, app.chain.send(mint(app.chain), **NO_RETRIES)) is not None
    app.chain.pass_slots(2)
    assert error_of(app, app.chain.send(mint(app.chain), **NO_RETRIES)) is None


def test_fork_rolls_a_confirmed_mint_back_once_and_the_same_bytes_land_again() -> None:
    app = played(Scenario.FORK)
    transaction = mint(app.chain)
    signature = app.chain.send(transaction, **NO_RETRIES)
    seen = []
    for _ in range(8):
        app.chain.pass_slots(1)
        seen.append(app.ask("getSignatureStatuses", [signature])["value"][0] is not None)
    assert True in seen
    assert seen[-1] is False
    app.chain.send(transaction, **NO_RETRIES)
    app.chain.pass_slots(30)
    assert app.ask("getSignatureStatuses", [signature])["value"][0]["err"] is None


def test_fork_brings_a_wallets_burn_back_by_itself() -> None:
    app = played(Scenario.FORK)
    nft = app.chain.mint_nft(OWNER, "nft", TOKEN_2022_PROGRAM_ID)
    app.chain.pass_slots(30)
    signature = app.chain.send(app.chain.signed([burn(OWNER, nft, TOKEN_2022_PROGRAM_ID)], OWNER))
    supplies = []
    for _ in range(12):
        app.chain.pass_slots(1)
        supplies.append(app.ask("getTokenSupply", str(nft), PROCESSED)["value"]["amount"])
    assert "1" in supplies[1:]
    assert supplies[-1] == "0"
    assert app.ask("getSignatureStatuses", [signature])["value"][0]["err"] is None


def test_slow_finality_leaves_confirmations_as_fast_as_ever() -> None:
    app = played(Scenario.SLOW_FINALITY)
    signature = app.chain.send(app.chain.signed([transfer(OWNER, OWNER.pubkey(), 1)], OWNER))
    commitments = []
    for _ in range(5):
        app.chain.pass_slots(9)
        [status] = app.ask("getSignatureStatuses", [signature])["value"]
        commitments.append(status["confirmationStatus"])
    assert (commitments[0], commitments[2], commitments[-1]) == (
        "confirmed",
        "confirmed",
        "finalized",
    )


def test_lag_answers_from_the_past() -> None:
    app = played(Scenario.LAG)
    app.chain.pass_slots(2 * LAG)
    newest = app.ask("getSlot", PROCESSED, node="second")
    assert newest - LAG - 2 <= app.ask("getSlot", PROCESSED) <= newest - LAG


def test_rpc_down_comes_and_goes() -> None:
    app = App()
    moment = 0.0
    faults = app.app.node("first")
    stage = Stage(app.chain.ledger, faults, now=lambda: moment)
    stage.play(Scenario.RPC_DOWN)
    cycle = UP_SECONDS + DOWN_SECONDS
    for moment, is_down in ((0, False), (59, False), (61, True), (cycle + 1, False)):
        stage.tick()
        assert (faults.http(["getSlot"]) is not None) is is_down, moment


def test_none_ends_a_scenario() -> None:
    app = played(Scenario.LAG)
    app.chain.pass_slots(2 * LAG)
    assert app.order(scenario="none") == {"scenario": "none"}
    assert app.ask("getSlot", PROCESSED) == app.ask("getSlot", PROCESSED, node="second")


def test_the_variable_chooses_the_scenario(
    start_solana: StartSolana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCENARIO", "lag")
    node = start_solana(slot_ms=10)
    body = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": [PROCESSED]}
    with httpx.Client(base_url=node.url, trust_env=False) as client:
        late = client.post("/", json=body).json()["result"]
        newest = client.post("/nodes/second", json=body).json()["result"]
    assert newest - late >= LAG
