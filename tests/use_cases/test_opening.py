"""Before anybody is asked to burn, everything that could make the burn vain is checked."""

from dataclasses import replace
from typing import Any

import pytest
from solders.transaction import VersionedTransaction

from nft_upgrade.domain.errors import (
    AlreadyOwnsNft,
    AlreadyRedeemed,
    ChainUnavailable,
    InvalidTargetLevel,
    MaxLevel,
    MintingPaused,
    NftLocked,
    NftNotFound,
    NftNotFree,
    NftNotOwned,
    NotFound,
    RequirementsNotMet,
    UnsupportedNft,
    UpgradeActive,
    UpgradeError,
    WrongStatus,
)
from nft_upgrade.domain.levels import Qualification, default_catalogue
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import LockKind, Status
from nft_upgrade.ports import Blockhash
from tests.chain_builders import CLASSIC
from tests.fakes.chain import FakeChain
from tests.use_cases.world import ALICE, BOB, NFT_1, NFT_2, World


def test_an_upgrade_opens_with_the_burn_for_the_wallet_to_sign() -> None:
    world = World()
    world.give_nft()
    opened = world.open()
    assert opened.upgrade.status is Status.INITIATED
    burn = VersionedTransaction.from_bytes(opened.transaction)
    assert str(burn.message.account_keys[0]) == ALICE


def test_the_successor_is_known_before_the_burn() -> None:
    world = World()
    first = world.opened()
    world.ending.cancel(ALICE, first.id)
    assert world.open().upgrade.successor == first.successor


def test_the_nft_of_an_open_upgrade_is_marked() -> None:
    world = World()
    world.opened()
    nft = world.nfts.get(NFT_1)
    assert nft is not None and nft.status is NftStatus.UPGRADING


def refused(world: World, error: type[UpgradeError], target: int = 2, mint: str = NFT_1) -> None:
    with pytest.raises(error):
        world.open(mint=mint, target=target)
    assert world.upgrades.lock(LockKind.USER, ALICE) is None


def test_an_unknown_nft_is_refused() -> None:
    refused(World(), NftNotFound)


@pytest.mark.parametrize("target", [0, 1, 3, 9])
def test_only_the_next_level_is_opened(target: int) -> None:
    world = World()
    world.give_nft()
    refused(world, InvalidTargetLevel, target)


def test_the_top_level_is_final() -> None:
    world = World()
    world.give_nft(level=5)
    refused(world, MaxLevel, 6)


def test_a_second_upgrade_of_the_same_user_is_refused_and_names_the_first() -> None:
    world = World()
    upgrade = world.opened()
    with pytest.raises(UpgradeActive) as refusal:
        world.open()
    assert refusal.value.extra["upgradeRequestId"] == upgrade.id


def test_an_nft_of_another_wallet_is_refused_whatever_the_registry_says() -> None:
    world = World()
    world.give_nft()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    refused(world, NftNotOwned)


def test_the_buyer_of_an_nft_can_upgrade_it() -> None:
    world = World()
    world.give_nft()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    upgrade = world.open(BOB).upgrade
    lock = world.upgrades.lock(LockKind.OWNER, BOB)
    assert (upgrade.user_id, lock and lock.holder) == (BOB, NFT_1)
    assert world.upgrades.lock(LockKind.OWNER, ALICE) is None


def test_a_user_with_another_active_nft_cannot_upgrade_a_bought_one() -> None:
    world = World()
    world.give_nft(ALICE, NFT_1)
    world.give_nft(BOB, NFT_2)
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    with pytest.raises(AlreadyOwnsNft):
        world.open(BOB, NFT_1)


def test_an_nft_in_the_sellers_upgrade_is_locked_for_the_buyer() -> None:
    world = World()
    world.opened()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.finalize()
    with pytest.raises(NftLocked):
        world.open(BOB)


@pytest.mark.parametrize("hindrance", [{"frozen": True}, {"delegate": BOB}])
def test_an_nft_that_is_not_free_is_refused(hindrance: dict[str, Any]) -> None:
    world = World()
    world.give_nft(**hindrance)
    refused(world, NftNotFree)


def test_an_nft_that_nobody_holds_is_refused() -> None:
    world = World()
    world.give_nft()
    world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    refused(world, NftNotFree)


def test_another_token_program_than_the_registered_one_is_refused() -> None:
    world = World()
    world.give_nft()
    world.chain.give_nft(ALICE, NFT_1, token_program=CLASSIC)
    refused(world, UnsupportedNft)


def test_a_redeemed_nft_is_refused() -> None:
    world = World()
    world.run_workflow(world.claimed())
    refused(world, AlreadyRedeemed)


def test_requirements_that_are_enforced_are_checked_before_the_chain_is_asked() -> None:
    shipped = default_catalogue()
    world = World(replace(shipped, requirements_enforced=True))
    world.give_nft()
    refused(world, RequirementsNotMet)
    world.qualifications.put(ALICE, Qualification(500_000, 2))
    assert world.open().upgrade.target_level == 2


def test_nobody_burns_while_minting_is_paused() -> None:
    world = World()
    world.give_nft()
    world.switch.set_paused("maintenance", at=world.clock.now())
    refused(world, MintingPaused)


def test_nobody_burns_into_a_system_wallet_that_could_not_honour_it() -> None:
    world = World()
    world.give_nft()
    world.chain.fund(world.signer.address(), -world.chain.balance(world.signer.address()))
    world.chain.fund(world.signer.address(), 3 * world.policy.mint_cost_lamports - 1)
    refused(world, MintingPaused)
    world.chain.fund(world.signer.address(), 1)
    assert world.open()


def test_the_reserve_counts_every_open_request() -> None:
    world = World()
    world.opened(BOB, NFT_2)
    world.give_nft()
    world.chain.fund(world.signer.address(), -world.chain.balance(world.signer.address()))
    world.chain.fund(world.signer.address(), 6 * world.policy.mint_cost_lamports - 1)
    refused(world, MintingPaused)


def test_nobody_burns_when_a_dry_run_of_the_mint_fails() -> None:
    world = World()
    world.give_nft()
    world.chain.simulation_error = "Custom"
    refused(world, MintingPaused)


def test_nothing_is_written_while_the_chain_is_away() -> None:
    world = World()
    world.give_nft()
    world.chain.down = "maintenance"
    with pytest.raises(ChainUnavailable):
        world.open()
    assert len(world.upgrades) == 0


def test_a_fresh_burn_transaction_can_be_had_while_the_request_waits() -> None:
    world = World()
    upgrade = world.opened()
    assert world.opening.burn_transaction(ALICE, upgrade.id)
    with pytest.raises(NotFound):
        world.opening.burn_transaction(BOB, upgrade.id)


def test_an_expired_request_hands_out_no_burn() -> None:
    world = World()
    upgrade = world.opened()
    world.clock.advance(minutes=31)
    with pytest.raises(WrongStatus):
        world.opening.burn_transaction(ALICE, upgrade.id)


def test_a_claimed_request_hands_out_no_burn() -> None:
    world = World()
    with pytest.raises(WrongStatus):
        world.opening.burn_transaction(ALICE, world.claimed().id)


def test_eligibility_names_every_blocker_at_once() -> None:
    world = World()
    world.give_nft(frozen=True)
    world.switch.set_paused("maintenance", at=world.clock.now())
    answer = world.opening.eligibility(ALICE, 4)
    codes = {blocker.code for blocker in answer.blockers}
    assert codes == {"invalid_target_level", "minting_paused", "nft_not_free"}
    assert (answer.can_upgrade, answer.current_level) == (False, 1)


def test_eligibility_of_a_free_nft_has_no_blockers_and_defaults_to_the_next_level() -> None:
    world = World()
    world.give_nft()
    answer = world.opening.eligibility(ALICE, None)
    assert (answer.can_upgrade, answer.target_level, answer.blockers) == (True, 2, ())


def test_a_user_without_an_nft_is_told_so() -> None:
    answer = World().opening.eligibility(ALICE, None)
    assert [blocker.code for blocker in answer.blockers] == ["nft_not_found"]


@pytest.mark.parametrize("target", [-1, 0, 6])
def test_eligibility_for_a_level_that_does_not_exist_is_an_answer_not_an_error(target: int) -> None:
    world = World(replace(default_catalogue(), requirements_enforced=True))
    world.give_nft()
    answer = world.opening.eligibility(ALICE, target)
    assert not answer.can_upgrade
    assert "invalid_target_level" in {blocker.code for blocker in answer.blockers}


class BurnedMeanwhile:
    """The owner burns between the look at the holder and the blockhash."""

    def __init__(self, chain: FakeChain) -> None:
        self._chain = chain
        self.burn_signature = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def latest_blockhash(self) -> Blockhash:
        self.burn_signature = self._chain.burn(ALICE, NFT_1)
        self._chain.advance(3)
        return self._chain.latest_blockhash()


def test_a_burn_while_the_request_is_being_opened_belongs_to_it() -> None:
    world = World()
    world.give_nft()
    chain: Any = BurnedMeanwhile(world.chain)
    upgrade = replace(world.opening, chain=chain).open(ALICE, NFT_1, 2).upgrade
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, chain.burn_signature)
    assert world.burning.verify(upgrade.id).status is Status.BURN_CONFIRMED
