"""What the adapter makes of nodes that lag, lie, fail or speak nonsense. Behaviour against a good
node is in tests/contracts/test_chain_contract.py."""

import base64
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from solders.message import Message
from solders.token.state import Mint
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain import base58
from nft_upgrade.domain.burn_checks import READABLE_VERSIONS
from nft_upgrade.domain.errors import ChainUnavailable, ProvidersDisagree, TransactionRefused
from tests.chain_builders import (
    CLASSIC,
    OWNER,
    PREDECESSOR,
    Svm,
    burn,
    keypair,
    mint_order,
    sign_message,
)
from tests.fakes.rpc_node import RpcError, ScriptedNode, Series, Status

SIGNATURE = base58.encode(bytes(range(100, 164)))
MINT = PREDECESSOR
RECIPIENT = str(OWNER.pubkey())

Chains = Callable[..., SolanaChain]


@pytest.fixture
def chain_over() -> Iterator[Chains]:
    """A chain over scripted nodes, which it starts and ends."""
    with ExitStack() as stack:

        def over(*nodes: ScriptedNode, **options: Any) -> SolanaChain:
            urls = [stack.enter_context(node).url for node in nodes]
            chain = SolanaChain(urls, **{"timeout_seconds": 5.0, **options})
            stack.callback(chain.close)
            return chain

        yield over


def mint_account(*, supply: int = 1, slot: int = 900, owner: str = TOKEN_2022) -> dict[str, Any]:
    data = bytes(Mint(None, supply, 0, True))
    return accounts(
        {"owner": owner, "data": [base64.b64encode(data).decode(), "base64"]}, slot=slot
    )


def accounts(*values: Any, slot: int = 900) -> dict[str, Any]:
    return {"context": {"slot": slot}, "value": list(values)}


def wire() -> bytes:
    message = Message(
        [burn(keypair("a").pubkey(), keypair("m").pubkey(), OWNER.pubkey())], OWNER.pubkey()
    )
    return bytes(VersionedTransaction(message, [OWNER]))


def transaction(*, slot: int = 800, raw: bytes | None = None, version: Any = "legacy") -> Any:
    encoded = base64.b64encode(raw if raw is not None else wire()).decode()
    return {
        "slot": slot,
        "version": version,
        "transaction": [encoded, "base64"],
        "meta": {"err": None, "preTokenBalances": [], "postTokenBalances": []},
    }


def burn_node(
    *, tx: Any = None, height: int = 850, mint: Any = None, **options: Any
) -> ScriptedNode:
    return ScriptedNode(
        getTransaction=tx,
        getBlockHeight=height,
        getEpochInfo={"absoluteSlot": height + 50, "blockHeight": height},
        getMultipleAccounts=mint or mint_account(supply=0),
        **options,
    )


# --- one node after another ----------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        Status(500),
        Status(429),
        RpcError(-32005, "Node is behind"),
        b"<html>not JSON</html>",
        b'{"jsonrpc": "2.0", "id": "1"}',
        b"[]",
        "a text instead of a number",
    ],
)
def test_a_node_that_does_not_answer_well_is_passed_over(chain_over: Chains, broken: Any) -> None:
    chain = chain_over(ScriptedNode(getSlot=broken), ScriptedNode(getSlot=5))
    assert chain.slot(commitment="finalized") == 5


def test_when_no_node_answers_nothing_is_known(chain_over: Chains) -> None:
    chain = chain_over(ScriptedNode(getSlot=Status(503)), ScriptedNode(getSlot=Status(503)))
    with pytest.raises(ChainUnavailable):
        chain.slot(commitment="finalized")


def test_a_node_that_is_not_there_at_all_is_unavailable() -> None:
    chain = SolanaChain(["http://127.0.0.1:9"], timeout_seconds=1.0)
    with pytest.raises(ChainUnavailable):
        chain.slot(commitment="finalized")
    chain.close()


def test_a_slow_node_is_given_up_after_the_time_out(chain_over: Chains) -> None:
    slow = ScriptedNode(getSlot=1, delay=30)
    chain = chain_over(slow, ScriptedNode(getSlot=2), timeout_seconds=1.0)
    started = time.monotonic()
    assert chain.slot(commitment="finalized") == 2
    assert time.monotonic() - started < 15


def test_a_second_node_is_not_asked_without_need(chain_over: Chains) -> None:
    first, second = ScriptedNode(getSlot=1), ScriptedNode(getSlot=2)
    assert chain_over(first, second).slot(commitment="processed") == 1
    assert second.asked == []


def test_a_chain_can_be_closed_and_used_again(chain_over: Chains) -> None:
    chain = chain_over(ScriptedNode(getSlot=1))
    assert chain.slot(commitment="processed") == 1
    chain.close()
    assert chain.slot(commitment="processed") == 1


def test_making_a_chain_asks_nothing(chain_over: Chains) -> None:
    node = ScriptedNode()
    chain_over(node)
    assert node.asked == []


# --- the cluster ---------------------------------------------------------------------------


def test_a_node_of_another_cluster_is_never_believed(chain_over: Chains) -> None:
    other = ScriptedNode(genesis="another", getSlot=1)
    chain = chain_over(other, ScriptedNode(genesis="ours", getSlot=2), genesis_hash="ours")
    assert chain.slot(commitment="finalized") == 2
    assert other.asked == ["getGenesisHash"]


def test_only_nodes_of_another_cluster_is_nothing_known(chain_over: Chains) -> None:
    chain = chain_over(burn_node(tx=transaction(), genesis="another"), genesis_hash="ours")
    with pytest.raises(ChainUnavailable):
        chain.burn_evidence(SIGNATURE, MINT)


def test_without_a_configured_hash_all_nodes_must_show_the_first_ones(chain_over: Chains) -> None:
    one, two = burn_node(genesis="one"), burn_node(genesis="two")
    chain = chain_over(one, two)
    with pytest.raises(ChainUnavailable):
        chain.burn_evidence(SIGNATURE, MINT)


def test_the_cluster_is_checked_once_per_node(chain_over: Chains) -> None:
    node = burn_node(tx=transaction())
    chain = chain_over(node)
    chain.burn_evidence(SIGNATURE, MINT)
    chain.burn_evidence(SIGNATURE, MINT)
    assert node.asked.count("getGenesisHash") == 1


# --- deciding reads ------------------------------------------------------------------------


def test_two_nodes_that_agree_make_evidence(chain_over: Chains) -> None:
    chain = chain_over(burn_node(tx=transaction()), burn_node(tx=transaction()))
    evidence = chain.burn_evidence(SIGNATURE, MINT)
    assert evidence.transaction is not None
    assert evidence.transaction.agreed
    assert evidence.transaction.finalized
    assert evidence.mint is not None
    assert evidence.mint.agreed


def test_one_liar_among_three_is_outvoted(chain_over: Chains) -> None:
    liar = burn_node(tx=transaction(slot=1), mint=mint_account(supply=1))
    chain = chain_over(liar, burn_node(tx=transaction()), burn_node(tx=transaction()))
    evidence = chain.burn_evidence(SIGNATURE, MINT)
    assert evidence.transaction is not None
    assert (evidence.transaction.slot, evidence.transaction.agreed) == (800, True)
    assert evidence.mint is not None
    assert (evidence.mint.supply, evidence.mint.agreed) == (0, True)


@pytest.mark.parametrize(
    "other", [None, transaction(slot=801), transaction(raw=wire()[:-1] + b"\x09")]
)
def test_two_nodes_that_do_not_agree_on_a_transaction_are_marked_so(
    chain_over: Chains, other: Any
) -> None:
    chain = chain_over(burn_node(tx=transaction()), burn_node(tx=other))
    transaction_seen = chain.burn_evidence(SIGNATURE, MINT).transaction
    assert transaction_seen is not None
    assert not transaction_seen.agreed


def test_two_nodes_that_do_not_agree_on_a_mint_are_marked_so(chain_over: Chains) -> None:
    chain = chain_over(
        burn_node(tx=transaction()), burn_node(tx=transaction(), mint=mint_account(supply=1))
    )
    mint = chain.burn_evidence(SIGNATURE, MINT).mint
    assert mint is not None
    assert not mint.agreed


def test_one_of_two_nodes_alone_decides_nothing(chain_over: Chains) -> None:
    chain = chain_over(burn_node(tx=None), burn_node(tx=Status(500)))
    with pytest.raises(ChainUnavailable):
        chain.burn_evidence(SIGNATURE, MINT)


def test_the_slowest_node_says_how_far_the_chain_is(chain_over: Chains) -> None:
    chain = chain_over(
        burn_node(height=850, mint=mint_account(slot=900)),
        burn_node(height=700, mint=mint_account(slot=750)),
    )
    evidence = chain.burn_evidence(SIGNATURE, MINT)
    assert evidence.finalized_height == 700
    assert evidence.mint is not None
    assert evidence.mint.slot == 750
    assert chain.block_height(commitment="finalized") == 700


def test_evidence_costs_two_requests_and_more_only_while_something_is_missing(
    chain_over: Chains,
) -> None:
    node = burn_node(tx=transaction())
    chain_over(node).burn_evidence(SIGNATURE, MINT)
    assert sorted(node.asked[1:]) == ["getMultipleAccounts", "getTransaction"]
    waiting = burn_node(tx=None)
    evidence = chain_over(waiting).burn_evidence(SIGNATURE, MINT)
    assert waiting.asked.count("getTransaction") == 2
    assert waiting.asked[-1] == "getBlockHeight"
    assert evidence.finalized_height is not None


def test_the_rent_is_remembered_until_a_dry_run_fails(chain_over: Chains) -> None:
    failed = {"err": "InsufficientFundsForRent", "unitsConsumed": 0, "logs": []}
    node = ScriptedNode(
        getMinimumBalanceForRentExemption=Series(100, 200),
        simulateTransaction={"context": {"slot": 1}, "value": failed},
    )
    chain = chain_over(node)
    assert [chain.rent(82), chain.rent(82)] == [100, 100]
    assert node.asked.count("getMinimumBalanceForRentExemption") == 1
    assert chain.simulate(b"whatever").error is not None
    assert chain.rent(82) == 200


def test_the_newest_transaction_version_is_asked_for(chain_over: Chains) -> None:
    node = burn_node(tx=transaction())
    chain_over(node).burn_evidence(SIGNATURE, MINT)
    assert node.params["getTransaction"][1]["maxSupportedTransactionVersion"] == 1


def test_a_version_the_node_will_not_show_is_held_not_refused(chain_over: Chains) -> None:
    node = burn_node(tx=RpcError(-32015, "Transaction version (2) is not supported"))
    found = chain_over(node).burn_evidence(SIGNATURE, MINT).transaction
    assert found is not None
    assert found.version not in READABLE_VERSIONS


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, None], None),
        ([{"owner": "11111111111111111111111111111111", "data": ["", "base64"]}, None], None),
        ([{"owner": CLASSIC, "data": ["AAAA", "base64"]}, None], False),
        (mint_account()["value"] + [None], False),
        (mint_account(owner=CLASSIC)["value"] + [None], False),
    ],
)
def test_minted_is_none_only_when_nothing_is_there(
    chain_over: Chains, values: list[Any], expected: bool | None
) -> None:
    chain = chain_over(ScriptedNode(getMultipleAccounts=accounts(*values)))
    assert chain.minted(MINT, recipient=RECIPIENT, commitment="finalized") is expected


def test_nodes_that_contradict_each_other_about_a_mint_raise(chain_over: Chains) -> None:
    nothing = ScriptedNode(getMultipleAccounts=accounts(None, None))
    something = ScriptedNode(getMultipleAccounts=accounts(*mint_account()["value"], None))
    with pytest.raises(ProvidersDisagree):
        chain_over(nothing, something).minted(MINT, recipient=RECIPIENT, commitment="finalized")


def status(commitment: str | None, err: Any = None) -> dict[str, Any]:
    return accounts({"slot": 5, "err": err, "confirmationStatus": commitment})


def test_a_signature_one_node_has_seen_is_not_dead(chain_over: Chains) -> None:
    chain = chain_over(
        ScriptedNode(getSignatureStatuses=accounts(None)),
        ScriptedNode(getSignatureStatuses=status("confirmed")),
    )
    found = chain.signature_status(SIGNATURE)
    assert found is not None
    assert found.commitment == "confirmed"


def test_the_least_advanced_sighting_counts(chain_over: Chains) -> None:
    chain = chain_over(
        ScriptedNode(getSignatureStatuses=status("finalized")),
        ScriptedNode(getSignatureStatuses=status("confirmed")),
    )
    found = chain.signature_status(SIGNATURE)
    assert found is not None
    assert found.commitment == "confirmed"


def test_a_signature_is_unknown_only_on_the_word_of_two_nodes(chain_over: Chains) -> None:
    null = ScriptedNode(getSignatureStatuses=accounts(None))
    down = ScriptedNode(getSignatureStatuses=Status(500))
    with pytest.raises(ChainUnavailable):
        chain_over(null, down).signature_status(SIGNATURE)


# --- sending -------------------------------------------------------------------------------


def mint_wire() -> bytes:
    svm = Svm()
    return sign_message(svm.message(mint_order()))


def preflight(error: Any) -> ScriptedNode:
    data = {"err": error, "logs": []}
    return ScriptedNode(sendTransaction=RpcError(-32002, "Transaction simulation failed", data))


@pytest.mark.parametrize(
    "error",
    ["AlreadyProcessed", "BlockhashNotFound", {"InstructionError": [3, {"Custom": 0}]}],
)
def test_what_means_already_there_or_too_late_is_no_error(chain_over: Chains, error: Any) -> None:
    chain_over(preflight(error)).send(mint_wire())


@pytest.mark.parametrize(
    "error",
    [
        "InsufficientFundsForFee",
        {"InstructionError": [3, {"Custom": 1}]},
        # The same number from another program (here Token-2022) means something else.
        {"InstructionError": [6, {"Custom": 0}]},
        {"InsufficientFundsForRent": {"account_index": 0}},
        None,
    ],
)
def test_a_transaction_that_would_fail_is_refused_with_the_chains_error(
    chain_over: Chains, error: Any
) -> None:
    with pytest.raises(TransactionRefused) as refused:
        chain_over(preflight(error)).send(mint_wire())
    assert "error" in refused.value.extra


def test_the_preflight_uses_the_commitment_of_the_blockhash_and_nobody_resends_for_us(
    chain_over: Chains,
) -> None:
    node = ScriptedNode(sendTransaction=SIGNATURE)
    chain_over(node).send(mint_wire())
    assert node.params["sendTransaction"][1] == {
        "encoding": "base64",
        "skipPreflight": False,
        "preflightCommitment": "confirmed",
        "maxRetries": 0,
    }


def test_a_send_goes_to_the_next_node_when_one_is_down(chain_over: Chains) -> None:
    second = ScriptedNode(sendTransaction=SIGNATURE)
    chain_over(ScriptedNode(sendTransaction=Status(503)), second).send(mint_wire())
    assert "sendTransaction" in second.asked


# --- the rest ------------------------------------------------------------------------------


def fees(*amounts: int) -> ScriptedNode:
    rows = [{"slot": n, "prioritizationFee": amount} for n, amount in enumerate(amounts)]
    return ScriptedNode(getRecentPrioritizationFees=rows)


@pytest.mark.parametrize(
    ("node", "fee"),
    [
        (fees(), 0),
        (fees(0, 10, 20, 30, 40), 30),
        (fees(10**9, 10**9), 1_000_000),
        (ScriptedNode(), 0),
    ],
)
def test_the_priority_fee_follows_recent_blocks_up_to_the_cap(
    chain_over: Chains, node: ScriptedNode, fee: int
) -> None:
    assert chain_over(node).priority_fee() == fee


def test_an_account_with_nothing_on_it_is_no_holder(chain_over: Chains) -> None:
    largest = accounts({"address": MINT, "amount": "0"})
    assert chain_over(ScriptedNode(getTokenLargestAccounts=largest)).holder(MINT) is None


def test_errors_never_show_a_providers_url(chain_over: Chains) -> None:
    node = ScriptedNode(getSlot=Status(500))
    with pytest.raises(ChainUnavailable) as raised:
        chain_over(node).slot(commitment="finalized")
    assert node.url not in str(raised.value)


def test_a_chain_without_a_node_is_refused() -> None:
    with pytest.raises(ValueError):
        SolanaChain([])


def test_calls_from_many_threads_share_one_loop(chain_over: Chains) -> None:
    chain = chain_over(ScriptedNode(getSlot=7))
    with ThreadPoolExecutor(16) as threads:
        seen = list(threads.map(lambda _: chain.slot(commitment="processed"), range(64)))
    assert seen == [7] * 64
