"""`Nfts`: the registry, first registrations and their locks."""

from dataclasses import replace

import pytest

from nft_upgrade.domain.errors import AlreadyOwnsNft, AlreadyRedeemed, VersionConflict
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, NftChange
from tests.contracts.samples import NOW, SECOND, nft
from tests.contracts.storages import Storage


def claim_locks(row: Nft, claim: str = "claim-1") -> tuple[Lock, Lock]:
    return (
        Lock(LockKind.CLAIM, claim, row.owner),
        Lock(LockKind.OWNER, row.owner, row.mint),
    )


def test_a_registered_nft_reads_back_exactly(storage: Storage) -> None:
    row = replace(
        nft("a", "alice"),
        predecessor="old",
        successor="new",
        mint_signature="m1nt",
        burn_signature="burn",
        status=NftStatus.BURNED,
    )
    storage.nfts.register(row, takes=claim_locks(row))
    assert storage.nfts.get(row.mint) == row
    assert storage.nfts.get("unknown") is None


def test_registering_again_for_the_same_claim_is_the_same_as_once(storage: Storage) -> None:
    row = nft("a", "alice")
    storage.nfts.register(row, takes=claim_locks(row))
    storage.nfts.register(row, takes=claim_locks(row))
    assert storage.nfts.owned_by("alice") == [row]


def test_a_second_nft_for_the_same_owner_is_refused_whole(storage: Storage) -> None:
    first, second = nft("a", "alice"), nft("b", "alice")
    storage.nfts.register(first, takes=claim_locks(first))
    with pytest.raises(AlreadyOwnsNft):
        storage.nfts.register(second, takes=claim_locks(second, "claim-2"))
    assert storage.nfts.get(second.mint) is None
    assert storage.upgrades.lock(LockKind.CLAIM, "claim-2") is None


def test_a_claim_of_another_recipient_is_refused(storage: Storage) -> None:
    first, second = nft("a", "alice"), nft("b", "bob")
    storage.nfts.register(first, takes=claim_locks(first))
    with pytest.raises(AlreadyRedeemed):
        storage.nfts.register(second, takes=claim_locks(second))
    assert storage.nfts.get(second.mint) is None


def test_locks_are_taken_all_or_none_and_again_by_the_same_holder(storage: Storage) -> None:
    row = nft("a", "alice")
    storage.nfts.take(claim_locks(row))
    storage.nfts.take(claim_locks(row))
    other = nft("b", "alice")
    with pytest.raises(AlreadyOwnsNft):
        storage.nfts.take(claim_locks(other, "claim-2"))
    assert storage.upgrades.lock(LockKind.CLAIM, "claim-2") is None
    assert storage.upgrades.lock(LockKind.OWNER, "alice") == claim_locks(row)[1]


def test_an_owners_nfts_come_newest_first(storage: Storage) -> None:
    rows = [nft(f"n{number}", "alice", at=NOW + number * SECOND) for number in range(3)]
    for row in (*rows, nft("foreign", "bob")):
        storage.nfts.register(row, takes=())
    assert storage.nfts.owned_by("alice") == rows[::-1]
    assert storage.nfts.owned_by("nobody") == []


def test_a_repair_changes_the_row_and_its_locks_together(storage: Storage) -> None:
    row = nft("a", "alice")
    storage.nfts.register(row, takes=claim_locks(row))
    moved = row.moved_to(NftStatus.ACTIVE, at=NOW + SECOND, owner="bob")
    takes = (Lock(LockKind.OWNER, "bob", row.mint),)
    releases = (Lock(LockKind.OWNER, "alice", row.mint), Lock(LockKind.CLAIM, "claim-1", "carol"))
    storage.nfts.change(NftChange(row, moved), takes=takes, releases=releases)
    assert storage.nfts.get(row.mint) == moved
    assert storage.upgrades.lock(LockKind.OWNER, "alice") is None
    assert storage.upgrades.lock(LockKind.OWNER, "bob") == takes[0]
    assert storage.upgrades.lock(LockKind.CLAIM, "claim-1") is not None  # somebody else's


def test_a_repair_of_a_row_that_moved_meanwhile_changes_nothing(storage: Storage) -> None:
    row = nft("a", "alice")
    storage.nfts.register(row, takes=claim_locks(row))
    once = row.moved_to(NftStatus.UPGRADING, at=NOW + SECOND)
    storage.nfts.change(NftChange(row, once))
    late = row.moved_to(NftStatus.ACTIVE, at=NOW + SECOND, owner="bob")
    with pytest.raises(VersionConflict):
        storage.nfts.change(NftChange(row, late), releases=claim_locks(row))
    assert storage.nfts.get(row.mint) == once
    assert storage.upgrades.lock(LockKind.OWNER, "alice") is not None


def test_a_repair_that_needs_another_owners_lock_changes_nothing(storage: Storage) -> None:
    first, second = nft("a", "alice"), nft("b", "bob")
    for row, claim in ((first, "claim-1"), (second, "claim-2")):
        storage.nfts.register(row, takes=claim_locks(row, claim))
    moved = first.moved_to(NftStatus.ACTIVE, at=NOW + SECOND, owner="bob")
    with pytest.raises(AlreadyOwnsNft):
        takes = (Lock(LockKind.OWNER, "bob", first.mint),)
        storage.nfts.change(NftChange(first, moved), takes=takes)
    assert storage.nfts.get(first.mint) == first


def test_many_locks_are_read_at_once_in_the_order_asked(storage: Storage) -> None:
    row = nft("a", "alice")
    storage.nfts.register(row, takes=claim_locks(row))
    wanted = [
        (LockKind.OWNER, "nobody"),
        (LockKind.OWNER, "alice"),
        (LockKind.CLAIM, "claim-1"),
        (LockKind.OWNER, "alice"),
    ]
    claim, owner = claim_locks(row)
    assert storage.upgrades.locks(wanted) == [None, owner, claim, owner]
    assert storage.upgrades.locks([]) == []


def test_all_rows_come_once_page_by_page(storage: Storage) -> None:
    rows = [nft(f"n{number}", "alice") for number in range(5)]
    for row in rows:
        storage.nfts.register(row, takes=())
    seen: list[Nft] = []
    page, cursor = storage.nfts.all(limit=2, cursor=None)
    sizes = [len(page)]
    seen.extend(page)
    while cursor is not None:
        page, cursor = storage.nfts.all(limit=2, cursor=cursor)
        sizes.append(len(page))
        seen.extend(page)
    assert sizes == [2, 2, 1]
    assert sorted(row.mint for row in seen) == [row.mint for row in rows]
    with pytest.raises(ValueError):
        storage.nfts.all(limit=2, cursor="not ours")


def test_a_bookmark_is_where_it_was_put_last(storage: Storage) -> None:
    assert storage.bookmarks.get("walk") is None
    storage.bookmarks.put("walk", "here")
    storage.bookmarks.put("other", "there")
    assert storage.bookmarks.get("walk") == "here"
    storage.bookmarks.put("walk", None)
    assert storage.bookmarks.get("walk") is None
