"""Claims are taken at once, only finalized effects are believed, honest burns are never lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from nft_upgrade.domain.errors import (
    BurnAlreadyUsed,
    CannotCancelAfterBurn,
    NotFound,
    ProvidersDisagree,
    WrongStatus,
)
from nft_upgrade.domain.events import EventType
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import LockKind, Status, Upgrade
from nft_upgrade.use_cases.burning import Answer
from tests.use_cases.world import ALICE, BOB, NFT_1, NFT_2, World

NOBODYS_SIGNATURE = "5" * 87


def test_a_confirmed_burn_is_claimed_and_its_workflow_started() -> None:
    world = World()
    upgrade = world.claimed()
    assert upgrade.status is Status.BURN_PENDING
    assert world.workflow.started == [(upgrade.id, 1)]


def test_a_final_burn_is_proven_and_the_nft_marked_burned() -> None:
    world = World()
    upgrade = world.burned()
    nft = world.nfts.get(NFT_1)
    assert upgrade.status is Status.BURN_CONFIRMED
    assert nft is not None and nft.status is NftStatus.BURNED
    assert world.upgrades.lock(LockKind.BURN, NFT_1)


def test_a_burn_that_is_not_final_yet_is_waited_for() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.burning.confirm(ALICE, upgrade.id, signature)
    world.is_halted = True
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    world.is_halted = False
    world.chain.finalize()
    assert world.burning.verify(upgrade.id).status is Status.BURN_CONFIRMED


def test_the_same_confirmation_again_has_no_effect() -> None:
    world = World()
    upgrade = world.claimed()
    assert upgrade.burn_signature is not None
    again = world.burning.confirm(ALICE, upgrade.id, upgrade.burn_signature)
    assert (again.answer, again.upgrade.version) == (Answer.CURRENT, upgrade.version)
    assert world.workflow.started == [(upgrade.id, 1)]


def test_64_confirmations_at_once_make_one_transition() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    with ThreadPoolExecutor(16) as pool:
        answers = [
            pool.submit(world.burning.confirm, ALICE, upgrade.id, signature) for _ in range(64)
        ]
    results = [answer.result().answer for answer in answers]
    assert results.count(Answer.ACCEPTED) == 1
    assert results.count(Answer.CURRENT) == 63
    assert len(world.upgrades.events(upgrade.id)) == 2


def test_another_signature_while_one_is_looked_at_is_refused() -> None:
    world = World()
    upgrade = world.claimed()
    with pytest.raises(WrongStatus):
        world.burning.confirm(ALICE, upgrade.id, NOBODYS_SIGNATURE)


def test_a_foreign_upgrade_cannot_be_confirmed() -> None:
    world = World()
    upgrade = world.opened()
    with pytest.raises(NotFound):
        world.burning.confirm(BOB, upgrade.id, NOBODYS_SIGNATURE)


def test_a_claim_is_taken_while_the_chain_is_away_and_verified_later() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.down = "maintenance"
    claimed = world.burning.confirm(ALICE, upgrade.id, signature)
    assert claimed.answer is Answer.ACCEPTED
    world.chain.down = None
    world.chain.finalize()
    assert world.burning.verify(upgrade.id).status is Status.BURN_CONFIRMED


def test_a_claim_goes_stale_only_from_when_it_was_first_looked_for() -> None:
    world = World()
    upgrade = world.opened()
    world.burning.confirm(ALICE, upgrade.id, NOBODYS_SIGNATURE)
    world.chain.advance(1_000)
    first = world.chain.block_height(commitment="finalized")
    pending = world.burning.verify(upgrade.id)
    assert pending.status is Status.BURN_PENDING
    assert pending.claimed_height is not None
    assert pending.claimed_height >= first


def test_a_claim_is_taken_while_the_workflow_is_away_and_found_by_the_sweep() -> None:
    world = World()
    world.workflow.is_down = True
    upgrade = world.claimed()
    assert (upgrade.status, world.workflow.started) == (Status.BURN_PENDING, [])
    world.workflow.is_down = False
    world.clock.advance(seconds=61)
    world.sweeping.run()
    assert world.workflow.started == [(upgrade.id, 2)]


def test_a_signature_that_never_lands_is_rejected_and_the_request_open_again() -> None:
    world = World()
    upgrade = world.opened()
    world.burning.confirm(ALICE, upgrade.id, NOBODYS_SIGNATURE)
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    world.chain.advance(1_000)
    rejected = world.burning.verify(upgrade.id)
    assert rejected.status is Status.INITIATED
    assert rejected.failure is not None
    event = world.upgrades.events(upgrade.id)[-1]
    assert (event.type, event.error_code) == (EventType.BURN_REJECTED, "burn_not_found")


def test_after_a_rejection_the_real_burn_can_be_confirmed_under_a_new_execution() -> None:
    world = World()
    upgrade = world.opened()
    world.burning.confirm(ALICE, upgrade.id, NOBODYS_SIGNATURE)
    world.burning.verify(upgrade.id)
    world.chain.advance(1_000)
    world.burning.verify(upgrade.id)
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    assert world.workflow.started == [(upgrade.id, 1), (upgrade.id, 2)]
    assert world.burning.verify(upgrade.id).status is Status.BURN_CONFIRMED


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda w: w.chain.burn(ALICE, NFT_1, error='"failed"'), "burn_tx_failed"),
        (lambda w: w.chain.transfer(ALICE, NFT_1, BOB), "burn_is_transfer"),
        (lambda w: w.chain.burn(BOB, NFT_2), "burn_wrong_mint"),
        (lambda w: w.chain.burn(ALICE, NFT_1, amount=0), "burn_incomplete"),
    ],
)
def test_what_is_no_burn_of_this_nft_is_rejected_with_its_own_code(act: object, code: str) -> None:
    world = World()
    upgrade = world.opened()
    world.give_nft(BOB, NFT_2)
    signature = act(world)  # type: ignore[operator]
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    rejected = world.burning.verify(upgrade.id)
    assert rejected.status is Status.INITIATED
    assert world.upgrades.events(upgrade.id)[-1].error_code == code


def test_a_burn_by_a_delegate_waits_for_an_operator() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1, authority=BOB)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    assert world.burning.verify(upgrade.id).status is Status.UNDER_REVIEW


def test_verifying_again_after_the_decision_changes_nothing() -> None:
    world = World()
    upgrade = world.burned()
    assert world.burning.verify(upgrade.id).version == upgrade.version


# --- late burns ------------------------------------------------------------------------------


def test_a_late_burn_of_a_cancelled_request_is_honoured() -> None:
    world = World()
    upgrade = world.opened()
    world.ending.cancel(ALICE, upgrade.id)
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    late = world.burning.confirm(ALICE, upgrade.id, signature)
    assert late.answer is Answer.LATE
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_a_late_burn_that_is_not_final_is_found_by_the_sweep() -> None:
    world = World()
    upgrade = world.opened()
    world.ending.cancel(ALICE, upgrade.id)
    signature = world.chain.burn(ALICE, NFT_1)
    assert world.burning.confirm(ALICE, upgrade.id, signature).answer is Answer.LATE_PENDING
    world.chain.finalize()
    world.clock.advance(seconds=6)
    world.sweeping.run()
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_a_late_claim_that_is_no_burn_is_refused_with_the_reason() -> None:
    world = World()
    upgrade = world.opened()
    world.ending.cancel(ALICE, upgrade.id)
    signature = world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    with pytest.raises(WrongStatus, match="sent to another account"):
        world.burning.confirm(ALICE, upgrade.id, signature)


def test_a_late_burn_belongs_to_the_request_that_is_open_for_the_nft() -> None:
    world = World()
    old = world.opened()
    world.ending.cancel(ALICE, old.id)
    new = world.open().upgrade
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    confirmed = world.burning.confirm(ALICE, old.id, signature)
    assert (confirmed.answer, confirmed.upgrade.id) == (Answer.ACCEPTED, new.id)
    assert world.status_of(old) is Status.CANCELLED
    assert world.run_workflow(new).status is Status.COMPLETED
    with pytest.raises(BurnAlreadyUsed):
        world.burning.confirm(ALICE, old.id, signature)


# --- giving up -------------------------------------------------------------------------------


def test_an_unburned_request_is_cancelled_and_the_user_free_again() -> None:
    world = World()
    upgrade = world.opened()
    assert world.ending.cancel(ALICE, upgrade.id).status is Status.CANCELLED
    assert world.upgrades.lock(LockKind.USER, ALICE) is None
    nft = world.nfts.get(NFT_1)
    assert nft is not None and nft.status is NftStatus.ACTIVE


def test_cancelling_twice_is_the_same_as_once() -> None:
    world = World()
    upgrade = world.opened()
    first = world.ending.cancel(ALICE, upgrade.id)
    assert world.ending.cancel(ALICE, upgrade.id).version == first.version


@pytest.mark.parametrize("is_final", [True, False])
def test_nobody_cancels_an_nft_that_is_burned_on_chain(is_final: bool) -> None:
    world = World()
    upgrade = world.opened()
    world.chain.burn(ALICE, NFT_1)
    if is_final:
        world.chain.finalize()
    else:
        world.chain.advance(2)
    with pytest.raises(CannotCancelAfterBurn):
        world.ending.cancel(ALICE, upgrade.id)


def test_nobody_cancels_while_the_providers_contradict_each_other_about_the_nft() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.is_disputed = True
    with pytest.raises(ProvidersDisagree):
        world.ending.cancel(ALICE, upgrade.id)
    assert world.status_of(upgrade) is Status.INITIATED
    world.chain.is_disputed = False
    assert world.ending.cancel(ALICE, upgrade.id).status is Status.CANCELLED


def test_a_claim_that_is_undecided_is_not_cancelled() -> None:
    world = World()
    upgrade = world.opened()
    world.burning.confirm(ALICE, upgrade.id, NOBODYS_SIGNATURE)
    assert world.ending.cancel(ALICE, upgrade.id).status is Status.BURN_PENDING


def test_a_claim_that_is_refuted_is_cancelled() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1, error='"failed"')
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    assert world.ending.cancel(ALICE, upgrade.id).status is Status.CANCELLED


def test_eight_cancels_at_once_all_say_cancelled() -> None:
    world = World()
    upgrade = world.opened()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.ending.cancel(ALICE, upgrade.id), range(8)))
    assert {answer.status for answer in answers} == {Status.CANCELLED}
    assert len(world.upgrades.events(upgrade.id)) == 2


# --- what is our own side's fault ---------------------------------------------------------------


def test_a_burn_in_a_version_we_cannot_read_is_held_and_calls_a_human() -> None:
    world = World()
    upgrade = world.claimed()
    world.chain.disguise(signature_of(upgrade), version="2")
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    assert world.alerts.calls[0][0] == "UnreadableTransactions"
    assert world.alerts.calls[0][1]["upgrade_request_id"] == upgrade.id
    world.chain.disguise(signature_of(upgrade), version="0")  # we learned to read it
    assert world.burning.verify(upgrade.id).status is Status.BURN_CONFIRMED
    assert len(world.alerts) == 1


def test_providers_that_disagree_about_a_burn_call_a_human_and_decide_nothing() -> None:
    world = World()
    upgrade = world.claimed()
    world.chain.disguise(signature_of(upgrade), agreed=False)
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    assert "ProviderDisagreements" in world.alerts


def test_a_burn_that_is_merely_not_final_yet_calls_nobody() -> None:
    world = World()
    upgrade = world.opened()
    world.burning.confirm(ALICE, upgrade.id, world.chain.burn(ALICE, NFT_1))
    world.is_halted = True
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    assert len(world.alerts) == 0


def test_an_unreadable_burn_that_nobody_confirmed_calls_a_human_from_the_sweep() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.disguise(world.chain.burn(ALICE, NFT_1), version="2")
    world.chain.finalize()
    world.clock.advance(seconds=31)
    assert world.sweeping.run().expired == 0
    assert world.status_of(upgrade) is Status.INITIATED
    assert "UnreadableTransactions" in world.alerts


def signature_of(upgrade: Upgrade) -> str:
    assert upgrade.burn_signature is not None
    return upgrade.burn_signature
