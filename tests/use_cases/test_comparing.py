"""The sweep compares registry, chain and requests, repairs what it may, and calls a human."""

from dataclasses import replace

from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, Status
from nft_upgrade.use_cases.comparing import BOOKMARK, MISMATCH, CompareReport, Comparing
from tests.chain_builders import keypair
from tests.use_cases.world import ALICE, BOB, NFT_1, NFT_2, World


def compared(world: World) -> CompareReport:
    """A run over rows that have come to rest."""
    world.clock.advance(minutes=6)
    return world.comparing.run()


def test_an_ordinary_life_is_legal_at_every_step() -> None:
    world = World()
    world.give_nft()
    assert legal(world)
    upgrade = world.open().upgrade
    assert legal(world)
    signature = world.chain.burn(ALICE, NFT_1)
    assert legal(world)  # burned, not final
    world.chain.finalize()
    assert legal(world)
    world.burning.confirm(ALICE, upgrade.id, signature)
    world.burning.verify(upgrade.id)
    assert legal(world)
    world.minting.prepare(upgrade.id)
    world.minting.submit(upgrade.id)
    world.chain.finalize()
    assert legal(world)
    world.minting.complete(upgrade.id)
    assert legal(world)
    assert len(world.alerts) == 0


def legal(world: World) -> bool:
    report = compared(world)
    return report.compared > 0 and not (report.repaired or report.paged or report.faults)


def test_a_row_that_waits_for_no_request_is_freed() -> None:
    world = World()
    nft = world.give_nft()
    world.store.nfts[NFT_1] = nft.moved_to(NftStatus.UPGRADING, at=world.clock.now())
    assert compared(world).repaired == [f"{NFT_1}: row_held_by_nobody"]
    assert world.nfts[NFT_1].status is NftStatus.ACTIVE
    assert world.open().upgrade.status is Status.INITIATED


def test_a_sold_nft_follows_its_holder_and_the_owners_lock_goes_along() -> None:
    world = World()
    world.give_nft()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    assert compared(world).repaired == [f"{NFT_1}: holder_changed"]
    assert world.nfts[NFT_1].owner == BOB
    assert world.upgrades.lock(LockKind.OWNER, ALICE) is None
    assert world.upgrades.lock(LockKind.OWNER, BOB) == Lock(LockKind.OWNER, BOB, NFT_1)


def test_a_holder_who_has_an_nft_already_keeps_the_lock_of_that_one() -> None:
    world = World()
    world.give_nft()
    world.give_nft(BOB, NFT_2)
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    compared(world)
    assert world.nfts[NFT_1].owner == BOB
    assert world.upgrades.lock(LockKind.OWNER, BOB) == Lock(LockKind.OWNER, BOB, NFT_2)


def test_an_nft_that_is_being_upgraded_is_left_to_its_request_whoever_holds_it() -> None:
    world = World()
    world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    assert legal(world)
    assert world.nfts[NFT_1].owner == ALICE


def test_a_burn_outside_any_request_waits_for_its_owners_claim() -> None:
    world = World()
    world.give_nft()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    compared(world)
    assert legal(world)
    assert world.nfts[NFT_1].status is NftStatus.ACTIVE


def test_a_successor_without_the_mark_of_its_burn_calls_a_human() -> None:
    world = World()
    world.run_workflow(world.claimed())
    del world.store.locks[Lock(LockKind.BURN, NFT_1, "").item]
    report = compared(world)
    assert report.paged == [f"{NFT_1}: redeemed_without_mark"]
    metric, facts = world.alerts.calls[0]
    assert (metric, facts["code"], facts["mint"]) == (MISMATCH, "redeemed_without_mark", NFT_1)


def test_a_burned_row_whose_nft_lives_calls_a_human() -> None:
    world = World()
    nft = world.give_nft()
    world.store.nfts[NFT_1] = nft.moved_to(NftStatus.BURNED, at=world.clock.now())
    assert compared(world).paged == [f"{NFT_1}: burned_but_alive"]


def test_a_proven_burn_that_nobody_mints_for_calls_a_human() -> None:
    world = World()
    upgrade = world.burned()
    del world.store.locks[upgrade.nft_lock.item]
    assert compared(world).paged == [f"{NFT_1}: owed_by_nobody"]


def test_a_lock_of_a_request_that_has_ended_is_released() -> None:
    world = World()
    upgrade = world.opened()
    world.ending.cancel(ALICE, upgrade.id)
    stale = upgrade.nft_lock
    world.store.locks[stale.item] = stale
    assert compared(world).repaired == [f"{NFT_1}: lock_stale"]
    assert world.upgrades.lock(LockKind.NFT, NFT_1) is None
    assert legal(world)


def test_a_row_behind_its_proven_burn_is_marked_burned() -> None:
    world = World()
    done = world.run_workflow(world.claimed())
    restored = replace(world.nfts[NFT_1], status=NftStatus.ACTIVE, successor=None)
    world.store.nfts[NFT_1] = restored
    assert compared(world).repaired == [f"{NFT_1}: redeemed_row_behind"]
    row = world.nfts[NFT_1]
    assert (row.status, row.successor) == (NftStatus.BURNED, done.successor)


def test_a_row_that_changed_a_moment_ago_is_left_alone() -> None:
    world = World()
    nft = world.give_nft()
    world.store.nfts[NFT_1] = nft.moved_to(NftStatus.BURNED, at=world.clock.now())
    world.clock.advance(minutes=4)
    assert world.comparing.run().compared == 0
    assert len(world.alerts) == 0


def test_rows_are_taken_in_turn_and_a_run_goes_on_where_the_last_one_stopped() -> None:
    world = many_rows(120)
    world.comparing = comparing_some(world, 50)
    seen = [compared(world).compared for _ in range(4)]
    assert seen == [50, 50, 20, 50]


def test_a_bookmark_that_leads_nowhere_begins_anew() -> None:
    world = many_rows(3)
    world.bookmarks.put(BOOKMARK, "no such place")
    assert compared(world).compared == 3


def test_a_chain_that_is_away_repairs_nothing_and_calls_nobody() -> None:
    world = World()
    nft = world.give_nft()
    world.store.nfts[NFT_1] = nft.moved_to(NftStatus.UPGRADING, at=world.clock.now())
    world.chain.down = "maintenance"
    report = compared(world)
    assert report.faults and not report.repaired
    assert world.nfts[NFT_1].status is NftStatus.UPGRADING


def test_the_sweep_compares_and_its_report_tells() -> None:
    world = World()
    nft = world.give_nft()
    world.store.nfts[NFT_1] = nft.moved_to(NftStatus.UPGRADING, at=world.clock.now())
    world.clock.advance(minutes=6)
    report = world.sweeping.run()
    assert (report.compared, report.repaired) == (1, [f"{NFT_1}: row_held_by_nobody"])


def many_rows(count: int) -> World:
    world = World()
    for number in range(count):
        owner, mint = (str(keypair(f"{kind} {number}").pubkey()) for kind in ("owner", "mint"))
        world.give_nft(owner, mint)
    return world


def comparing_some(world: World, rows: int) -> Comparing:
    return replace(world.comparing, rows_per_run=rows)


def test_who_burned_outside_may_have_another_nft_and_still_claim() -> None:
    world = World()
    world.give_nft(level=default_catalogue().top)
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    assert compared(world).repaired == [f"{NFT_1}: burned_outside"]
    assert world.upgrades.lock(LockKind.OWNER, ALICE) is None
    assert compared(world).repaired == []
    world.give_nft(ALICE, NFT_2)
    assert world.open(ALICE, NFT_2).upgrade.status is Status.INITIATED


def test_a_claim_needs_no_owners_lock() -> None:
    world = World()
    world.give_nft()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    compared(world)
    upgrade = world.claiming.claim(ALICE, mint=NFT_1, burn_signature=None).upgrade
    assert upgrade is not None
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED
    assert world.upgrades.lock(LockKind.OWNER, ALICE) == Lock(LockKind.OWNER, ALICE, done.successor)
