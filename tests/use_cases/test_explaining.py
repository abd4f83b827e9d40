"""Why a burn was believed: the decided proof as it was, an undecided one as it stands."""

import pytest

from nft_upgrade.domain.errors import ChainUnavailable, NotFound
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.use_cases.explaining import BurnReport
from tests.use_cases.world import ALICE, BOB, NFT_1, World


def verdict_of(report: BurnReport) -> str:
    assert report.proof is not None
    return str(report.proof["verdict"])


def test_nothing_is_explained_before_a_burn_is_named() -> None:
    world = World()
    report = world.explaining.burn(ALICE, world.opened().id)
    assert (report.proof, report.is_decided, report.looked_at) == (None, False, None)


def test_an_undecided_burn_is_looked_at_now() -> None:
    world = World()
    upgrade = world.opened()
    world.burning.confirm(ALICE, upgrade.id, world.chain.burn(ALICE, NFT_1))
    world.chain.advance()
    report = world.explaining.burn(ALICE, upgrade.id)
    assert (verdict_of(report), report.is_decided) == ("pending", False)
    assert report.proof is not None and report.proof["commitment"] == "confirmed"
    world.chain.finalize()
    report = world.explaining.burn(ALICE, upgrade.id)
    assert (verdict_of(report), report.is_decided) == ("proven", False)
    assert world.status_of(upgrade) is Status.BURN_PENDING


def test_a_proven_burn_is_explained_as_it_was_decided() -> None:
    world = World()
    upgrade = world.run_workflow(world.claimed())
    report = world.explaining.burn(ALICE, upgrade.id)
    assert (verdict_of(report), report.is_decided) == ("proven", True)
    assert report.proof is not None
    assert (report.proof["owner"], report.proof["commitment"]) == (ALICE, "finalized")
    assert report.looked_at == upgrade.burned_at


def test_the_latest_decision_counts() -> None:
    world = World()
    upgrade = world.opened()
    failed = world.chain.burn(ALICE, NFT_1, error='"x"')
    world.burning.confirm(ALICE, upgrade.id, failed)
    world.chain.finalize()
    assert world.burning.verify(upgrade.id).status is Status.INITIATED
    assert verdict_of(world.explaining.burn(ALICE, upgrade.id)) == "rejected"
    world.burning.confirm(ALICE, upgrade.id, world.chain.burn(ALICE, NFT_1))
    world.chain.finalize()
    world.burning.verify(upgrade.id)
    assert verdict_of(world.explaining.burn(ALICE, upgrade.id)) == "proven"


def test_an_undecided_burn_cannot_be_explained_while_solana_is_away() -> None:
    world = World()
    upgrade = world.claimed()
    world.chain.down = "no provider"
    with pytest.raises(ChainUnavailable):
        world.explaining.burn(ALICE, upgrade.id)


def test_another_wallets_burn_is_not_explained() -> None:
    world = World()
    with pytest.raises(NotFound):
        world.explaining.burn(BOB, world.burned().id)
