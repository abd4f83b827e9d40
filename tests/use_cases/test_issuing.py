"""First NFTs: exactly one per claim id, and one per wallet."""

import pytest

from nft_upgrade.domain.errors import AlreadyOwnsNft, AlreadyRedeemed, ChainUnavailable
from tests.use_cases.world import ALICE, BOB, World


def test_a_claim_gets_a_level_1_nft() -> None:
    world = World()
    nft = world.issuing.issue("claim", ALICE)
    assert (nft.level, nft.owner) == (1, ALICE)
    assert world.chain.minted(nft.mint, recipient=ALICE, commitment="finalized")


def test_the_same_claim_again_gets_the_same_nft_and_sends_nothing() -> None:
    world = World()
    first = world.issuing.issue("claim", ALICE)
    sent = len(world.chain.sent)
    assert world.issuing.issue("claim", ALICE) == first
    assert len(world.chain.sent) == sent


def test_a_second_claim_of_the_same_wallet_is_refused_before_it_is_minted() -> None:
    world = World()
    world.issuing.issue("claim 1", ALICE)
    transactions = len(world.chain)
    with pytest.raises(AlreadyOwnsNft):
        world.issuing.issue("claim 2", ALICE)
    assert len(world.chain) == transactions


def test_a_claim_cannot_be_taken_over_by_another_wallet() -> None:
    world = World()
    world.issuing.issue("claim", ALICE)
    with pytest.raises((AlreadyOwnsNft, AlreadyRedeemed)):
        world.issuing.issue("claim", BOB)


def test_an_interrupted_claim_goes_on_where_it_stopped() -> None:
    world = World()
    world.is_halted = True
    with pytest.raises(ChainUnavailable):
        world.issuing.issue("claim", ALICE)
    world.is_halted = False
    world.chain.finalize()
    nft = world.issuing.issue("claim", ALICE)
    assert len(world.chain) == 1
    assert world.nfts.get(nft.mint) == nft


def test_a_first_nft_can_be_upgraded() -> None:
    world = World()
    nft = world.issuing.issue("claim", ALICE)
    upgrade = world.open(ALICE, nft.mint).upgrade
    signature = world.chain.burn(ALICE, nft.mint)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    assert world.run_workflow(upgrade).target_level == 2
