"""One fault at every single write and every single RPC call of an upgrade's life, in turn.

The driver does what Step Functions and the sweep do: a failed step is run again, an execution that
died is driven on. Whatever breaks, there is one successor, one completion and one unbroken history.
"""

from collections.abc import Callable
from typing import Any

import pytest

from nft_upgrade.domain.errors import ChainUnavailable, Unavailable
from nft_upgrade.domain.events import EventType, first_broken_link
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.use_cases.sending import Progress
from tests.use_cases.world import ALICE, NFT_1, World, by_wallet

MOST_WRITES = 9
MOST_CALLS = 80


class FlakyChain:
    """A chain that fails once: at its n-th call, before the call or after its effect."""

    def __init__(self, chain: Any, fails_at: int, *, is_before: bool) -> None:
        self._chain = chain
        self._fails_at = fails_at
        self._is_before = is_before
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._chain, name)
        return self._counted(target) if callable(target) else target

    def _counted(self, target: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            is_broken = self.calls == self._fails_at
            if is_broken and self._is_before:
                raise ChainUnavailable("the question was lost")
            answer = target(*arguments, **named)
            if is_broken:
                raise ChainUnavailable("the answer was lost")
            return answer

        return call


def again(step: Callable[[], Any], tries: int = 3) -> Any:
    """As a Retry of the workflow: retryable faults only."""
    for _ in range(tries - 1):
        try:
            return step()
        except Unavailable:
            continue
    return step()


def live(world: World, upgrade: Upgrade) -> None:
    """From the claim to the end, with repeated steps and one sweep per round."""
    for _ in range(6):
        again(lambda: world.burning.verify(upgrade.id))
        step = again(lambda: world.minting.prepare(upgrade.id))
        if step.progress is Progress.READY:
            again(lambda: world.minting.submit(upgrade.id))
            step = again(lambda: world.minting.await_mint(upgrade.id))
        if step.progress is Progress.FINALIZED:
            again(lambda: world.minting.complete(upgrade.id))
        if world.status_of(upgrade) is Status.COMPLETED:
            return
        world.end_executions()
        world.clock.advance(seconds=61)
        world.sweeping.run()


def check(world: World, upgrade: Upgrade) -> None:
    done = world.now(upgrade)
    events = world.upgrades.events(upgrade.id)
    assert done.status is Status.COMPLETED
    assert [e.type for e in events].count(EventType.UPGRADE_COMPLETED) == 1
    assert [e.sequence for e in events] == list(range(1, done.version + 1))
    assert first_broken_link(events) is None
    assert world.chain.minted(done.successor, recipient=ALICE, commitment="finalized")
    assert len(set(world.chain.sent)) == 1


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(MOST_WRITES))
def test_a_fault_at_any_write_ends_with_one_successor(number: int, is_before: bool) -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, upgrade.nft_id)
    world.chain.finalize()
    nothing: list[Any] = [None] * number
    world.store.fail_next = [*nothing, is_before]
    again(lambda: world.burning.confirm(ALICE, upgrade.id, signature))
    live(world, upgrade)
    check(world, upgrade)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(MOST_WRITES))
def test_a_fault_at_any_write_of_a_claim_ends_with_one_successor(
    number: int, is_before: bool
) -> None:
    world = World()
    world.give_nft()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    nothing: list[Any] = [None] * number
    world.store.fail_next = [*nothing, is_before]
    claim = again(lambda: world.claiming.claim(ALICE, mint=NFT_1, burn_signature=None))
    live(world, claim.upgrade)
    check(world, claim.upgrade)
    assert len(world.upgrades) == 1


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 12))
def test_a_fault_at_any_rpc_call_of_a_claim_leaves_it_to_be_repeated(
    number: int, is_before: bool
) -> None:
    world = World()
    world.give_nft()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    sound = world.chain
    flaky: Any = FlakyChain(sound, number, is_before=is_before)
    world.chain = flaky
    world._wire()
    claims = [world.claiming.claim(ALICE, mint=NFT_1, burn_signature=None) for _ in range(2)]
    upgrade = claims[-1].upgrade
    assert upgrade is not None and len(world.upgrades) == 1
    live(world, upgrade)
    world.chain = sound
    check(world, upgrade)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(MOST_WRITES))
def test_a_fault_at_any_write_of_an_atomic_upgrade_ends_with_one_successor(
    number: int, is_before: bool
) -> None:
    world = World()
    opened = world.open_atomic()
    wire = by_wallet(opened.transaction)
    nothing: list[Any] = [None] * number
    world.store.fail_next = [*nothing, is_before]
    again(lambda: world.submitting.submit(ALICE, opened.upgrade.id, wire))
    live_atomic(world, opened.upgrade)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 60))
def test_a_fault_at_any_rpc_call_of_an_atomic_upgrade_ends_with_one_successor(
    number: int, is_before: bool
) -> None:
    world = World()
    opened = world.open_atomic()
    wire = by_wallet(opened.transaction)
    sound = world.chain
    flaky: Any = FlakyChain(sound, number, is_before=is_before)
    world.chain = flaky
    world._wire()
    again(lambda: world.submitting.submit(ALICE, opened.upgrade.id, wire))
    live_atomic(world, opened.upgrade)
    world.chain = sound
    check(world, opened.upgrade)


@pytest.mark.parametrize("fault", ["down before", "down after"])
def test_a_fault_of_the_signer_ends_with_one_successor(fault: str) -> None:
    world = World()
    opened = world.open_atomic()
    wire = by_wallet(opened.transaction)
    world.submitting.submit(ALICE, opened.upgrade.id, wire)
    world.signer.down = fault == "down before"
    world.store.fail_next = [True] if fault == "down after" else []
    with pytest.raises(Unavailable):
        world.minting.submit(opened.upgrade.id)
    world.signer.down = False
    live_atomic(world, opened.upgrade)
    assert len(set(world.signer.signed)) == 1


def live_atomic(world: World, upgrade: Upgrade) -> None:
    """As the workflow goes on, with repeated steps."""
    verified = again(lambda: world.burning.verify(upgrade.id))
    if verified.awaits_cosignature:
        again(lambda: world.minting.submit(upgrade.id))
    live(world, upgrade)
    check(world, upgrade)


def test_the_writes_of_a_life_are_fewer_than_the_faults_that_are_tried() -> None:
    world = World()
    upgrade = world.claimed()
    world.store.fail_next = [None] * 100  # type: ignore[list-item]
    live(world, upgrade)
    assert 100 - len(world.store.fail_next) + 1 < MOST_WRITES


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, MOST_CALLS))
def test_a_fault_at_any_rpc_call_ends_with_one_successor(number: int, is_before: bool) -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, upgrade.nft_id)
    world.chain.finalize()
    sound = world.chain
    flaky: Any = FlakyChain(sound, number, is_before=is_before)
    world.chain = flaky
    world._wire()
    again(lambda: world.burning.confirm(ALICE, upgrade.id, signature))
    live(world, upgrade)
    world.chain = sound
    check(world, upgrade)


def test_the_calls_of_a_life_are_fewer_than_the_faults_that_are_tried() -> None:
    world = World()
    upgrade = world.claimed()
    flaky: Any = FlakyChain(world.chain, 0, is_before=True)
    world.chain = flaky
    world._wire()
    live(world, upgrade)
    assert 10 < flaky.calls < MOST_CALLS
