"""The sweep finds what streams, executions and browsers missed, and harms nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from nft_upgrade.domain.burn import ObservedMint
from nft_upgrade.domain.errors import ProvidersDisagree
from nft_upgrade.domain.upgrade import LockKind, Status
from nft_upgrade.use_cases.burn_search import from_both_ends
from tests.chain_builders import keypair
from tests.fakes.chain import FakeChain
from tests.use_cases.world import ALICE, BOB, NFT_1, NFT_2, World


def test_a_burn_that_nobody_confirmed_is_found_and_proven() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.clock.advance(seconds=31)
    report = world.sweeping.run()
    assert report.found_burns == 1
    assert world.now(upgrade).burn_signature == signature
    assert world.workflow.started == [(upgrade.id, 1)]
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_a_burn_by_another_hand_that_nobody_confirmed_goes_to_an_operator() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.burn(ALICE, NFT_1, authority=BOB)
    world.chain.finalize()
    world.clock.advance(minutes=31)
    report = world.sweeping.run()
    assert (report.found_burns, report.expired, report.faults) == (1, 0, [])
    assert world.burning.verify(upgrade.id).status is Status.UNDER_REVIEW


def test_an_unburned_request_expires_when_its_time_is_over() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    assert world.sweeping.run().expired == 1
    assert world.status_of(upgrade) is Status.EXPIRED
    assert world.upgrades.lock(LockKind.USER, ALICE) is None


def test_nobody_expires_while_the_providers_contradict_each_other_about_the_nft() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    world.chain.is_disputed = True
    assert world.sweeping.run().faults[0].startswith(f"{upgrade.id}: ProvidersDisagree")
    assert world.status_of(upgrade) is Status.INITIATED
    world.chain.is_disputed = False
    world.clock.advance(minutes=1)
    assert world.sweeping.run().expired == 1


def test_a_request_whose_nft_is_burned_does_not_expire() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.burn(ALICE, NFT_1)
    world.chain.advance(2)
    world.clock.advance(minutes=31)
    world.sweeping.run()
    assert world.status_of(upgrade) is Status.INITIATED
    world.chain.finalize()
    world.clock.advance(seconds=31)
    world.sweeping.run()
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_an_open_request_within_its_time_is_left_alone() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(seconds=31)
    report = world.sweeping.run()
    assert (report.watched, report.expired, report.faults) == (1, 0, [])
    assert world.status_of(upgrade) is Status.INITIATED
    again = world.sweeping.run()
    assert (again.watched, again.walked) == (0, 1)


def test_a_late_burn_of_an_expired_request_is_found() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    world.sweeping.run()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.clock.advance(minutes=6)
    world.sweeping.run()
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_a_given_up_request_is_watched_ever_more_rarely_and_then_no_more() -> None:
    world = World()
    upgrade = world.opened()
    world.ending.cancel(ALICE, upgrade.id)
    looks = 0
    while world.now(upgrade).due_at is not None:
        world.clock.advance(minutes=5)
        looks += world.sweeping.run().watched
        assert looks < 50
    assert 5 < looks < 20


def test_an_execution_that_died_is_driven_on_under_a_new_name() -> None:
    world = World()
    upgrade = world.claimed()
    world.end_executions()
    world.clock.advance(seconds=61)
    assert world.sweeping.run().driven == 1
    assert world.workflow.started[-1] == (upgrade.id, 2)


def test_an_execution_that_still_runs_is_left_alone() -> None:
    world = World()
    upgrade = world.claimed()
    world.clock.advance(seconds=61)
    assert world.sweeping.run().driven == 0
    assert world.workflow.started == [(upgrade.id, 1)]


def test_an_event_that_the_stream_missed_is_published() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(seconds=61)
    assert world.sweeping.run().published == 1
    assert world.upgrades.events(upgrade.id)[0] in world.publisher
    assert world.sweeping.run().published == 0


def test_a_young_event_is_left_to_the_stream() -> None:
    world = World()
    world.opened()
    world.clock.advance(seconds=59)
    assert world.sweeping.run().published == 0


def test_a_publisher_that_is_down_does_not_stop_the_watch() -> None:
    world = World()
    upgrade = world.opened()
    world.publisher.fail = {f"{upgrade.id}:1": "broker away"}
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.clock.advance(seconds=61)
    report = world.sweeping.run()
    assert (report.published, report.found_burns) == (0, 1)
    assert report.faults


def test_one_requests_fault_does_not_keep_the_others_waiting() -> None:
    world = World()
    broken = world.opened(ALICE, NFT_1)
    del world.store.nfts[NFT_1]
    upgrade = world.opened(BOB, NFT_2)
    world.chain.burn(ALICE, NFT_1)
    world.chain.burn(BOB, NFT_2)
    world.chain.finalize()
    world.clock.advance(seconds=31)
    report = world.sweeping.run()
    assert any(broken.id in fault for fault in report.faults)
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_a_chain_that_is_away_expires_nobody() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    world.chain.down = "maintenance"
    report = world.sweeping.run()
    assert report.faults
    assert world.status_of(upgrade) is Status.INITIATED


def test_strangers_cannot_hide_a_burn_behind_transactions_that_name_the_mint() -> None:
    world = World()
    upgrade = world.opened()
    for _ in range(30):
        world.chain.mention(NFT_1, BOB)
    world.chain.burn(ALICE, NFT_1)
    for _ in range(30):
        world.chain.mention(NFT_1, BOB)
    world.chain.finalize()
    world.clock.advance(seconds=31)
    assert world.sweeping.run().found_burns == 1
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


@pytest.mark.parametrize(
    ("history", "looked_at"),
    [([], []), (["a"], ["a"]), (["a", "b"], ["a", "b"]), (list("abcde"), list("aebdc"))],
)
def test_a_history_is_looked_at_from_both_ends(history: list[str], looked_at: list[str]) -> None:
    assert from_both_ends(history) == looked_at


def test_a_request_whose_nft_somebody_else_burned_ends_and_frees_its_user() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.burn(BOB, NFT_1)
    world.chain.finalize()
    world.clock.advance(seconds=31)
    assert world.sweeping.run().faults == []
    ended = world.now(upgrade)
    assert ended.status is Status.FAILED_PERMANENT
    assert ended.failure is not None and ended.failure.code == "burn_wrong_owner"
    assert world.upgrades.lock(LockKind.USER, ALICE) is None
    assert world.upgrades.lock(LockKind.BURN, NFT_1) is None


def test_an_nft_that_came_back_and_was_burned_by_its_user_is_honoured() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.transfer(BOB, NFT_1, ALICE)
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.clock.advance(seconds=31)
    world.sweeping.run()
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_a_request_that_fails_in_the_sweep_waits_for_its_next_turn() -> None:
    world = World()
    world.opened()
    del world.store.nfts[NFT_1]
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.clock.advance(seconds=31)
    assert len(world.sweeping.run().faults) == 1
    assert world.sweeping.run().faults == []


def test_one_run_looks_at_everybody_who_is_due_page_after_page() -> None:
    world = World()
    for number in range(30):
        owner, mint = (str(keypair(f"{kind} {number}").pubkey()) for kind in ("owner", "mint"))
        world.opened(owner, mint)
    world.clock.advance(seconds=31)
    world.chain.advance(40)
    report = replace(world.sweeping, per_shard=2).run()
    assert (report.watched, report.faults) == (30, [])
    assert world.sweeping.run().watched == 0


def test_a_run_ends_in_time_and_the_next_one_goes_on_with_the_others() -> None:
    world = World()
    for number in range(10):
        owner, mint = (str(keypair(f"{kind} {number}").pubkey()) for kind in ("owner", "mint"))
        world.opened(owner, mint)
    world.clock.advance(seconds=31)
    slow = replace(world.sweeping, per_shard=1, chain=Slow(world), seconds=5.0)
    first = slow.run().watched
    assert 0 < first < 10
    assert replace(slow, seconds=1000.0).run().watched == 10 - first


def test_who_has_burned_comes_before_those_who_have_not() -> None:
    world = World()
    world.opened(BOB, NFT_2)
    upgrade = world.claimed()
    world.end_executions()
    world.clock.advance(seconds=61)
    report = replace(world.sweeping, chain=Slow(world), seconds=0.5).run()
    assert report.driven == 1
    assert world.workflow.started[-1] == (upgrade.id, 2)


class Slow(FakeChain):
    """The world's chain, where every look takes two seconds."""

    def __init__(self, world: World) -> None:
        self.__dict__ = world.chain.__dict__
        self._world = world

    def mints(self, addresses: Sequence[str], *, commitment: str) -> Sequence[ObservedMint]:
        self._world.clock.advance(seconds=2)
        return super().mints(addresses, commitment=commitment)


def test_an_open_request_is_watched_by_reading_alone_after_its_first_look() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(seconds=31)
    world.sweeping.run()
    before = world.now(upgrade)
    assert before.due_at == upgrade.expires_at
    world.clock.advance(minutes=5)
    assert world.sweeping.run().walked == 1
    assert world.now(upgrade) == before


def test_a_burn_between_first_look_and_expiry_is_found_in_passing() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(seconds=31)
    world.sweeping.run()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    report = world.sweeping.run()
    assert (report.watched, report.found_burns) == (0, 1)
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_the_walk_goes_on_where_the_last_run_stopped_and_then_begins_anew() -> None:
    world = World()
    for number in range(10):
        owner, mint = (str(keypair(f"{kind} {number}").pubkey()) for kind in ("owner", "mint"))
        world.opened(owner, mint)
    world.clock.advance(seconds=31)
    world.chain.advance(40)
    assert replace(world.sweeping, seconds=0.5).run().watched == 10  # nobody is due any more
    world.bookmarks.put("walk", None)
    slow = replace(world.sweeping, per_shard=4, chain=Slow(world), parallel=1, seconds=3.0)
    walked = [slow.run().walked for _ in range(4)]
    assert walked == [8, 2, 8, 2]


def test_a_walk_whose_bookmark_leads_nowhere_begins_anew() -> None:
    world = World()
    world.opened()
    world.clock.advance(seconds=31)
    world.sweeping.run()
    world.bookmarks.put("walk", "no such place")
    assert world.sweeping.run().walked == 1


def test_a_burn_that_cannot_be_taken_up_is_tried_again_at_a_steady_pace() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.disguise(world.chain.burn(ALICE, NFT_1), version="2")
    world.chain.finalize()
    for _ in range(3):
        world.clock.advance(seconds=31)
        report = world.sweeping.run()
        assert (report.watched, report.walked) == (1, 0)
    assert world.status_of(upgrade) is Status.INITIATED


def test_providers_that_disagree_in_a_sweep_call_a_human() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    report = replace(world.sweeping, chain=Contradicting(world)).run()
    assert report.faults
    assert "ProviderDisagreements" in world.alerts
    assert world.status_of(upgrade) is Status.INITIATED


class Contradicting(FakeChain):
    """The world's chain, as providers show it that contradict each other."""

    def __init__(self, world: World) -> None:
        self.__dict__ = world.chain.__dict__

    def mints(self, addresses: Sequence[str], *, commitment: str) -> Sequence[ObservedMint]:
        raise ProvidersDisagree("they do")


def test_a_proven_burn_counts_before_a_strangers_transaction() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.shuffle_nothing(NFT_1, BOB)
    world.chain.review_bait(NFT_1, ALICE, BOB)
    world.chain.finalize()
    world.clock.advance(minutes=1)
    assert world.sweeping.run().found_burns == 1
    found = world.now(upgrade)
    assert (found.status, found.burn_signature) == (Status.BURN_CONFIRMED, signature)


def test_a_name_that_nobody_has_seen_does_not_keep_an_expired_request_open() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    confirmed = world.burning.confirm(ALICE, upgrade.id, "5" * 87)
    assert confirmed.upgrade.status is Status.INITIATED
    world.clock.advance(minutes=1)
    assert world.sweeping.run().expired == 1


def test_a_burn_past_the_requests_time_is_honoured_when_it_is_named() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    world.clock.advance(minutes=31)
    confirmed = world.burning.confirm(ALICE, upgrade.id, signature)
    assert confirmed.upgrade.status is Status.BURN_CONFIRMED
