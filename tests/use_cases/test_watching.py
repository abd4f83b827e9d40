"""What an operator sees: who waits, what is stuck, and that one dead part hides no other."""

from dataclasses import replace

import pytest

from nft_upgrade.domain.errors import NotFound, StorageUnavailable
from nft_upgrade.domain.operations import is_sound
from nft_upgrade.domain.upgrade import Review, Status
from nft_upgrade.ports import Readings
from nft_upgrade.use_cases.watching import STUCK_AFTER, is_stuck
from tests.use_cases.test_operating import failed
from tests.use_cases.test_reviewing import reviewed
from tests.use_cases.world import ALICE, BASE, BOB, NFT_1, NFT_2, World

BY = Review("W", "because")


def test_nobody_waits_who_has_not_burned() -> None:
    world = World()
    world.opened()
    seen = world.watching.overview()
    assert (seen.active, len(seen.people.waiting), seen.people.oldest_seconds) == (1, 0, 0)


def test_who_has_burned_waits_since_the_burn_and_is_stuck_after_ten_minutes() -> None:
    world = World()
    upgrade = world.burned()
    assert upgrade.burned_at is not None
    world.clock.set(upgrade.burned_at + STUCK_AFTER)
    seen = world.watching.overview().people
    assert [each.id for each in seen.waiting] == [upgrade.id]
    assert (seen.oldest_seconds, seen.stuck, seen.held) == (600, 1, 0)
    world.clock.set(upgrade.burned_at + STUCK_AFTER * 0.9)
    assert world.watching.overview().people.stuck == 0


def test_a_burn_under_review_waits_for_a_person() -> None:
    world = World()
    upgrade = reviewed(world)
    world.clock.advance(hours=1)
    seen = world.watching.overview().people
    assert ([each.id for each in seen.waiting], seen.held, seen.stuck) == ([upgrade.id], 1, 1)


def test_a_completed_upgrade_waits_no_more() -> None:
    world = World()
    done = world.run_workflow(world.burned())
    assert world.watching.overview().people.waiting == []
    assert not is_stuck(done, world.clock.advance(days=1))


def test_events_that_kafka_does_not_have_are_counted_with_the_oldest_ones_age() -> None:
    world = World()
    world.opened()
    world.clock.advance(seconds=90)
    backlog = world.watching.overview().backlog
    assert (backlog.unpublished, backlog.oldest_seconds) == (1, 90)


def test_wallet_switch_and_readings_are_told() -> None:
    world = World()
    world.operating.pause(BY)
    world.instruments.readings = Readings(7, {"nft-audit": None})
    seen = world.watching.overview()
    assert seen.paused == "because"
    assert (seen.wallet, seen.lamports) == (BASE, world.chain.balance(BASE))
    assert seen.readings.relay_streams == 7


def test_while_solana_is_away_all_else_is_seen() -> None:
    world = World()
    upgrade = world.burned()
    world.chain.down = "no provider"
    seen = world.watching.overview()
    assert seen.lamports is None
    assert [each.id for each in seen.people.waiting] == [upgrade.id]


def three_waiting(world: World) -> list[str]:
    """The longest wait first."""
    first = world.burned()
    ids = [first.id]
    for number in range(2):
        copy = replace(first, id=f"{first.id[:-1]}{'XY'[number]}")
        world.store.upgrades[copy.id] = replace(copy, burned_at=world.clock.advance(seconds=60))
        ids.append(copy.id)
    return ids


def test_pages_follow_each_other_and_the_longest_wait_is_first() -> None:
    world = World()
    ids = three_waiting(world)
    people, page = world.watching.waiting(limit=2, after=None)
    _, rest = world.watching.waiting(limit=2, after=page[-1].id)
    assert [each.id for each in [*page, *rest]] == ids
    assert len(people.waiting) == 3


def test_a_page_goes_on_after_one_who_waits_no_more() -> None:
    world = World()
    _, second, third = three_waiting(world)
    last = world.store.upgrades[second]
    world.store.upgrades[second] = replace(last, status=Status.COMPLETED, due_at=None)
    _, page = world.watching.waiting(limit=2, after=second)
    assert [each.id for each in page] == [third]


def test_a_place_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        World().watching.waiting(limit=2, after="nowhere")


def test_a_case_has_history_attempts_and_the_proof_that_was_kept() -> None:
    world = World()
    upgrade = failed(world)
    world.minting.try_again(upgrade)
    world.minting.prepare(upgrade.id)
    case = world.watching.case(upgrade.id)
    assert case.events[-1].type == "retry_started"
    assert [attempt.number for attempt in case.attempts] == [1]
    assert case.proof is not None and case.proof["verdict"] == "proven"


def test_a_case_of_nobody_is_not_found() -> None:
    with pytest.raises(NotFound):
        World().watching.case("01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_the_journal_is_read_page_by_page_and_checked() -> None:
    world = World()
    for number in range(3):
        world.operating.pause(Review("W", f"reason {number}"))
    page, sound = world.watching.entries(limit=2, before=None)
    rest, _ = world.watching.entries(limit=2, before=page[-1].number)
    assert [entry.reason for entry in [*page, *rest]] == ["reason 2", "reason 1", "reason 0"]
    assert sound and is_sound([*page, *rest])
    world.journal.entries[2] = replace(world.journal.entries[2], reason="never said")
    assert world.watching.entries(limit=2, before=None)[1] is False


def test_without_the_tables_nothing_is_known() -> None:
    world = World()

    def away(**_: object) -> int:
        raise StorageUnavailable("no answer")

    world.upgrades.count_active = away  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        world.watching.overview()


def test_both_who_wait_since_the_same_moment_are_on_one_page_each() -> None:
    world = World()
    for owner, mint in ((ALICE, NFT_1), (BOB, NFT_2)):
        upgrade = world.opened(owner, mint)
        world.upgrades.commit(
            upgrade.claim_burn(f"burn of {mint}", height=None, at=world.clock.now())
        )
    seen: list[str] = []
    while (page := world.watching.waiting(limit=1, after=seen[-1] if seen else None)[1]) != []:
        seen += [each.id for each in page]
    assert len(set(seen)) == len(seen) == 2
