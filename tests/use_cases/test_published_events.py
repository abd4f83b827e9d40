"""Whatever an upgrade goes through, its events fit their schemas, so that they are published."""

from collections.abc import Callable

import pytest

from nft_upgrade.adapters.event_schema import check_event
from nft_upgrade.domain.upgrade import Review
from tests.use_cases.world import ALICE, BOB, NFT_1, World


def in_two_steps(world: World) -> None:
    world.run_workflow(world.claimed())


def atomic(world: World) -> None:
    world.run_workflow(world.submitted())


def atomic_that_failed(world: World) -> None:
    upgrade = world.submitted()
    world.chain.next_error = '"x"'
    world.minting.submit(upgrade.id)
    world.burning.verify(upgrade.id)


def claimed_outside(world: World) -> None:
    world.give_nft()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    upgrade = world.claiming.claim(ALICE, mint=NFT_1, burn_signature=None).upgrade
    assert upgrade is not None
    world.run_workflow(upgrade)


def reviewed(world: World, decide: str) -> None:
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1, authority=BOB)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    world.burning.verify(upgrade.id)
    getattr(world.reviewing, decide)(upgrade.id, Review("somebody on duty", "It is theirs."))
    world.clock.advance(minutes=2)
    world.sweeping.run()


def accepted(world: World) -> None:
    reviewed(world, "accept")


def refused(world: World) -> None:
    reviewed(world, "refuse")


def given_up(world: World) -> None:
    upgrade = world.opened()
    world.chain.finalize()
    world.ending.cancel(ALICE, upgrade.id)


def expired(world: World) -> None:
    world.opened()
    world.clock.advance(minutes=31)
    world.sweeping.run()


def failed_and_retried(world: World) -> None:
    upgrade = world.burned()
    world.minting.mark_retryable(upgrade.id, "States.Timeout")
    world.minting.retry(ALICE, upgrade.id)


LIVES = (
    in_two_steps,
    atomic,
    atomic_that_failed,
    claimed_outside,
    accepted,
    refused,
    given_up,
    expired,
    failed_and_retried,
)


@pytest.mark.parametrize("live", LIVES, ids=lambda live: live.__name__)
def test_every_event_of_a_life_fits_its_schema(live: Callable[[World], None]) -> None:
    world = World()
    live(world)
    events = [event for history in world.store.events.values() for event in history]
    assert len(events) > 1
    for event in events:
        check_event(event)
