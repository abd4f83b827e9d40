"""Burns that only a human may accept are held, and decided by one, with a reason."""

import pytest

from nft_upgrade.domain.errors import AlreadyRedeemed, ChainUnavailable, WrongStatus
from nft_upgrade.domain.events import first_broken_link
from nft_upgrade.domain.upgrade import STEP_PATIENCE, LockKind, Review, Status, Upgrade
from tests.use_cases.world import ALICE, BOB, NFT_1, World

REVIEW = Review("operator on duty", "The owner signed the delegation; shown by mail.")


def reviewed(world: World) -> Upgrade:
    """Burned by a delegate, final, found by the workflow, and held."""
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1, authority=BOB)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    assert world.burning.verify(upgrade.id).status is Status.UNDER_REVIEW
    world.end_executions()
    return world.now(upgrade)


def test_an_accepted_burn_gets_its_successor() -> None:
    world = World()
    upgrade = world.reviewing.accept(reviewed(world).id, REVIEW)
    assert upgrade.status is Status.BURN_CONFIRMED
    assert world.workflow.started[-1] == (upgrade.id, upgrade.run)
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_the_decision_is_in_the_history_with_its_reason() -> None:
    world = World()
    upgrade = world.reviewing.accept(reviewed(world).id, REVIEW)
    events = world.upgrades.events(upgrade.id)
    assert events[-1].data["review"] == {"operator": REVIEW.operator, "reason": REVIEW.reason}
    assert events[-1].data["proof"]["verdict"] == "under_review"
    assert first_broken_link(events) is None


def test_an_accepted_burn_whose_workflow_never_started_is_driven_by_the_sweep() -> None:
    world = World()
    upgrade = reviewed(world)
    world.workflow.is_down = True
    world.reviewing.accept(upgrade.id, REVIEW)
    world.workflow.is_down = False
    world.clock.sleep(STEP_PATIENCE.total_seconds())
    assert world.sweeping.run().driven == 1
    assert world.run_workflow(world.now(upgrade)).status is Status.COMPLETED


def test_a_refused_burn_frees_its_user_with_the_next_sweep() -> None:
    world = World()
    upgrade = reviewed(world)
    assert world.reviewing.refuse(upgrade.id, REVIEW).status is Status.INITIATED
    world.clock.sleep(STEP_PATIENCE.total_seconds())
    world.sweeping.run()
    ended = world.now(upgrade)
    assert ended.status is Status.FAILED_PERMANENT
    assert ended.failure is not None and ended.failure.message == REVIEW.reason
    assert world.upgrades.lock(LockKind.USER, ALICE) is None
    assert world.upgrades.lock(LockKind.BURN, NFT_1) is None


@pytest.mark.parametrize("act", ["accept", "refuse"])
def test_only_what_is_under_review_can_be_decided(act: str) -> None:
    world = World()
    with pytest.raises(WrongStatus):
        getattr(world.reviewing, act)(world.claimed().id, REVIEW)


def test_nothing_is_accepted_while_solana_is_away() -> None:
    world = World()
    upgrade = reviewed(world)
    world.chain.down = "no provider"
    with pytest.raises(ChainUnavailable):
        world.reviewing.accept(upgrade.id, REVIEW)
    assert world.status_of(upgrade) is Status.UNDER_REVIEW


def test_a_second_successor_cannot_be_accepted() -> None:
    world = World()
    upgrade = reviewed(world)
    lock = world.reviewing.accept(upgrade.id, REVIEW)
    assert world.upgrades.lock(LockKind.BURN, NFT_1) is not None
    with pytest.raises(WrongStatus):
        world.reviewing.accept(lock.id, REVIEW)


def test_a_burn_that_another_upgrade_redeemed_is_not_accepted() -> None:
    world = World()
    upgrade = reviewed(world)
    foreign = f"BURN#{NFT_1}"
    world.store.locks[foreign] = type(upgrade.nft_lock)(LockKind.BURN, NFT_1, "another upgrade")
    with pytest.raises((AlreadyRedeemed, WrongStatus)):
        world.reviewing.accept(upgrade.id, REVIEW)


def test_a_burn_whose_owner_cannot_be_told_is_not_accepted() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.was_held_by_too(signature, BOB)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    assert world.burning.verify(upgrade.id).status is Status.UNDER_REVIEW
    with pytest.raises(WrongStatus, match="did not hold"):
        world.reviewing.accept(upgrade.id, REVIEW)
