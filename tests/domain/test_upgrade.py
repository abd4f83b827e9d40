"""The transition table and what each step changes (docs/architecture.md)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nft_upgrade.domain.burn import BurnProof, Check, Outcome
from nft_upgrade.domain.errors import CannotCancelAfterBurn, ErrorType, NotRetryable, WrongStatus
from nft_upgrade.domain.events import EventType, first_broken_link
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import (
    ACTIVE,
    BURNED,
    EDGES,
    TERMINAL,
    Failure,
    Lock,
    LockKind,
    Status,
    Transition,
    Upgrade,
    open_upgrade,
    retry_delay,
)

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
NFT = Nft(
    mint="Mint1",
    owner="Wallet1",
    level=1,
    status=NftStatus.ACTIVE,
    version=1,
    token_program="Program",
    mint_base="Base",
    created_at=NOW,
    updated_at=NOW,
)
FAILURE = Failure("mint_failed", ErrorType.MINT_TRANSACTION_FAILED, "It failed.", retryable=True)
PROOF = BurnProof("Signature1", "Mint1", 42, "Wallet1", ())


def new_upgrade(status: Status = Status.INITIATED, **changes: object) -> Upgrade:
    upgrade = Upgrade(
        id="U1",
        user_id="Wallet1",
        nft_id="Mint1",
        current_level=1,
        target_level=2,
        status=Status.INITIATED,
        version=1,
        token_program="Program",
        mint_base="Base",
        successor="Mint2",
        opened_slot=10,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )
    return replace(upgrade, status=status, **changes)  # type: ignore[arg-type]


def every_step(upgrade: Upgrade) -> dict[Status, list[Transition]]:
    """Whatever step is possible from here, by the status it leads to."""
    successor = replace(NFT, mint="Mint2", level=2)
    steps: tuple[Callable[[], Transition], ...] = (
        lambda: upgrade.claim_burn("Signature1", height=5, at=LATER),
        lambda: upgrade.prove_burn(PROOF, nft=NFT, at=LATER),
        lambda: upgrade.reject_burn(FAILURE, at=LATER, proof=PROOF),
        lambda: upgrade.review_burn(PROOF, at=LATER),
        lambda: upgrade.start_mint(at=LATER),
        lambda: upgrade.retry(at=LATER),
        lambda: upgrade.fail_mint(FAILURE, at=LATER),
        lambda: upgrade.complete("S2", successor=successor, holds_owner_lock=True, at=LATER),
        lambda: upgrade.cancel(nft=NFT, at=LATER),
        lambda: upgrade.expire(nft=NFT, at=LATER),
        lambda: upgrade.fail_permanently(FAILURE, nft=NFT, proof=PROOF, at=LATER),
    )
    found: dict[Status, list[Transition]] = {}
    for step in steps:
        try:
            transition = step()
        except (WrongStatus, NotRetryable, CannotCancelAfterBurn):
            continue
        found.setdefault(transition.after.status, []).append(transition)
    return found


@pytest.mark.parametrize("status", list(Status))
def test_the_steps_reach_exactly_the_edges_of_the_table(status: Status) -> None:
    assert set(every_step(new_upgrade(status))) == EDGES[status]


def test_no_path_leads_from_a_proven_burn_to_a_permanent_failure() -> None:
    reachable, frontier = set(BURNED), set(BURNED)
    while frontier:
        frontier = {after for status in frontier for after in EDGES[status]} - reachable
        reachable |= frontier
    assert reachable == BURNED


def test_every_status_before_completion_can_still_reach_it_if_the_nft_is_burned() -> None:
    for start in set(Status) - {Status.FAILED_PERMANENT}:
        reachable, frontier = {start}, {start}
        while frontier:
            frontier = {after for status in frontier for after in EDGES[status]} - reachable
            reachable |= frontier
        assert Status.COMPLETED in reachable, start


@pytest.mark.parametrize("status", list(Status))
def test_every_step_makes_one_event_whose_sequence_is_the_version(status: Status) -> None:
    for transitions in every_step(new_upgrade(status)).values():
        for transition in transitions:
            assert transition.after.version == 2
            assert transition.event.sequence == 2
            assert transition.event.status == transition.after.status
            assert transition.after.last_event_hash == transition.event.hash


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_locks_are_released_exactly_when_an_upgrade_stops_being_active(status: Status) -> None:
    upgrade = new_upgrade(status)
    for after, transitions in every_step(upgrade).items():
        for transition in transitions:
            released = set(transition.releases) == {upgrade.user_lock, upgrade.nft_lock}
            assert released == (after not in ACTIVE)


def test_terminal_statuses_hold_no_lock() -> None:
    assert not TERMINAL & ACTIVE


def test_opening_takes_the_users_and_the_nfts_lock_and_marks_the_nft() -> None:
    transition = open_upgrade(new_upgrade(), nft=NFT)
    kinds = {lock.item for lock in transition.takes}
    assert kinds == {"USER#Wallet1", "NFT#Mint1", "OWNER#Wallet1"}
    assert transition.nfts[0].after.status is NftStatus.UPGRADING
    assert transition.event.type is EventType.UPGRADE_INITIATED


def test_opening_an_nft_that_was_sold_moves_its_owner_lock_to_the_buyer() -> None:
    transition = open_upgrade(new_upgrade(), nft=replace(NFT, owner="Seller"))
    assert transition.releases == (Lock(LockKind.OWNER, "Seller", "Mint1"),)
    assert transition.nfts[0].after.owner == "Wallet1"


def test_an_upgrade_cannot_be_born_in_the_middle_of_its_life() -> None:
    with pytest.raises(WrongStatus):
        open_upgrade(new_upgrade(Status.BURN_CONFIRMED), nft=NFT)


def test_a_proven_burn_takes_permanent_locks_on_the_nft_and_the_signature() -> None:
    transition = new_upgrade(Status.BURN_PENDING).prove_burn(PROOF, nft=NFT, at=LATER)
    assert {lock.item for lock in transition.takes} == {"BURN#Mint1", "SIG#Signature1#Mint1"}
    after = transition.nfts[0].after
    assert (after.status, after.successor) == (NftStatus.BURNED, "Mint2")


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED])
def test_a_late_burn_takes_the_nfts_lock_again_but_not_the_users(status: Status) -> None:
    transition = new_upgrade(status).prove_burn(PROOF, nft=NFT, at=LATER)
    kinds = {lock.kind for lock in transition.takes}
    assert LockKind.NFT in kinds
    assert LockKind.USER not in kinds


def test_a_rejected_burn_can_be_claimed_again_under_a_new_execution_name() -> None:
    claimed = new_upgrade().claim_burn("S1", height=5, at=LATER).after
    rejected = claimed.reject_burn(FAILURE, at=LATER, proof=PROOF).after
    assert (rejected.run, rejected.burn_signature) == (claimed.run + 1, None)


def test_completion_moves_the_owner_lock_to_the_successor() -> None:
    successor = replace(NFT, mint="Mint2", level=2)
    upgrade = new_upgrade(Status.MINT_PENDING)
    moved = upgrade.complete("S2", successor=successor, holds_owner_lock=True, at=LATER)
    kept = upgrade.complete("S2", successor=successor, holds_owner_lock=False, at=LATER)
    assert moved.moves == (Lock(LockKind.OWNER, "Wallet1", "Mint2"),)
    assert kept.moves == ()
    assert moved.after.new_nft_id == "Mint2"


@pytest.mark.parametrize("status", sorted(BURNED | {Status.UNDER_REVIEW}))
def test_nobody_cancels_after_a_burn(status: Status) -> None:
    with pytest.raises(CannotCancelAfterBurn):
        new_upgrade(status).cancel(nft=NFT, at=LATER)


def test_retries_have_no_limit_and_wait_ever_longer_up_to_an_hour() -> None:
    upgrade = new_upgrade(Status.FAILED_RETRYABLE, retry_count=500)
    assert upgrade.retry(at=LATER).after.retry_count == 501
    delays = [retry_delay(count) for count in range(20)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (timedelta(seconds=4), timedelta(hours=1))


def test_every_status_somebody_waits_in_is_looked_at_again_by_the_sweep() -> None:
    for status in Status:
        for after, transitions in every_step(new_upgrade(status)).items():
            for transition in transitions:
                waits = after not in {
                    Status.COMPLETED,
                    Status.FAILED_PERMANENT,
                    Status.UNDER_REVIEW,
                }
                assert (transition.after.due_at is not None) == waits, (status, after)


def test_the_events_of_a_life_form_one_unbroken_chain() -> None:
    opened = open_upgrade(new_upgrade(), nft=NFT)
    claimed = opened.after.claim_burn("S1", height=1, at=LATER)
    proven = claimed.after.prove_burn(PROOF, nft=NFT, at=LATER)
    events = [opened.event, claimed.event, proven.event]
    assert first_broken_link(events) is None
    forged = replace(claimed.event, message="Nothing happened.")
    assert first_broken_link([opened.event, forged, proven.event]) == 2
    assert first_broken_link([opened.event, proven.event]) == 3


def test_a_burns_proof_is_kept_in_its_event() -> None:
    check = Check("V4", "No error", Outcome.PASS, None, "fine", {"err": None})
    proof = replace(PROOF, checks=(check,))
    transition = new_upgrade(Status.BURN_PENDING).prove_burn(proof, nft=NFT, at=LATER)
    assert transition.event.data["proof"]["checks"][0]["rule"] == "V4"
