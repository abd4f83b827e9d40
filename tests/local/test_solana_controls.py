"""What goes wrong on one node, ordered and seen over HTTP."""

import json
import time

import pytest
from solders.keypair import Keypair
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from tests.local.solana_app import App
from tests.local.solana_chain import CONFIRMED, SOL, Refused, burn, keypair, transfer, wire

PROCESSED = {"commitment": "processed"}
SECOND = "second"


@pytest.fixture
def app() -> App:
    return App()


def landed(app: App, source: Keypair) -> str:
    return app.chain.send(app.chain.signed([transfer(source, keypair("a").pubkey(), SOL)], source))


def test_a_node_counts_what_it_is_asked(app: App) -> None:
    app.ask("getSlot")
    app.ask("getSlot")
    app.ask("getSlot", node=SECOND)
    assert app.post("/local/calls", {}).json() == {"calls": {"getSlot": 2}}
    assert app.post("/local/calls", {"node": SECOND}).json() == {"calls": {"getSlot": 1}}


def test_a_429_says_how_long_to_wait(app: App) -> None:
    app.order(method="getSlot", kind="429", count=1, seconds=7)
    refused = app.raw("getSlot")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert app.ask("getSlot") > 0


def test_garbage_is_http_200_and_no_json(app: App) -> None:
    app.order(method="*", kind="garbage", count=1)
    answer = app.raw("getSlot")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        json.loads(answer.text)


def test_an_internal_error_is_no_json_either(app: App) -> None:
    app.order(method="getSlot", kind="error-500", count=1)
    assert app.raw("getSlot").status_code == 500


def test_a_stalled_answer_comes_late(app: App) -> None:
    app.order(method="getSlot", kind="stall", count=1, seconds=0.2)
    began = time.monotonic()
    assert app.ask("getSlot") > 0
    assert time.monotonic() - began >= 0.2


def test_a_lagging_node_answers_as_of_earlier_slots_and_relays_at_once(app: App) -> None:
    user = app.chain.wallet("user")
    app.chain.pass_slots(20)
    newest = app.ask("getSlot", PROCESSED)
    app.order(kind="lag", slots=10)
    assert newest - 12 <= app.ask("getSlot", PROCESSED) <= newest - 10
    friend = keypair("friend").pubkey()
    # Its blockhash is older, as everything it shows, and still good.
    blockhash = app.ask("getLatestBlockhash", PROCESSED)["value"]["blockhash"]
    sent = app.chain.signed(
        [transfer(user, friend, SOL)],
        user,
        blockhash=type(app.chain.blockhash())(
            bytes(app.chain.ledger.schedule.blockhash_of(app.ask("getSlot", PROCESSED)))
        ),
    )
    assert str(sent.message.recent_blockhash) == blockhash
    signature = app.ask(
        "sendTransaction", wire(sent), {"encoding": "base64"} | {"preflightCommitment": "processed"}
    )
    app.chain.finalize()
    assert app.ask("getSignatureStatuses", [signature])["value"] == [None]
    assert app.ask("getSignatureStatuses", [signature], node=SECOND)["value"] != [None]
    assert app.ask("getBalance", str(friend))["value"] == 0
    app.order(kind="lag", slots=0)
    assert app.ask("getBalance", str(friend))["value"] == SOL


def test_a_lagging_node_remembers_accounts_that_are_gone(app: App) -> None:
    user = app.chain.wallet("user")
    mint = app.chain.mint_nft(user, "nft", TOKEN_2022_PROGRAM_ID)
    app.chain.finalize()
    app.chain.send(app.chain.signed([burn(user, mint, TOKEN_2022_PROGRAM_ID)], user))
    app.chain.pass_slots(30)
    app.order(kind="lag", slots=33)
    assert app.ask("getTokenSupply", str(mint), PROCESSED)["value"]["amount"] == "1"
    assert app.ask("getTokenSupply", str(mint), node=SECOND)["value"]["amount"] == "0"


def test_another_node_shares_the_chain_and_not_the_faults(app: App) -> None:
    app.order(method="getSlot", kind="error-500", count=9)
    assert app.raw("getSlot").status_code == 500
    assert app.ask("getSlot", node=SECOND) > 0
    assert app.ask("getGenesisHash", node=SECOND) == app.ask("getGenesisHash")
    app.order(node=SECOND, method="getBlockHeight", kind="null", count=1)
    assert app.ask("getBlockHeight", node=SECOND) is None


def test_a_lying_node_contradicts_the_others(app: App) -> None:
    user = app.chain.wallet("user")
    mint = app.chain.mint_nft(user, "nft", TOKEN_2022_PROGRAM_ID)
    signature = landed(app, user)
    app.chain.finalize()
    asked = (
        ("getTransaction", (signature, CONFIRMED)),
        ("getMultipleAccounts", ([str(mint)], {"encoding": "base64"})),
        ("getAccountInfo", (str(mint), {"encoding": "base64"})),
        ("getSignatureStatuses", ([signature],)),
        ("getBlockHeight", ()),
        ("getSlot", ()),
    )
    for method, params in asked:
        app.order(node=SECOND, method=method, kind="lie", count=1)
        truth = app.ask(method, *params)
        assert app.ask(method, *params, node=SECOND) != truth, method
        assert app.ask(method, *params, node=SECOND) == truth, method


def test_a_lie_about_a_mint_changes_whether_it_is_burned(app: App) -> None:
    mint = str(app.chain.mint_nft(app.chain.wallet("user"), "nft", TOKEN_2022_PROGRAM_ID))
    app.chain.finalize()
    app.order(method="getMultipleAccounts", kind="lie", count=1)
    config = {"encoding": "jsonParsed", **CONFIRMED}
    assert app.ask("getMultipleAccounts", [mint], {"encoding": "base64"})["value"][0]["data"]
    supply = app.ask("getMultipleAccounts", [mint], config)["value"][0]["data"]["parsed"]["info"]
    assert supply["supply"] == "1"


def test_nobody_lies_about_what_no_lie_is_known_for(app: App) -> None:
    app.order(method="getVersion", kind="lie", count=1)
    with pytest.raises(Refused, match="no lie"):
        app.ask("getVersion")


def test_what_is_unknown_stays_unknown_to_a_liar(app: App) -> None:
    app.order(method="*", kind="lie", count=9)
    missing = "1" * 64
    assert app.ask("getTransaction", missing, CONFIRMED) is None
    assert app.ask("getSignatureStatuses", [missing])["value"] == [None]


@pytest.mark.parametrize(
    "order",
    [
        [],
        {},
        {"kind": "nonsense", "method": "*", "count": 1},
        {"kind": "null", "method": "*", "count": -1},
        {"kind": "null", "method": "*", "count": True},
        {"kind": "stall", "method": "*", "count": 1, "seconds": "long"},
        {"kind": "lag"},
        {"kind": "skip", "slots": "all"},
        {"kind": "fork", "slots": 1, "drop": "everything"},
        {"kind": "fork", "slots": 1000},
        {"kind": "finality", "confirmed_after": 5, "finalized_after": 4},
        {"kind": "finality", "confirmed_after": 0, "finalized_after": 100_000},
        {"scenario": "doomsday"},
    ],
)
def test_what_is_no_order_is_refused(app: App, order: object) -> None:
    assert app.post("/local/faults", order).status_code == 400


def test_an_unknown_control_is_not_found(app: App) -> None:
    assert app.post("/local/nonsense", {}).status_code == 404
