import pytest

from local.solana.errors import InvalidParams
from tests.local.solana_chain import CONFIRMED, SOL, Chain, Refused, keypair, transfer, wire


@pytest.fixture
def chain() -> Chain:
    return Chain()


def test_a_dropped_send_answers_its_signature_and_never_lands(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    transaction = chain.signed([transfer(user, friend, SOL)], user)
    chain.faults.order("sendTransaction", "drop-send", 1)
    signature = chain.send(transaction)
    assert signature == str(transaction.signatures[0])
    chain.finalize()
    assert chain.value("getSignatureStatuses", [signature]) == [None]
    assert chain.send(transaction) == signature
    assert chain.lamports(friend) == SOL


def test_a_dropped_send_must_still_be_a_transaction(chain: Chain) -> None:
    chain.faults.order("sendTransaction", "drop-send", 1)
    with pytest.raises(Refused):
        chain.ask("sendTransaction", "AAAA", {"encoding": "base64"})


def test_a_null_fault_hides_what_landed_once(chain: Chain) -> None:
    user, friend = chain.wallet("user"), str(keypair("friend").pubkey())
    instruction = transfer(user, keypair("friend").pubkey(), SOL)
    signature = chain.send(chain.signed([instruction], user))
    chain.finalize()
    for method, params, hidden in (
        ("getSignatureStatuses", ([signature, signature],), [None, None]),
        ("getAccountInfo", (friend,), None),
    ):
        chain.faults.order(method, "null", 1)
        assert chain.value(method, *params) == hidden
        assert chain.value(method, *params) != hidden
    chain.faults.order("getTransaction", "null", 1)
    assert chain.ask("getTransaction", signature, CONFIRMED) is None
    assert chain.ask("getTransaction", signature, CONFIRMED) is not None


def test_a_null_fault_on_a_send_loses_the_answer_and_not_the_transaction(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    chain.faults.order("sendTransaction", "null", 1)
    options = {"encoding": "base64", "preflightCommitment": "processed"}
    sent = wire(chain.signed([transfer(user, friend, SOL)], user))
    assert chain.ask("sendTransaction", sent, options) is None
    assert chain.lamports(friend) == SOL


def test_a_fault_of_one_method_leaves_the_others_alone(chain: Chain) -> None:
    chain.faults.order("getSlot", "null", 5)
    assert chain.ask("getBlockHeight") > 0
    assert chain.ask("getSlot") is None


def test_an_order_is_taken_back_by_a_count_of_zero(chain: Chain) -> None:
    chain.faults.order("*", "null", 5)
    assert chain.ask("getSlot") is None
    chain.faults.order("*", "null", 0)
    assert chain.ask("getSlot") is not None


def test_an_unknown_kind_of_fault_is_refused(chain: Chain) -> None:
    with pytest.raises(InvalidParams, match="drop-send"):
        chain.faults.order("getSlot", "nonsense", 1)
