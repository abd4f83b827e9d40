"""`Upgrades`: what every implementation must do with transitions, events, locks and attempts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from nft_upgrade.domain.errors import (
    AlreadyOwnsNft,
    AlreadyRedeemed,
    BurnAlreadyUsed,
    NftLocked,
    UpgradeActive,
    VersionConflict,
)
from nft_upgrade.domain.events import first_broken_link
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, Status, Submitted, Transition, Upgrade
from nft_upgrade.ports import DUE_SHARDS
from tests.contracts.samples import (
    NOW,
    SECOND,
    attempt,
    claiming,
    failure,
    nft,
    opening,
    proof,
    successor,
)
from tests.contracts.storages import Storage

# --- opening -----------------------------------------------------------------------------------


def test_an_opened_upgrade_reads_back_exactly_as_commit(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    assert storage.upgrades.get(upgrade.id) == upgrade


def test_an_unknown_upgrade_is_none(storage: Storage) -> None:
    assert storage.upgrades.get("no-such") is None
    assert storage.upgrades.events("no-such") == []
    assert storage.upgrades.lock(LockKind.USER, "nobody") is None


def test_many_are_read_at_once_without_those_that_are_none(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    other = registered(storage, nft("other", "bob"))
    second = opening("two", other, user="bob")
    storage.upgrades.commit(second)
    assert storage.upgrades.get_many([upgrade.id, "no-such", "two"]) == {
        upgrade.id: upgrade,
        "two": second.after,
    }


def test_opening_takes_the_users_the_nfts_and_the_owners_lock(storage: Storage) -> None:
    upgrade, row = opened(storage)
    assert lock_holders(storage, upgrade) == (upgrade.id, upgrade.id, row.mint)
    assert storage.nfts.get(row.mint) == replace(row, status=NftStatus.UPGRADING, version=2)


def test_second_upgrade_of_the_same_user_is_refused_with_the_running_id(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    other = registered(storage, nft("other", "nobody"))
    with pytest.raises(UpgradeActive) as refusal:
        storage.upgrades.commit(opening("two", other, user=upgrade.user_id))
    assert refusal.value.extra["upgradeRequestId"] == upgrade.id
    assert storage.upgrades.get("two") is None
    assert storage.upgrades.events("two") == []
    assert storage.nfts.get(other.mint) == other


def test_second_upgrade_of_the_same_nft_is_refused(storage: Storage) -> None:
    _, row = opened(storage)
    current = storage.nfts.get(row.mint)
    assert current is not None
    with pytest.raises(NftLocked):
        storage.upgrades.commit(opening("two", current, user="bob"))
    assert storage.upgrades.lock(LockKind.USER, "bob") is None


def test_a_user_who_owns_another_nft_cannot_open_with_a_second_one(storage: Storage) -> None:
    registered(storage, nft("first", "alice"))
    storage.nfts.take([Lock(LockKind.OWNER, "alice", "mint-first")])
    second = registered(storage, nft("second", "nobody"))
    with pytest.raises(AlreadyOwnsNft):
        storage.upgrades.commit(opening("one", second, user="alice"))


def test_a_bought_nft_frees_the_sellers_owner_lock(storage: Storage) -> None:
    row = registered(storage, nft("sold", "seller"))
    storage.nfts.take([Lock(LockKind.OWNER, "seller", row.mint)])
    storage.upgrades.commit(opening("one", row, user="buyer"))
    assert storage.upgrades.lock(LockKind.OWNER, "seller") is None
    assert storage.upgrades.lock(LockKind.OWNER, "buyer") == Lock(LockKind.OWNER, "buyer", row.mint)


def test_a_bought_nft_leaves_the_owner_lock_of_a_seller_who_has_another_one(
    storage: Storage,
) -> None:
    row = registered(storage, nft("sold", "seller"))
    kept = Lock(LockKind.OWNER, "seller", "mint-kept")
    storage.nfts.take([kept])
    storage.upgrades.commit(opening("one", row, user="buyer"))
    assert storage.upgrades.lock(LockKind.OWNER, "seller") == kept


def test_a_claim_takes_the_nfts_lock_and_leaves_the_users_free(storage: Storage) -> None:
    row = registered(storage, nft("burned", "alice"))
    claim = claiming("claim", row)
    storage.upgrades.commit(claim)
    assert storage.upgrades.get("claim") == claim.after
    assert lock_holders(storage, claim.after) == (None, "claim", row.mint)
    assert storage.nfts.get(row.mint) == replace(row, status=NftStatus.UPGRADING, version=2)
    assert storage.upgrades.count_active(at_most=9) == 1


def test_a_claim_of_an_nft_in_an_upgrade_is_refused(storage: Storage) -> None:
    _, row = opened(storage)
    current = storage.nfts.get(row.mint)
    assert current is not None
    with pytest.raises(NftLocked):
        storage.upgrades.commit(claiming("claim", current, user="bob"))
    assert storage.upgrades.get("claim") is None


def test_a_claims_completion_leaves_the_users_other_upgrade_alone(storage: Storage) -> None:
    running, _ = opened(storage)
    row = registered(storage, nft("second", "nobody"))
    claim = claiming("claim", row, user=running.user_id, takes_owner_lock=False)
    storage.upgrades.commit(claim)
    upgrade = commit(
        storage, claim.after.prove_burn(proof(claim.after), nft=claim.nfts[0].after, at=NOW)
    )
    upgrade = commit(storage, upgrade.start_mint(at=NOW))
    done = upgrade.complete(
        "m1nt", successor=successor(upgrade, at=NOW), holds_owner_lock=False, at=NOW
    )
    storage.upgrades.commit(done)
    assert storage.upgrades.lock(LockKind.USER, running.user_id) == running.user_lock
    burned = storage.nfts.get(row.mint)
    assert burned is not None and burned.burn_signature == upgrade.burn_signature


def test_opening_from_an_outdated_registry_row_is_a_version_conflict(storage: Storage) -> None:
    row = registered(storage, nft("a", "alice"))
    with pytest.raises(VersionConflict):
        storage.upgrades.commit(opening("one", replace(row, version=7)))
    assert storage.upgrades.get("one") is None


# --- transitions -------------------------------------------------------------------------------


def test_a_whole_life_keeps_every_fact_and_an_unbroken_chain_of_events(storage: Storage) -> None:
    upgrade, row = opened(storage)
    upgrade = commit(storage, upgrade.claim_burn("5ig", height=1000, at=NOW + SECOND))
    upgrade = commit(storage, proven(storage, upgrade))
    upgrade = commit(storage, upgrade.start_mint(at=NOW + 3 * SECOND))
    upgrade = commit(storage, upgrade.fail_mint(failure(), at=NOW + 4 * SECOND))
    assert storage.upgrades.get(upgrade.id) == upgrade
    upgrade = commit(storage, upgrade.retry(at=NOW + 5 * SECOND))
    upgrade = commit(storage, completion(upgrade))
    assert storage.upgrades.get(upgrade.id) == upgrade
    events = storage.upgrades.events(upgrade.id)
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert first_broken_link(events) is None
    assert events[2].data["proof"] == proof(upgrade).as_json()
    assert storage.upgrades.events(upgrade.id, after=5) == events[5:]
    assert storage.nfts.get(row.mint).status is NftStatus.BURNED  # type: ignore[union-attr]


def test_completion_releases_locks_moves_the_owners_and_registers_the_successor(
    storage: Storage,
) -> None:
    upgrade = minting(storage)
    done = commit(storage, completion(upgrade))
    assert lock_holders(storage, done) == (None, None, done.successor)
    assert storage.nfts.get(done.successor) == successor(upgrade, at=NOW + 9 * SECOND)
    assert storage.upgrades.lock(LockKind.BURN, done.nft_id) is not None


def test_completion_after_the_owners_lock_moved_is_a_version_conflict(storage: Storage) -> None:
    upgrade = minting(storage)
    stale = completion(upgrade)
    commit(storage, completion(minting(storage, "two", "bob")))
    moved = replace(stale, moves=(Lock(LockKind.OWNER, "bob", upgrade.successor),))
    with pytest.raises(VersionConflict):
        storage.upgrades.commit(moved)
    assert storage.upgrades.get(upgrade.id) == upgrade
    storage.upgrades.commit(stale)


def test_cancelling_releases_the_locks_and_the_user_may_open_again(storage: Storage) -> None:
    upgrade, row = opened(storage)
    current = storage.nfts.get(row.mint)
    assert current is not None
    cancelled = commit(storage, upgrade.cancel(nft=current, at=NOW + SECOND))
    assert lock_holders(storage, cancelled)[:2] == (None, None)
    freed = storage.nfts.get(row.mint)
    assert freed is not None
    storage.upgrades.commit(opening("two", freed, at=NOW + 2 * SECOND))
    assert storage.upgrades.lock(LockKind.USER, "alice") == Lock(LockKind.USER, "alice", "two")


def test_a_late_burns_completion_leaves_the_lock_of_the_users_next_upgrade(
    storage: Storage,
) -> None:
    upgrade, row = opened(storage)
    current = storage.nfts.get(row.mint)
    assert current is not None
    upgrade = commit(storage, upgrade.cancel(nft=current, at=NOW + SECOND))
    upgrade = commit(storage, proven(storage, upgrade))
    other = registered(storage, nft("other", "nobody"))
    takes = (Lock(LockKind.USER, "alice", "two"), Lock(LockKind.NFT, other.mint, "two"))
    storage.upgrades.commit(replace(opening("two", other, user="alice"), takes=takes))
    upgrade = commit(storage, upgrade.start_mint(at=NOW + 5 * SECOND))
    commit(storage, completion(upgrade))
    assert storage.upgrades.lock(LockKind.USER, "alice") == Lock(LockKind.USER, "alice", "two")


def test_committing_the_same_transition_twice_is_the_same_as_once(storage: Storage) -> None:
    row = registered(storage, nft("a", "alice"))
    first = opening("one", row)
    storage.upgrades.commit(first)
    storage.upgrades.commit(first)
    claim = first.after.claim_burn("5ig", height=1, at=NOW + SECOND)
    storage.upgrades.commit(claim)
    storage.upgrades.commit(claim)
    storage.upgrades.commit(first)
    assert storage.upgrades.get("one") == claim.after
    assert len(storage.upgrades.events("one")) == 2


def test_a_repeated_completion_is_the_same_as_once(storage: Storage) -> None:
    done = completion(minting(storage))
    storage.upgrades.commit(done)
    storage.upgrades.commit(done)
    assert storage.upgrades.get(done.after.id) == done.after


def test_of_two_different_transitions_from_one_version_the_second_conflicts(
    storage: Storage,
) -> None:
    upgrade, _ = opened(storage)
    storage.upgrades.commit(upgrade.claim_burn("one", height=1, at=NOW + SECOND))
    with pytest.raises(VersionConflict):
        storage.upgrades.commit(upgrade.claim_burn("two", height=1, at=NOW + SECOND))
    assert storage.upgrades.get(upgrade.id).burn_signature == "one"  # type: ignore[union-attr]
    assert len(storage.upgrades.events(upgrade.id)) == 2


def test_a_burn_signature_proves_one_upgrade_only(storage: Storage) -> None:
    upgrade = minting(storage)
    other, _ = opened(storage, "two", "bob")
    other = commit(storage, other.claim_burn("5ignature", height=1, at=NOW + SECOND))
    theft = proven(storage, other)
    stolen = Lock(LockKind.SIGNATURE, f"5ignature#{upgrade.nft_id}", other.id)
    with pytest.raises(BurnAlreadyUsed):
        storage.upgrades.commit(replace(theft, takes=(stolen,)))
    assert storage.upgrades.get(other.id) == other


def test_a_burned_nft_is_redeemed_by_one_upgrade_only(storage: Storage) -> None:
    upgrade = minting(storage)
    other, _ = opened(storage, "two", "bob")
    other = commit(storage, other.claim_burn("other", height=1, at=NOW + SECOND))
    again = Lock(LockKind.BURN, upgrade.nft_id, other.id)
    with pytest.raises(AlreadyRedeemed):
        storage.upgrades.commit(replace(proven(storage, other), takes=(again,)))


# --- bookkeeping -------------------------------------------------------------------------------


def test_a_note_writes_its_three_facts_and_no_event(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    noted = replace(upgrade, run=2, due_at=NOW + 90 * SECOND, claimed_height=77)
    storage.upgrades.note(upgrade, noted)
    assert storage.upgrades.get(upgrade.id) == noted
    assert len(storage.upgrades.events(upgrade.id)) == 1


def test_a_submitted_transaction_is_kept_and_cosigned_once(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    submitted = Submitted(b"\x01wire", "account", 4_000_000, 300_000_150)
    claimed = commit(storage, upgrade.submit(submitted, "5ignature", at=NOW))
    assert storage.upgrades.get(upgrade.id) == claimed
    signed = claimed.cosigned(bytes(64))
    storage.upgrades.note(claimed, signed)
    storage.upgrades.note(claimed, signed)
    # Other bookkeeping, by somebody who has not seen the signature, leaves it there.
    storage.upgrades.note(claimed, claimed.looked_at_again(NOW))
    found = storage.upgrades.get(upgrade.id)
    assert found is not None and found.submitted == signed.submitted
    freed = claimed.reject_burn(failure(), proof=proof(claimed), at=NOW)
    storage.upgrades.commit(freed)
    assert storage.upgrades.get(upgrade.id) == freed.after
    assert freed.after.submitted is None


def test_a_note_leaves_what_others_noted_meanwhile(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    storage.upgrades.note(upgrade, upgrade.claimed_at_height(7))
    storage.upgrades.note(upgrade, upgrade.looked_at_again(NOW))
    found = storage.upgrades.get(upgrade.id)
    assert found is not None and (found.claimed_height, found.due_at) == (7, NOW)


def test_a_note_on_a_moved_upgrade_is_a_version_conflict(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    storage.upgrades.commit(upgrade.claim_burn("5ig", height=1, at=NOW + SECOND))
    with pytest.raises(VersionConflict):
        storage.upgrades.note(upgrade, upgrade.looked_at_again(NOW + SECOND))


def test_of_two_notes_that_number_an_execution_the_second_conflicts(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    storage.upgrades.note(upgrade, upgrade.run_again(at=NOW + SECOND))
    with pytest.raises(VersionConflict):
        storage.upgrades.note(upgrade, upgrade.run_again(at=NOW + 2 * SECOND))


def test_a_repeated_note_is_the_same_as_once(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    noted = upgrade.run_again(at=NOW + SECOND)
    storage.upgrades.note(upgrade, noted)
    storage.upgrades.note(upgrade, noted)
    assert storage.upgrades.get(upgrade.id) == noted


def test_a_note_on_an_unknown_upgrade_is_a_version_conflict(storage: Storage) -> None:
    upgrade = opening("one", nft("a", "alice")).after
    with pytest.raises(VersionConflict):
        storage.upgrades.note(upgrade, upgrade.looked_at_again(None))
    assert storage.upgrades.get("one") is None


def test_a_transition_keeps_a_height_noted_meanwhile(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    upgrade = commit(storage, upgrade.claim_burn("5ig", height=None, at=NOW + SECOND))
    storage.upgrades.note(upgrade, upgrade.claimed_at_height(500))
    commit(storage, upgrade.review_burn(proof(upgrade), at=NOW + 2 * SECOND))
    assert storage.upgrades.get(upgrade.id).claimed_height == 500  # type: ignore[union-attr]


def test_a_transition_that_does_not_know_the_newest_run_conflicts(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    upgrade = commit(storage, upgrade.claim_burn("5ig", height=1, at=NOW + SECOND))
    storage.upgrades.note(upgrade, upgrade.run_again(at=NOW + SECOND))
    with pytest.raises(VersionConflict):
        commit(storage, upgrade.reject_burn(failure(), at=NOW + SECOND, proof=proof(upgrade)))


def test_due_requests_come_oldest_first_from_their_shard(storage: Storage) -> None:
    names = [f"due-{number}" for number in range(12)]
    for number, name in enumerate(names):
        opened(storage, name, f"user-{name}", seconds=-number)
    late = NOW + 30 * SECOND
    shards = [storage.upgrades.due(before=late, limit=50, shard=s) for s in range(DUE_SHARDS)]
    assert sorted(u.id for shard in shards for u in shard) == sorted(names)
    for shard in shards:
        assert [u.due_at for u in shard] == sorted(u.due_at for u in shard if u.due_at)
        assert all(u == storage.upgrades.get(u.id) for u in shard)
    fullest = max(range(DUE_SHARDS), key=lambda number: len(shards[number]))
    cut = storage.upgrades.due(before=late, limit=2, shard=fullest)
    assert cut == shards[fullest][:2]


def test_what_is_not_due_yet_or_never_is_not_found(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    assert all_due(storage, NOW + 29 * SECOND) == []
    storage.upgrades.note(upgrade, upgrade.looked_at_again(None))
    assert all_due(storage, NOW + timedelta(days=1000)) == []


def test_active_requests_are_counted_no_further_than_asked(storage: Storage) -> None:
    assert storage.upgrades.count_active(at_most=5) == 0
    for number in range(6):
        opened(storage, f"active-{number}", f"user-{number}")
    assert storage.upgrades.count_active(at_most=100) == 6
    assert storage.upgrades.count_active(at_most=4) == 4
    assert storage.upgrades.count_active(at_most=0) == 0


def test_ended_requests_are_not_active(storage: Storage) -> None:
    commit(storage, completion(minting(storage)))
    upgrade, row = opened(storage, "two", "bob")
    current = storage.nfts.get(row.mint)
    assert current is not None
    commit(storage, upgrade.cancel(nft=current, at=NOW + SECOND))
    assert storage.upgrades.count_active(at_most=10) == 0


# --- the user's requests -----------------------------------------------------------------------


def test_pages_hold_every_request_once_newest_first(storage: Storage) -> None:
    for number in range(5):
        cancelled(storage, f"page-{number}", seconds=number)
    opened(storage, "foreign", "bob")
    pages, cursor = [], None
    while True:
        page = storage.upgrades.of_user("alice", status=None, limit=2, cursor=cursor)
        pages.append([upgrade.id for upgrade in page.upgrades])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [["page-4", "page-3"], ["page-2", "page-1"], ["page-0"]]


def test_an_exactly_full_last_page_has_no_cursor(storage: Storage) -> None:
    for number in range(2):
        cancelled(storage, f"page-{number}", seconds=number)
    page = storage.upgrades.of_user("alice", status=None, limit=2, cursor=None)
    assert len(page.upgrades) == 2
    assert page.next_cursor is None


def test_pages_by_status_are_full_although_others_lie_between(storage: Storage) -> None:
    for number in range(4):
        cancelled(storage, f"page-{number}", seconds=number)
    open_ = storage.nfts.get("mint-alice")
    assert open_ is not None
    storage.upgrades.commit(opening("open", open_, at=NOW + 90 * SECOND))
    page = storage.upgrades.of_user("alice", status=Status.CANCELLED, limit=3, cursor=None)
    assert [upgrade.id for upgrade in page.upgrades] == ["page-3", "page-2", "page-1"]
    rest = storage.upgrades.of_user(
        "alice", status=Status.CANCELLED, limit=3, cursor=page.next_cursor
    )
    assert [upgrade.id for upgrade in rest.upgrades] == ["page-0"]


@pytest.mark.parametrize("cursor", ["x", "not base64 !", "bnVsbA", "W10", "\udc80", "é"])
def test_a_cursor_that_is_not_ours_is_a_value_error(storage: Storage, cursor: str) -> None:
    with pytest.raises(ValueError):
        storage.upgrades.of_user("alice", status=None, limit=2, cursor=cursor)


# --- the outbox --------------------------------------------------------------------------------


def test_unpublished_events_come_oldest_first_until_they_are_marked(storage: Storage) -> None:
    for number in range(6):
        opened(storage, f"out-{number}", f"user-{number}", seconds=-number)
    late = NOW + 60 * SECOND
    found = storage.upgrades.unpublished(before=late, limit=50)
    assert [event.upgrade_id for event in found] == [f"out-{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert storage.upgrades.unpublished(before=late, limit=2) == found[:2]
    for event in found[:5]:
        storage.upgrades.mark_published(event, at=late)
        storage.upgrades.mark_published(event, at=late)
    assert storage.upgrades.unpublished(before=late, limit=50) == found[5:]
    assert storage.upgrades.events("out-5") == [found[0]]


def test_what_is_held_back_leaves_the_outbox_for_a_queue_of_its_own(storage: Storage) -> None:
    for number in range(4):
        opened(storage, f"out-{number}", f"user-{number}", seconds=number)
    late = NOW + 60 * SECOND
    found = storage.upgrades.unpublished(before=late, limit=50)
    assert storage.upgrades.held_back(limit=50) == []
    for number in (2, 0, 1):
        storage.upgrades.hold_back(found[number], at=late + (2 - number) * SECOND)
    assert storage.upgrades.unpublished(before=late, limit=1) == found[3:]
    assert storage.upgrades.held_back(limit=2) == [found[2], found[1]]
    storage.upgrades.hold_back(found[2], at=late + 9 * SECOND)
    assert storage.upgrades.held_back(limit=50) == [found[1], found[0], found[2]]
    storage.upgrades.mark_published(found[1], at=late)
    storage.upgrades.hold_back(found[1], at=late)
    assert storage.upgrades.held_back(limit=50) == [found[0], found[2]]
    assert storage.upgrades.unpublished(before=late + 60 * SECOND, limit=50) == found[3:]


def test_young_events_are_left_to_the_stream(storage: Storage) -> None:
    opened(storage)
    assert storage.upgrades.unpublished(before=NOW, limit=10) == []


def test_events_and_requests_do_not_mix_in_their_indexes(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    late = NOW + 60 * SECOND
    assert [u.id for u in all_due(storage, late)] == [upgrade.id]
    assert [e.event_id for e in storage.upgrades.unpublished(before=late, limit=9)] == ["one:1"]


# --- attempts ----------------------------------------------------------------------------------


def test_attempts_read_back_in_order(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    written = [attempt(upgrade, number) for number in (1, 2, 10)]
    for one in reversed(written):
        storage.upgrades.add_attempt(one)
    assert storage.upgrades.attempts(upgrade.id) == written
    assert len(storage.upgrades.events(upgrade.id)) == 1


def test_another_attempt_of_the_same_number_is_a_version_conflict(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    storage.upgrades.add_attempt(attempt(upgrade))
    storage.upgrades.add_attempt(attempt(upgrade))
    with pytest.raises(VersionConflict):
        storage.upgrades.add_attempt(attempt(upgrade, seed="other"))
    assert storage.upgrades.attempts(upgrade.id) == [attempt(upgrade)]


def test_an_attempt_is_signed_once(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    storage.upgrades.add_attempt(attempt(upgrade))
    signed = storage.upgrades.sign_attempt(attempt(upgrade), b"s" * 64)
    assert signed == replace(attempt(upgrade), signature=b"s" * 64)
    assert storage.upgrades.sign_attempt(attempt(upgrade), b"s" * 64) == signed
    with pytest.raises(VersionConflict):
        storage.upgrades.sign_attempt(attempt(upgrade), b"t" * 64)
    assert storage.upgrades.attempts(upgrade.id) == [signed]


def test_an_attempt_that_was_not_written_cannot_be_signed(storage: Storage) -> None:
    upgrade, _ = opened(storage)
    with pytest.raises(VersionConflict):
        storage.upgrades.sign_attempt(attempt(upgrade), b"s" * 64)
    storage.upgrades.add_attempt(attempt(upgrade, seed="other"))
    with pytest.raises(VersionConflict):
        storage.upgrades.sign_attempt(attempt(upgrade), b"s" * 64)


# --- how ---------------------------------------------------------------------------------------


def registered(storage: Storage, row: Nft) -> Nft:
    storage.nfts.register(row, takes=())
    return row


def opened(
    storage: Storage, name: str = "one", user: str = "alice", *, seconds: int = 0
) -> tuple[Upgrade, Nft]:
    row = registered(storage, nft(user, user))
    at = NOW + seconds * SECOND
    return commit(storage, opening(name, row, at=at)), row


def cancelled(storage: Storage, name: str, *, seconds: int) -> Upgrade:
    at = NOW + seconds * SECOND
    row = storage.nfts.get("mint-alice") or registered(storage, nft("alice", "alice"))
    upgrade = commit(storage, opening(name, row, at=at))
    current = storage.nfts.get(row.mint)
    assert current is not None
    return commit(storage, upgrade.cancel(nft=current, at=at))


def proven(storage: Storage, upgrade: Upgrade) -> Transition:
    current = storage.nfts.get(upgrade.nft_id)
    assert current is not None
    return upgrade.prove_burn(proof(upgrade), nft=current, at=NOW + 2 * SECOND)


def minting(storage: Storage, name: str = "one", user: str = "alice") -> Upgrade:
    upgrade, _ = opened(storage, name, user)
    upgrade = commit(storage, proven(storage, upgrade))
    return commit(storage, upgrade.start_mint(at=NOW + 3 * SECOND))


def completion(upgrade: Upgrade) -> Transition:
    at = NOW + 9 * SECOND
    row = successor(upgrade, at=at)
    return upgrade.complete("m1nt", successor=row, holds_owner_lock=True, at=at)


def commit(storage: Storage, transition: Transition) -> Upgrade:
    storage.upgrades.commit(transition)
    return transition.after


def lock_holders(storage: Storage, upgrade: Upgrade) -> tuple[str | None, str | None, str | None]:
    locks = (
        storage.upgrades.lock(LockKind.USER, upgrade.user_id),
        storage.upgrades.lock(LockKind.NFT, upgrade.nft_id),
        storage.upgrades.lock(LockKind.OWNER, upgrade.user_id),
    )
    user, nft_, owner = (lock.holder if lock else None for lock in locks)
    return user, nft_, owner


def all_due(storage: Storage, before: object) -> list[Upgrade]:
    return [
        upgrade
        for shard in range(DUE_SHARDS)
        for upgrade in storage.upgrades.due(before=before, limit=10, shard=shard)  # type: ignore[arg-type]
    ]


def test_everything_queued_is_walked_once_page_by_page(storage: Storage) -> None:
    rows = [nft(f"q{number}", f"owner-{number}") for number in range(9)]
    for row in rows:
        storage.nfts.register(row, takes=())
        storage.upgrades.commit(opening(f"walk-{row.mint}", row))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = storage.upgrades.queued(limit=2, cursor=cursor)
        assert len(page) <= 2
        seen += [upgrade.id for upgrade in page]
        if cursor is None:
            break
    assert sorted(seen) == [f"walk-{row.mint}" for row in rows]
    with pytest.raises(ValueError):
        storage.upgrades.queued(limit=2, cursor="not ours")
