"""Several RPC providers: who is asked when one fails, lags, lies or is slow. Scripted nodes first,
then real nodes of one chain, each with faults of its own."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.burn import BurnClaim, BurnProof, Verdict
from nft_upgrade.domain.burn_checks import check_burn
from nft_upgrade.domain.errors import ChainUnavailable, ProvidersDisagree, TransactionRefused
from tests.adapters.test_solana_chain import (
    MINT,
    RECIPIENT,
    SIGNATURE,
    accounts,
    burn_node,
    mint_account,
    mint_wire,
    preflight,
    transaction,
)
from tests.chain_builders import OWNER, PROGRAM, burn, signed
from tests.fakes.rpc_node import RpcError, ScriptedNode, Series, Status
from tests.fixtures.solana import StartSolana
from tests.solana_world import SolanaWorld, signature_of

Chains = Callable[..., SolanaChain]
BEHIND = RpcError(-32016, "Minimum context slot has not been reached")


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


def slot(chain: SolanaChain) -> int:
    return chain.slot(commitment="finalized")


# --- back-off ------------------------------------------------------------------------------


def test_a_short_fault_of_the_only_node_is_waited_out(chain_over: Chains) -> None:
    node = ScriptedNode(getSlot=Series(Status(503), b"<html>", 7))
    assert slot(chain_over(node)) == 7
    assert node.asked.count("getSlot") == 3


def test_a_node_that_failed_is_left_alone_while_another_answers(chain_over: Chains) -> None:
    broken, good = ScriptedNode(getSlot=Status(503)), ScriptedNode(getSlot=7)
    chain = chain_over(broken, good)
    assert [slot(chain) for _ in range(20)] == [7] * 20
    assert broken.asked.count("getSlot") <= 3


def test_a_node_that_recovers_is_asked_again(chain_over: Chains) -> None:
    first, second = ScriptedNode(getSlot=Series(Status(503), 5)), ScriptedNode(getSlot=7)
    chain = chain_over(first, second)
    assert slot(chain) == 7
    time.sleep(0.4)
    assert slot(chain) == 5


def test_retry_after_is_honoured(chain_over: Chains) -> None:
    busy = ScriptedNode(getSlot=Series(Status(429, retry_after="1"), 5))
    chain = chain_over(busy)
    began = time.monotonic()
    assert slot(chain) == 5
    assert time.monotonic() - began >= 1.0
    assert busy.asked.count("getSlot") == 2


def test_a_node_that_wants_to_rest_for_long_is_not_waited_for(chain_over: Chains) -> None:
    busy = ScriptedNode(getSlot=Status(429, retry_after="3600"))
    chain = chain_over(busy)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(ChainUnavailable):
            slot(chain)
    assert time.monotonic() - began < 2.0
    assert busy.asked.count("getSlot") == 1


def test_a_refused_question_does_not_put_a_node_to_rest(chain_over: Chains) -> None:
    balance = {"context": {"slot": 1}, "value": 9}
    node = ScriptedNode(getSlot=RpcError(-32602, "Invalid params"), getBalance=balance)
    chain = chain_over(node)
    with pytest.raises(ChainUnavailable):
        slot(chain)
    assert chain.balance(MINT) == 9
    assert node.asked.count("getSlot") == 1


def test_a_deciding_read_waits_for_the_second_node_too(chain_over: Chains) -> None:
    flaky = burn_node(tx=Series(Status(500), transaction()))
    evidence = chain_over(burn_node(tx=transaction()), flaky).burn_evidence(SIGNATURE, MINT)
    assert evidence.transaction is not None
    assert evidence.transaction.agreed


def test_a_third_node_that_stalls_does_not_hold_up_a_decision(chain_over: Chains) -> None:
    stalled = burn_node(tx=transaction(), delay=30)
    good = [burn_node(tx=transaction()) for _ in range(2)]
    chain = chain_over(stalled, *good, timeout_seconds=20.0)
    began = time.monotonic()
    evidence = chain.burn_evidence(SIGNATURE, MINT)
    assert time.monotonic() - began < 6
    assert evidence.transaction is not None
    assert evidence.transaction.agreed
    # It rests now: the next decision does not even try it.
    assert chain.burn_evidence(SIGNATURE, MINT).transaction == evidence.transaction
    assert stalled.asked.count("getGenesisHash") == 1


def test_a_node_of_another_cluster_is_left_alone_and_named(
    chain_over: Chains, caplog: pytest.LogCaptureFixture
) -> None:
    other = ScriptedNode(genesis="another", getSlot=1)
    chain = chain_over(other, ScriptedNode(genesis="ours", getSlot=2), genesis_hash="ours")
    with caplog.at_level(logging.WARNING):
        assert [slot(chain) for _ in range(10)] == [2] * 10
    assert len(other.asked) <= 3
    assert "provider 1 rests" in caplog.text
    assert "another cluster" in caplog.text
    assert other.url not in caplog.text


# --- reads that may not be older than what is known ------------------------------------------


def epoch(slot: int, height: int) -> dict[str, Any]:
    return {"absoluteSlot": slot, "blockHeight": height}


def test_a_dead_attempts_account_is_not_read_from_before_its_death(chain_over: Chains) -> None:
    node = ScriptedNode(getEpochInfo=epoch(900, 850), getMultipleAccounts=accounts(None, None))
    chain = chain_over(node)
    assert chain.block_height(commitment="finalized") == 850
    chain.minted(MINT, recipient=RECIPIENT, commitment="finalized")
    assert node.params["getMultipleAccounts"][1]["minContextSlot"] == 900


def test_a_node_that_is_behind_what_is_known_decides_nothing(chain_over: Chains) -> None:
    ahead = ScriptedNode(getEpochInfo=epoch(900, 850), getMultipleAccounts=BEHIND)
    chain = chain_over(ahead)
    chain.block_height(commitment="finalized")
    with pytest.raises(ChainUnavailable):
        chain.minted(MINT, recipient=RECIPIENT, commitment="finalized")


def test_a_node_that_ignores_the_slot_asked_for_is_not_believed(chain_over: Chains) -> None:
    careless = ScriptedNode(
        getEpochInfo=epoch(900, 850), getMultipleAccounts=accounts(None, None, slot=899)
    )
    chain = chain_over(careless)
    chain.block_height(commitment="finalized")
    with pytest.raises(ChainUnavailable):
        chain.minted(MINT, recipient=RECIPIENT, commitment="finalized")


def test_what_is_finalized_says_nothing_about_confirmed_reads(chain_over: Chains) -> None:
    node = ScriptedNode(getEpochInfo=epoch(900, 850), getMultipleAccounts=mint_account())
    chain = chain_over(node)
    chain.block_height(commitment="finalized")
    chain.mints([MINT], commitment="confirmed")
    assert "minContextSlot" not in node.params["getMultipleAccounts"][1]


def test_one_node_far_ahead_does_not_make_all_others_too_old(chain_over: Chains) -> None:
    liar = ScriptedNode(getEpochInfo=epoch(10**9, 10**9), getMultipleAccounts=mint_account())
    honest = ScriptedNode(getEpochInfo=epoch(900, 850), getMultipleAccounts=mint_account())
    chain = chain_over(liar, honest)
    assert chain.block_height(commitment="finalized") == 850
    assert chain.mints([MINT], commitment="finalized")[0].agreed


def test_a_mint_read_before_its_burn_is_read_again(chain_over: Chains) -> None:
    early, late = mint_account(supply=1, slot=700), mint_account(supply=0, slot=800)
    node = burn_node(tx=transaction(slot=800), mint=Series(early, late))
    observed = chain_over(node).burn_evidence(SIGNATURE, MINT).mint
    assert observed is not None
    assert (observed.supply, observed.slot) == (0, 800)
    assert node.params["getMultipleAccounts"][1]["minContextSlot"] == 800


def test_a_mint_that_no_node_has_read_after_its_burn_stays_as_it_is(chain_over: Chains) -> None:
    node = burn_node(
        tx=transaction(slot=800), mint=Series(mint_account(supply=1, slot=700), BEHIND)
    )
    observed = chain_over(node).burn_evidence(SIGNATURE, MINT).mint
    assert observed is not None
    assert observed.slot == 700


def test_the_holder_is_read_where_it_was_found(chain_over: Chains) -> None:
    found = accounts({"address": MINT, "amount": "1"}, slot=321)
    node = ScriptedNode(getTokenLargestAccounts=found, getMultipleAccounts=accounts(None, None))
    chain_over(node).holder(MINT)
    assert node.params["getMultipleAccounts"][1]["minContextSlot"] == 321


# --- sending -------------------------------------------------------------------------------


def test_every_node_is_sent_the_transaction(chain_over: Chains) -> None:
    nodes = [ScriptedNode(sendTransaction=SIGNATURE) for _ in range(3)]
    chain_over(*nodes).send(mint_wire())
    assert [node.asked.count("sendTransaction") for node in nodes] == [1, 1, 1]


def test_one_preflight_that_fails_does_not_outweigh_a_node_that_relays(chain_over: Chains) -> None:
    chain_over(preflight("InsufficientFundsForFee"), ScriptedNode(sendTransaction="s")).send(
        mint_wire()
    )


def test_a_transaction_that_every_preflight_fails_is_refused(chain_over: Chains) -> None:
    chain = chain_over(preflight("InsufficientFundsForFee"), preflight("InsufficientFundsForFee"))
    with pytest.raises(TransactionRefused):
        chain.send(mint_wire())


# --- contradictions are visible --------------------------------------------------------------


@pytest.mark.parametrize("outvoted", [False, True])
def test_contradictions_are_logged_even_when_outvoted(
    chain_over: Chains, caplog: pytest.LogCaptureFixture, outvoted: bool
) -> None:
    honest = [ScriptedNode(getMultipleAccounts=mint_account()) for _ in range(1 + outvoted)]
    liar = ScriptedNode(getMultipleAccounts=mint_account(supply=7))
    with caplog.at_level(logging.WARNING):
        (found,) = chain_over(*honest, liar).mints([MINT], commitment="finalized")
    assert found.agreed is outvoted
    assert f"disagree about mint {MINT}" in caplog.text


# --- real nodes ----------------------------------------------------------------------------


@dataclass
class Providers:
    """One chain seen through the nodes `first` and `second`."""

    url: str
    world: SolanaWorld
    chain: SolanaChain

    def order(self, **order: Any) -> Any:
        answer = httpx.post(f"{self.url}/local/faults", json=order, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def burned(self, owner: Keypair = OWNER) -> tuple[str, str]:
        """A burned NFT: the signature and the mint."""
        mint = self.world.give_nft(owner)
        account = spl.get_associated_token_address(owner.pubkey(), mint, TOKEN_2022_PROGRAM_ID)
        return self.world.send([burn(account, mint, owner.pubkey())], owner), str(mint)

    def judge(self, signature: str, mint: str) -> BurnProof:
        claim = BurnClaim(
            signature=signature,
            mint=mint,
            owner=RECIPIENT,
            token_program=TOKEN_2022,
            level=1,
            registry_level=1,
            already_redeemed=False,
            opened_slot=0,
            claimed_height=0,
        )
        return check_burn(self.chain.burn_evidence(signature, mint), claim)


@pytest.fixture
def providers(start_solana: StartSolana) -> Iterator[Providers]:
    url = start_solana(slot_ms=25).url
    world = SolanaWorld(url)
    chain = SolanaChain([url, f"{url}/nodes/second"], timeout_seconds=2.0)
    yield Providers(url, world, chain)
    chain.close()
    world.close()


def test_a_burn_is_proven_by_two_nodes_that_agree(providers: Providers) -> None:
    assert providers.judge(*providers.burned()).verdict is Verdict.PROVEN


@pytest.mark.parametrize(
    "fault",
    [
        {"method": "getTransaction", "kind": "lie", "count": 99},
        {"method": "getMultipleAccounts", "kind": "lie", "count": 99},
        {"method": "getTransaction", "kind": "null", "count": 99},
        {"kind": "lag", "slots": 200},
    ],
    ids=["lies about the burn", "lies about the mint", "never saw it", "lags"],
)
def test_one_bad_node_of_two_makes_a_burn_wait_and_never_decides_it(
    providers: Providers, fault: dict[str, Any]
) -> None:
    signature, mint = providers.burned()
    for node in ("first", "second"):
        providers.order(node=node, **fault)
        assert providers.judge(signature, mint).verdict is Verdict.PENDING
        providers.order(
            node=node, **{**fault, **({"count": 0} if "count" in fault else {"slots": 0})}
        )
        assert providers.judge(signature, mint).verdict is Verdict.PROVEN


def test_a_mint_two_nodes_contradict_each_other_about_is_not_decided(providers: Providers) -> None:
    mint = str(providers.world.give_nft())
    providers.order(node="second", method="getMultipleAccounts", kind="lie", count=1)
    with pytest.raises(ProvidersDisagree):
        providers.chain.minted(mint, recipient=RECIPIENT, commitment="finalized")
    assert providers.chain.minted(mint, recipient=RECIPIENT, commitment="finalized") is True


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error-500"},
        {"kind": "429", "seconds": 1},
        {"kind": "garbage"},
        {"kind": "stall", "seconds": 4},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_a_broken_node_is_passed_over_for_reads_that_decide_nothing(
    providers: Providers, fault: dict[str, Any]
) -> None:
    providers.chain.slot(commitment="finalized")
    providers.order(method="*", count=1, **fault)
    began = time.monotonic()
    assert providers.chain.slot(commitment="finalized") > 0
    assert time.monotonic() - began < 4


def test_a_node_that_loses_every_send_does_not_stop_a_mint(providers: Providers) -> None:
    providers.order(method="sendTransaction", kind="drop-send", count=99)
    order = providers.world.order()
    wire = providers.world.mint_wire(order)
    providers.chain.send(wire)
    providers.world.finalize(signature_of(wire))
    address = PROGRAM.address_of(order)
    assert providers.chain.minted(address, recipient=RECIPIENT, commitment="finalized") is True


def test_a_confirmed_burn_that_is_rolled_back_was_never_accepted(providers: Providers) -> None:
    mint = providers.world.give_nft()
    providers.order(kind="finality", confirmed_after=1, finalized_after=140)
    account = spl.get_associated_token_address(OWNER.pubkey(), mint, TOKEN_2022_PROGRAM_ID)
    wire = signed([burn(account, mint, OWNER.pubkey())], providers.world.blockhash().value, OWNER)
    signature = providers.world.submit(wire)
    time.sleep(0.3)
    assert providers.chain.burn_evidence(signature, str(mint)).transaction is not None
    assert providers.judge(signature, str(mint)).verdict is Verdict.PENDING
    assert signature in providers.order(kind="fork", slots=-1)["dropped"]
    assert providers.chain.burn_evidence(signature, str(mint)).transaction is None
    assert providers.chain.holder(str(mint)) is not None
