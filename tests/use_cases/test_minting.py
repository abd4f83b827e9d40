"""After a proven burn exactly one successor is minted, whatever crashes, expires or fails."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from nft_upgrade.adapters.token_program import TOKEN_2022, TokenProgram
from nft_upgrade.domain.errors import (
    ChainUnavailable,
    Conflicting,
    NotFound,
    NotRetryable,
    SignerUnavailable,
)
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, Status, Upgrade
from nft_upgrade.use_cases.sending import Progress
from tests.use_cases.world import ALICE, BOB, NFT_1, World


def test_a_proven_burn_becomes_the_next_level() -> None:
    world = World()
    done = world.run_workflow(world.claimed())
    successor = world.nfts.get(done.successor)
    assert done.status is Status.COMPLETED
    assert successor is not None
    assert (successor.level, successor.owner, successor.predecessor) == (2, ALICE, NFT_1)


def test_completion_frees_the_user_and_moves_the_owner_lock() -> None:
    world = World()
    done = world.run_workflow(world.claimed())
    owner = world.upgrades.lock(LockKind.OWNER, ALICE)
    assert world.upgrades.lock(LockKind.USER, ALICE) is None
    assert owner is not None and owner.holder == done.successor


def test_all_levels_can_be_climbed_one_after_the_other() -> None:
    world = World()
    nft = world.give_nft().mint
    for target in (2, 3, 4, 5):
        upgrade = world.open(mint=nft, target=target).upgrade
        signature = world.chain.burn(ALICE, nft)
        world.chain.finalize()
        world.burning.confirm(ALICE, upgrade.id, signature)
        nft = world.run_workflow(upgrade).successor
    top = world.nfts.get(nft)
    assert top is not None and top.level == 5


def test_the_message_is_written_down_before_anything_is_signed_or_sent() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    assert len(world.upgrades.attempts(upgrade.id)) == 1
    assert (world.signer.signed, world.chain.sent) == ([], [])


def test_preparing_again_goes_on_with_the_same_attempt() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    assert world.minting.prepare(upgrade.id).progress is Progress.READY
    assert len(world.upgrades.attempts(upgrade.id)) == 1


def test_an_attempt_is_signed_once_and_sent_as_the_same_bytes() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.forgets_sends = True
    world.minting.prepare(upgrade.id)
    for _ in range(3):
        world.minting.submit(upgrade.id)
    assert len(world.signer.signed) == 1
    assert len(world.chain.sent) == 3
    assert len(set(world.chain.sent)) == 1


def test_a_lost_send_is_repeated_while_waiting() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.forgets_sends = True
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.chain.forgets_sends = False
    assert world.minting.await_mint(upgrade.id).progress is Progress.FINALIZED


def expire(world: World) -> None:
    world.chain.advance(150 + 32 + 40)


def test_an_attempt_that_can_no_longer_land_is_replaced() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.forgets_sends = True
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    expire(world)
    assert world.minting.await_mint(upgrade.id).progress is Progress.EXPIRED
    world.chain.forgets_sends = False
    assert world.run_workflow(upgrade).status is Status.COMPLETED
    assert len(world.upgrades.attempts(upgrade.id)) == 2


def test_an_attempt_that_landed_unseen_is_not_replaced() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    expire(world)
    assert world.minting.prepare(upgrade.id).progress is Progress.FINALIZED
    assert world.run_workflow(upgrade).status is Status.COMPLETED
    assert len(world.upgrades.attempts(upgrade.id)) == 1


def test_an_attempt_is_not_given_up_before_its_height_is_final() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.forgets_sends = True
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.is_halted = True
    world.chain.advance(150 + 32)
    assert world.minting.await_mint(upgrade.id).progress is Progress.PENDING


def test_a_mint_that_failed_on_chain_is_tried_with_a_new_message() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.next_error = '{"InstructionError":[4,"x"]}'
    assert world.run_workflow(upgrade).status is Status.COMPLETED
    assert len(world.upgrades.attempts(upgrade.id)) == 2


def test_an_execution_builds_three_messages_at_the_most_and_ends_as_retryable() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.forgets_sends = True
    for _ in range(3):
        assert world.minting.prepare(upgrade.id).progress is Progress.READY
        world.minting.submit(upgrade.id)
        expire(world)
    assert world.minting.prepare(upgrade.id).progress is Progress.EXHAUSTED
    failed = world.minting.mark_retryable(upgrade.id, Progress.EXHAUSTED)
    assert failed.status is Status.FAILED_RETRYABLE


def failed_retryable(world: World) -> Upgrade:
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    return world.minting.mark_retryable(upgrade.id, "ChainUnavailable")


def test_the_user_can_try_again_and_gets_the_successor() -> None:
    world = World()
    upgrade = failed_retryable(world)
    retried = world.minting.retry(ALICE, upgrade.id)
    assert (retried.status, retried.retry_count) == (Status.MINT_PENDING, 1)
    assert world.workflow.started[-1] == (upgrade.id, 2)
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_only_a_failed_mint_can_be_tried_again_and_only_by_its_user() -> None:
    world = World()
    upgrade = world.burned()
    with pytest.raises(NotRetryable):
        world.minting.retry(ALICE, upgrade.id)
    with pytest.raises(NotFound):
        world.minting.retry(BOB, upgrade.id)


def test_the_sweep_tries_again_by_itself() -> None:
    world = World()
    upgrade = failed_retryable(world)
    world.clock.advance(seconds=5)
    world.sweeping.run()
    assert world.status_of(upgrade) is Status.MINT_PENDING


def test_an_undecided_claim_is_not_marked_as_failed() -> None:
    world = World()
    upgrade = world.claimed()
    marked = world.minting.mark_retryable(upgrade.id, "ChainUnavailable")
    assert marked.status is Status.BURN_PENDING


def test_something_unexpected_at_the_successors_address_stops_everything() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.occupy(upgrade.successor)
    world.chain.finalize()
    with pytest.raises(Conflicting):
        world.minting.prepare(upgrade.id)
    assert world.chain.sent == []


def test_completion_waits_until_the_mint_is_final() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    with pytest.raises(ChainUnavailable):
        world.minting.complete(upgrade.id)
    assert world.status_of(upgrade) is Status.MINT_PENDING


def test_a_successor_that_was_sold_at_once_still_completes_the_upgrade() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.chain.transfer(ALICE, upgrade.successor, BOB)
    world.chain.finalize()
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_a_finalized_mint_whose_attempts_are_lost_is_completed_from_the_chain() -> None:
    """A database restored to before the attempt was written."""
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.chain.finalize()
    (attempt,) = world.upgrades.attempts(upgrade.id)
    world.store.attempts.clear()
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED
    assert done.mint_signature == world.sending.signature_text(attempt)
    assert len(world.chain.sent) == 1


def test_a_successor_minted_by_an_attempt_that_is_lost_does_not_wait_for_a_later_one() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.forgets_sends = True
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    (lost,) = world.store.attempts.pop(upgrade.id)
    world.chain.fee = 7
    world.minting.prepare(upgrade.id)  # asked before the lost one landed
    world.minting.submit(upgrade.id)
    assert lost.signature is not None
    world.chain.land(TokenProgram().wire(lost.message, lost.signature))
    expire(world)
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED
    assert done.mint_signature == TokenProgram().signature_text(lost.signature)


def test_a_signer_that_is_down_loses_nothing() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.signer.down = True
    with pytest.raises(SignerUnavailable):
        world.minting.submit(upgrade.id)
    world.signer.down = False
    assert world.run_workflow(upgrade).status is Status.COMPLETED


Step = Callable[[World, Upgrade], object]
STEPS: tuple[Step, ...] = (
    lambda world, upgrade: world.minting.prepare(upgrade.id),
    lambda world, upgrade: world.minting.submit(upgrade.id),
    lambda world, upgrade: world.minting.await_mint(upgrade.id),
    lambda world, upgrade: world.minting.complete(upgrade.id),
)


@pytest.mark.parametrize("done_before_crash", range(5))
@pytest.mark.parametrize("meanwhile", ["nothing", "finalized", "expired"])
def test_a_crash_after_any_step_ends_with_exactly_one_successor(
    done_before_crash: int, meanwhile: str
) -> None:
    world = World()
    upgrade = world.burned()
    for step in STEPS[:done_before_crash]:
        step(world, upgrade)
    if meanwhile == "finalized":
        world.chain.finalize()
    elif meanwhile == "expired":
        expire(world)
    world.clock.advance(seconds=61)
    world.end_executions()
    world.sweeping.run()
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED
    assert world.chain.minted(done.successor, recipient=ALICE, commitment="finalized")
    events = [event.type for event in world.upgrades.events(upgrade.id)]
    assert events.count(events[-1]) == 1


@pytest.mark.parametrize("repeats", [2, 3])
def test_every_step_may_run_more_than_once(repeats: int) -> None:
    world = World()
    upgrade = world.burned()
    for step in STEPS:
        for _ in range(repeats):
            step(world, upgrade)
    assert world.status_of(upgrade) is Status.COMPLETED
    assert len(world.upgrades.attempts(upgrade.id)) == 1


def test_a_successor_that_a_rebuild_registered_first_does_not_block_its_completion() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.chain.finalize()
    rebuilt = Nft(
        mint=upgrade.successor,
        owner=BOB,  # It was sold as soon as it was minted.
        level=2,
        status=NftStatus.ACTIVE,
        version=1,
        token_program=TOKEN_2022,
        mint_base=upgrade.mint_base,
        created_at=world.clock.now(),
        updated_at=world.clock.now(),
        predecessor=NFT_1,
    )
    world.nfts.register(rebuilt, takes=(Lock(LockKind.OWNER, BOB, rebuilt.mint),))
    done = world.minting.complete(upgrade.id)
    row = world.nfts[upgrade.successor]
    assert done.status is Status.COMPLETED
    assert (row.owner, row.mint_signature, row.version) == (BOB, done.mint_signature, 2)
    assert world.upgrades.lock(LockKind.USER, ALICE) is None


def test_a_successors_row_that_says_something_else_needs_a_human() -> None:
    world = World()
    upgrade = world.burned()
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.chain.finalize()
    odd = replace(world.nfts[NFT_1], mint=upgrade.successor, level=5, version=1)
    world.nfts.register(odd, takes=())
    with pytest.raises(Conflicting):
        world.minting.complete(upgrade.id)
    assert world.nfts[upgrade.successor] == odd
