import base64
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.solana import rpc
from local.solana.methods import METHODS
from tests.local.solana_chain import Chain, Refused, keypair


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def answer(chain: Chain, body: object) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return json.loads(rpc.answer(raw, chain.ledger, chain.faults) or b"null")


def test_an_unknown_method_is_not_found(chain: Chain) -> None:
    with pytest.raises(Refused, match="Method not found") as refused:
        chain.ask("getBlocc")
    assert refused.value.code == -32601


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getBalance", []),
        ("getBalance", ["not base58 0OIl"]),
        ("getBalance", ["abc"]),
        ("getBalance", [5]),
        ("getBalance", ["11111111111111111111111111111111", {"commitment": "recent"}]),
        ("getBalance", ["11111111111111111111111111111111", {"minContextSlot": -1}]),
        ("getBalance", ["11111111111111111111111111111111", {"minContextSlot": True}]),
        ("getBalance", ["11111111111111111111111111111111", "confirmed"]),
        ("getMultipleAccounts", ["11111111111111111111111111111111"]),
        ("getSignatureStatuses", [["abc"]]),
        ("getSignatureStatuses", [[5]]),
        ("getTransaction", ["abc"]),
        ("requestAirdrop", ["11111111111111111111111111111111", -1]),
        ("isBlockhashValid", ["abc"]),
        ("getFeeForMessage", ["AAAA"]),
        ("getFeeForMessage", ["%"]),
        ("getProgramAccounts", ["11111111111111111111111111111111", {"filters": [{}]}]),
        ("getProgramAccounts", ["11111111111111111111111111111111", {"filters": 5}]),
        ("getAccountInfo", ["11111111111111111111111111111111", {"encoding": "base64+zstd"}]),
        ("getAccountInfo", ["11111111111111111111111111111111", {"dataSlice": 5}]),
        ("getAccountInfo", ["11111111111111111111111111111111", {"dataSlice": {}}]),
    ],
)
def test_wrong_parameters_are_named_as_such(chain: Chain, method: str, params: list[Any]) -> None:
    with pytest.raises(Refused) as refused:
        chain.ask(method, *params)
    assert refused.value.code == -32602


def test_what_is_not_json_is_a_parse_error(chain: Chain) -> None:
    assert answer(chain, b"{") == {
        "jsonrpc": "2.0",
        "error": {"code": -32700, "message": "Parse error"},
        "id": None,
    }


@pytest.mark.parametrize("request_body", [5, "x", None, {}, {"id": 1}, {"id": 1, "method": 5}, []])
def test_what_is_no_request_is_invalid(chain: Chain, request_body: object) -> None:
    assert answer(chain, request_body)["error"]["code"] == -32600


def test_parameters_are_an_array(chain: Chain) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": {"a": 1}}
    assert answer(chain, body)["error"]["code"] == -32602


def test_a_batch_is_answered_one_by_one_in_order(chain: Chain) -> None:
    answers = answer(
        chain,
        [
            {"jsonrpc": "2.0", "id": "a", "method": "getHealth"},
            {"jsonrpc": "2.0", "id": 7, "method": "nonsense"},
            {"jsonrpc": "2.0", "method": "getHealth"},
            {"jsonrpc": "2.0", "id": None, "method": "getHealth"},
        ],
    )
    assert [each["id"] for each in answers] == ["a", 7, None]
    assert answers[0]["result"] == "ok"
    assert answers[1]["error"]["code"] == -32601


def test_a_notification_is_not_answered(chain: Chain) -> None:
    assert answer(chain, {"jsonrpc": "2.0", "method": "getHealth"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
address = st.just(str(keypair("anyone").pubkey()))


@given(
    method=st.sampled_from(sorted(METHODS)),
    params=st.lists(json_values | address | st.lists(address, max_size=2), max_size=3),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_parameters_are_an_internal_error(method: str, params: list[Any]) -> None:
    chain = shared_chain()
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    error = answer(chain, body).get("error", {})
    is_airdrop = method == "requestAirdrop" and "airdrop" in str(error)
    assert error.get("code") != -32603 or is_airdrop


@cache
def shared_chain() -> Chain:
    """One ledger for all examples."""
    return Chain()


@given(wire=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_decoder(wire: bytes) -> None:
    chain = shared_chain()
    text = base64.b64encode(wire).decode()
    with pytest.raises(Refused) as refused:
        chain.ask("sendTransaction", text, {"encoding": "base64"})
    assert refused.value.code in (-32602, -32002, -32003)
