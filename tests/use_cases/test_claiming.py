"""Burns outside any request get the same single successor, and only their owner gets it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.burn import BurnProof
from nft_upgrade.domain.errors import (
    AlreadyRedeemed,
    BurnRefused,
    ClaimUnclear,
    MaxLevel,
    NftLocked,
    NftNotBurned,
    NftNotFound,
    NftNotOwned,
    RequirementsNotMet,
    VersionConflict,
)
from nft_upgrade.domain.events import EventType
from nft_upgrade.domain.levels import Qualification, default_catalogue
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import CLAIM_PATIENCE, Lock, LockKind, Status, Transition, Upgrade
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.claiming import SIGNATURES_LOOKED_AT, Answer, Claim
from tests.fakes.storage import FakeUpgrades
from tests.use_cases.world import ALICE, BASE, BOB, NFT_1, NFT_2, World

NOBODYS_SIGNATURE = "5" * 87


def burned_outside(world: World, owner: str = ALICE, mint: str = NFT_1) -> str:
    """The wallet's own burn button; final."""
    world.give_nft(owner, mint)
    signature = world.chain.burn(owner, mint)
    world.chain.finalize()
    return signature


class GivenMeanwhile(FakeUpgrades):
    """Another NFT comes to ALICE between the look at her lock and the commit."""

    def commit(self, transition: Transition) -> None:
        lock = Lock(LockKind.OWNER, ALICE, NFT_2)
        self.store.locks[lock.item] = lock
        super().commit(transition)


def register(world: World, owner: str, mint: str) -> None:
    """A second NFT of the same wallet, which has the lock of its first already."""
    world.chain.give_nft(owner, mint)
    now = world.clock.now()
    nft = Nft(
        mint=mint,
        owner=owner,
        level=1,
        status=NftStatus.ACTIVE,
        version=1,
        token_program=TOKEN_2022,
        mint_base=BASE,
        created_at=now,
        updated_at=now,
    )
    world.nfts.register(nft, takes=())


def by_mint(world: World, user: str = ALICE, mint: str = NFT_1) -> Claim:
    return world.claiming.claim(user, mint=mint, burn_signature=None)


def by_signature(world: World, signature: str, user: str = ALICE) -> Claim:
    return world.claiming.claim(user, mint=None, burn_signature=signature)


def upgrade_of(claim: Claim) -> Upgrade:
    assert claim.upgrade is not None
    return claim.upgrade


def claims(signature: str) -> list[Callable[[World], Claim]]:
    return [
        by_mint,
        lambda world: by_signature(world, signature),
        lambda world: world.claiming.claim(ALICE, mint=NFT_1, burn_signature=signature),
    ]


@pytest.mark.parametrize("way", range(3))
def test_a_burn_outside_any_request_gets_its_successor(way: int) -> None:
    world = World()
    signature = burned_outside(world)
    claim = claims(signature)[way](world)
    upgrade = upgrade_of(claim)
    assert (claim.answer, upgrade.status) == (Answer.ACCEPTED, Status.BURN_PENDING)
    assert upgrade.burn_signature == signature and (upgrade.id, 1) in world.workflow
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED and done.successor in world.chain
    assert world.upgrades.lock(LockKind.OWNER, ALICE) == Lock(LockKind.OWNER, ALICE, done.successor)


def test_the_history_of_a_claim_begins_with_its_opening() -> None:
    world = World()
    burned_outside(world)
    upgrade = world.run_workflow(upgrade_of(by_mint(world)))
    types = [event.type for event in world.upgrades.events(upgrade.id)]
    assert types == [
        EventType.UPGRADE_INITIATED,
        EventType.BURN_CONFIRMED,
        EventType.MINT_STARTED,
        EventType.UPGRADE_COMPLETED,
    ]


def test_claiming_again_answers_the_same_upgrade() -> None:
    world = World()
    signature = burned_outside(world)
    first = upgrade_of(by_mint(world))
    for again in claims(signature):
        repeated = again(world)
        assert (repeated.answer, upgrade_of(repeated).id) == (Answer.CURRENT, first.id)
    done = world.run_workflow(first)
    final = by_signature(world, signature)
    assert (final.answer, final.upgrade) == (Answer.CURRENT, done)


def test_32_claims_at_once_make_one_upgrade() -> None:
    world = World()
    burned_outside(world)
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(by_mint, world) for _ in range(32)]
    found = [each.result() for each in made]
    assert len({upgrade_of(claim).id for claim in found}) == 1
    assert [claim.answer for claim in found].count(Answer.ACCEPTED) == 1
    assert len(world.workflow.started) == 1


def test_a_claim_whose_workflow_never_started_is_driven_by_the_sweep() -> None:
    world = World()
    burned_outside(world)
    world.workflow.is_down = True
    upgrade = upgrade_of(by_mint(world))
    assert world.workflow.started == []
    world.workflow.is_down = False
    world.clock.sleep(CLAIM_PATIENCE.total_seconds())
    assert world.sweeping.run().driven == 1
    assert world.run_workflow(world.now(upgrade)).status is Status.COMPLETED


def test_a_burn_that_is_not_final_yet_is_pending_and_writes_nothing() -> None:
    world = World()
    world.give_nft()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.advance()
    for claim in claims(signature):
        assert claim(world) == Claim(Answer.PENDING)
    assert len(world.upgrades) == 0
    world.chain.finalize()
    assert by_mint(world).answer is Answer.ACCEPTED


def test_an_unknown_signature_is_pending_and_never_a_refusal() -> None:
    world = World()
    world.give_nft()
    assert by_signature(world, NOBODYS_SIGNATURE).answer is Answer.PENDING
    both = world.claiming.claim(ALICE, mint=NFT_1, burn_signature=NOBODYS_SIGNATURE)
    assert both.answer is Answer.PENDING


def test_a_claim_is_pending_while_no_provider_answers() -> None:
    world = World()
    signature = burned_outside(world)
    world.chain.down = "no provider"
    for claim in claims(signature):
        assert claim(world).answer is Answer.PENDING


def test_a_claim_must_name_something() -> None:
    with pytest.raises(ValueError, match="names an NFT"):
        World().claiming.claim(ALICE, mint=None, burn_signature=None)


def test_an_unburned_nft_cannot_be_claimed() -> None:
    world = World()
    world.give_nft()
    world.chain.finalize()
    with pytest.raises(NftNotBurned):
        by_mint(world)


def test_an_nft_that_is_not_ours_cannot_be_claimed() -> None:
    world = World()
    world.chain.give_nft(ALICE, NFT_2)
    signature = world.chain.burn(ALICE, NFT_2)
    world.chain.finalize()
    with pytest.raises(NftNotFound):
        by_mint(world, mint=NFT_2)
    with pytest.raises(NftNotFound):
        by_signature(world, signature)


@pytest.mark.parametrize("way", range(3))
def test_somebody_elses_burn_cannot_be_claimed(way: int) -> None:
    world = World()
    signature = burned_outside(world, owner=BOB)
    with pytest.raises(NftNotOwned):
        claims(signature)[way](world)
    assert len(world.upgrades) == 0


def test_the_last_owner_on_chain_gets_it_whoever_the_registry_names() -> None:
    world = World()
    world.give_nft()
    world.chain.transfer(ALICE, NFT_1, BOB)
    signature = world.chain.burn(BOB, NFT_1)
    world.chain.finalize()
    with pytest.raises(NftNotOwned):
        by_signature(world, signature)
    done = world.run_workflow(upgrade_of(by_signature(world, signature, BOB)))
    successor = world.nfts.get(done.successor)
    assert successor is not None and successor.owner == BOB
    assert world.upgrades.lock(LockKind.OWNER, ALICE) is None
    assert world.upgrades.lock(LockKind.OWNER, BOB) == Lock(LockKind.OWNER, BOB, done.successor)


def test_a_wallet_in_another_upgrade_gets_what_it_is_owed() -> None:
    world = World()
    running = world.opened(ALICE, NFT_2)
    register(world, ALICE, NFT_1)
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    assert world.run_workflow(upgrade_of(by_mint(world))).status is Status.COMPLETED
    assert world.status_of(running) is Status.INITIATED
    assert world.upgrades.lock(LockKind.USER, ALICE) == running.user_lock
    assert world.upgrades.lock(LockKind.OWNER, ALICE) == Lock(LockKind.OWNER, ALICE, NFT_2)


def test_a_claim_of_an_nft_in_the_callers_request_is_its_confirmation() -> None:
    world = World()
    upgrade = world.opened()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    claim = by_mint(world)
    assert (claim.answer, upgrade_of(claim).id) == (Answer.ACCEPTED, upgrade.id)
    assert upgrade_of(claim).burn_signature == signature
    assert len(world.upgrades) == 1


def test_a_claim_of_an_open_unburned_nft_is_refused_and_changes_nothing() -> None:
    world = World()
    upgrade = world.opened()
    world.chain.finalize()
    with pytest.raises(NftNotBurned):
        by_mint(world)
    assert world.status_of(upgrade) is Status.INITIATED


@pytest.mark.parametrize("status", ["initiated", "burn_pending", "under_review"])
def test_a_sellers_request_gives_way_to_the_proven_burn_of_the_last_owner(status: str) -> None:
    world = World()
    theirs = world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    if status != "initiated":
        world.burning.confirm(ALICE, theirs.id, NOBODYS_SIGNATURE)
    if status == "under_review":
        held = replace(world.now(theirs), status=Status.UNDER_REVIEW)
        world.store.upgrades[theirs.id] = held
    assert world.status_of(theirs) == status
    signature = world.chain.burn(BOB, NFT_1)
    world.chain.finalize()
    done = world.run_workflow(upgrade_of(by_signature(world, signature, BOB)))
    assert done.status is Status.COMPLETED and done.user_id == BOB
    assert world.status_of(theirs) is Status.FAILED_PERMANENT
    assert world.upgrades.lock(LockKind.USER, ALICE) is None


def test_an_undecided_burn_does_not_end_another_wallets_request() -> None:
    world = World()
    theirs = world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    signature = world.chain.burn(BOB, NFT_1)
    world.chain.advance()
    with pytest.raises(NftLocked):
        by_mint_and(world, signature, BOB)
    assert world.status_of(theirs) is Status.INITIATED


def by_mint_and(world: World, signature: str, user: str) -> Claim:
    return world.claiming.claim(user, mint=NFT_1, burn_signature=signature)


def test_a_transaction_with_empty_accounts_of_a_burned_nft_is_no_burn() -> None:
    world = World()
    signature = burned_outside(world)
    made_up = world.chain.shuffle_nothing(NFT_1, BOB)
    world.chain.finalize()
    with pytest.raises(BurnRefused):
        world.claiming.claim(BOB, mint=NFT_1, burn_signature=made_up)
    claim = by_mint(world)
    assert upgrade_of(claim).burn_signature == signature


def test_the_proven_burn_counts_before_one_that_a_human_would_have_to_look_at() -> None:
    world = World()
    signature = burned_outside(world)
    world.chain.review_bait(NFT_1, ALICE, BOB)
    world.chain.finalize()
    assert upgrade_of(by_mint(world)).burn_signature == signature


def test_a_redeemed_burn_cannot_be_claimed_by_another_wallet() -> None:
    world = World()
    upgrade = world.burned()
    with pytest.raises(AlreadyRedeemed):
        by_mint(world, BOB)
    assert world.status_of(upgrade) is Status.BURN_CONFIRMED


def test_a_claim_and_a_given_up_request_redeem_one_burn_once() -> None:
    world = World()
    given_up = world.opened()
    world.chain.finalize()
    world.ending.cancel(ALICE, given_up.id)
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    claimed = upgrade_of(by_mint(world))
    confirmed = world.burning.confirm(ALICE, given_up.id, signature)
    assert confirmed.upgrade.id == claimed.id
    world.clock.sleep(10 * CLAIM_PATIENCE.total_seconds())
    world.sweeping.run()
    assert world.status_of(given_up) is Status.CANCELLED
    assert world.run_workflow(world.now(claimed)).status is Status.COMPLETED


def test_a_delegates_burn_is_held_for_a_human() -> None:
    world = World()
    world.give_nft()
    signature = world.chain.burn(ALICE, NFT_1, authority=BOB)
    world.chain.finalize()
    upgrade = upgrade_of(by_signature(world, signature))
    assert world.burning.verify(upgrade.id).status is Status.UNDER_REVIEW


def test_what_is_no_burn_is_refused_with_every_check() -> None:
    world = World()
    world.give_nft()
    signature = world.chain.burn(ALICE, NFT_1, amount=0)
    world.chain.finalize()
    with pytest.raises(BurnRefused) as refused:
        world.claiming.claim(ALICE, mint=NFT_1, burn_signature=signature)
    assert refused.value.extra["burnProof"]["verdict"] == "rejected"
    assert len(world.upgrades) == 0


def test_a_failed_burn_is_refused() -> None:
    world = World()
    world.give_nft()
    signature = world.chain.burn(ALICE, NFT_1, error='{"InstructionError": [0, "Custom"]}')
    world.chain.finalize()
    with pytest.raises(BurnRefused, match="failed on chain"):
        world.claiming.claim(ALICE, mint=NFT_1, burn_signature=signature)


def test_two_nfts_burned_in_one_transaction_must_be_told_apart() -> None:
    world = World()
    signature = burned_outside(world)
    register(world, ALICE, NFT_2)
    world.chain.burn_along(signature, ALICE, NFT_2)
    world.chain.finalize()
    with pytest.raises(ClaimUnclear) as unclear:
        by_signature(world, signature)
    assert unclear.value.extra["field"] == "mint"
    first = world.claiming.claim(ALICE, mint=NFT_1, burn_signature=signature)
    assert first.answer is Answer.ACCEPTED


def test_a_burn_hidden_by_other_transactions_is_named_by_its_signature() -> None:
    world = World()
    world.give_nft()
    for _ in range(SIGNATURES_LOOKED_AT):
        world.chain.mention(NFT_1, BOB)
    signature = world.chain.burn(ALICE, NFT_1)
    for _ in range(SIGNATURES_LOOKED_AT):
        world.chain.mention(NFT_1, BOB)
    world.chain.finalize()
    with pytest.raises(ClaimUnclear) as unclear:
        by_mint(world)
    assert unclear.value.extra["field"] == "burnTransactionHash"
    assert by_signature(world, signature).answer is Answer.ACCEPTED


def test_nothing_follows_the_final_level() -> None:
    world = World()
    world.give_nft(level=default_catalogue().top)
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    with pytest.raises(MaxLevel):
        by_mint(world)


def test_a_level_cannot_be_jumped_by_burning_first() -> None:
    world = World(replace(default_catalogue(), requirements_enforced=True))
    burned_outside(world)
    with pytest.raises(RequirementsNotMet):
        by_mint(world)
    world.qualifications.put(ALICE, Qualification(10**9, 99))
    assert by_mint(world).answer is Answer.ACCEPTED


def test_an_nft_that_came_meanwhile_does_not_stop_a_claim() -> None:
    world = World()
    burned_outside(world)
    del world.store.locks[f"OWNER#{ALICE}"]
    racing = replace(world.claiming, upgrades=GivenMeanwhile(world.store))
    claim = racing.claim(ALICE, mint=NFT_1, burn_signature=None)
    assert claim.answer is Answer.ACCEPTED
    assert world.upgrades.lock(LockKind.OWNER, ALICE) == Lock(LockKind.OWNER, ALICE, NFT_2)


class BeatenThenDark(FakeUpgrades):
    """Somebody else is faster at the commit, and no provider answers when it is decided again."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store)
        self._world = world

    def commit(self, transition: Transition) -> None:
        self._world.chain.down = "no provider"
        raise VersionConflict("The NFT's registry row moved meanwhile.")


def test_a_claim_that_was_beaten_and_cannot_be_decided_again_is_pending() -> None:
    world = World()
    burned_outside(world)
    beaten = replace(world.claiming, upgrades=BeatenThenDark(world))
    claim = beaten.claim(ALICE, mint=NFT_1, burn_signature=None)
    assert claim == Claim(Answer.PENDING)


def test_a_foreign_request_is_looked_at_once_per_claim() -> None:
    world = World()
    world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.burn(BOB, NFT_1)
    world.chain.advance()
    counted: Any = Counted(world.burning)
    claiming = replace(world.claiming, burning=counted)
    with pytest.raises(NftLocked):
        claiming.claim(BOB, mint=NFT_1, burn_signature=NOBODYS_SIGNATURE)
    assert counted.examined == 1


class Counted:
    """`Burning` that counts its looks at transactions."""

    def __init__(self, burning: Burning) -> None:
        self._burning = burning
        self.examined = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._burning, name)

    def examine(self, upgrade: Upgrade, burn_signature: str) -> BurnProof:
        self.examined += 1
        return self._burning.examine(upgrade, burn_signature)
