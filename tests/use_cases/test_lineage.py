"""A line of NFTs can be followed and verified from the addresses alone."""

from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from nft_upgrade.domain.errors import NftNotFound
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.use_cases.lineage import Ancestor
from tests.use_cases.world import ALICE, BASE, NFT_1, NFT_2, World

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


def upgraded(world: World, upgrade: Upgrade) -> Upgrade:
    signature = world.chain.burn(ALICE, upgrade.nft_id)
    world.chain.finalize()
    world.burning.confirm(ALICE, upgrade.id, signature)
    return world.run_workflow(upgrade)


def test_an_nft_is_followed_back_to_the_first_of_its_line() -> None:
    world = World()
    first = upgraded(world, world.opened())
    second = upgraded(world, world.open(mint=first.successor, target=3).upgrade)
    line = world.lineage.of(second.successor)
    assert [each.nft.level for each in line] == [3, 2, 1]
    assert [each.nft.mint for each in line] == [second.successor, first.successor, NFT_1]
    newest, middle, oldest = (each.nft for each in line)
    assert (newest.mint_signature, newest.burn_signature) == (second.mint_signature, None)
    assert (middle.mint_signature, middle.burn_signature) == (
        first.mint_signature,
        second.burn_signature,
    )
    assert (oldest.mint_signature, oldest.burn_signature) == (None, first.burn_signature)


def test_every_address_but_the_first_derives_from_what_was_burned() -> None:
    world = World()
    done = upgraded(world, world.opened())
    newest, oldest = world.lineage.of(done.successor)
    assert oldest.seed is None and newest.seed is not None
    derived = Pubkey.create_with_seed(Pubkey.from_string(BASE), newest.seed, TOKEN_2022)
    assert str(derived) == newest.nft.mint


def test_the_documented_check_of_a_line_is_right() -> None:
    world = World()
    done = upgraded(world, world.opened())
    newest, _ = world.lineage.of(done.successor)
    wire = {"predecessor": NFT_1, "mintBase": BASE, "nftId": newest.nft.mint}
    documented: dict[str, Any] = {}
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    exec(page.split("```python\n")[1].split("```")[0], documented)
    assert documented["is_successor"](wire)
    assert not documented["is_successor"]({**wire, "predecessor": NFT_2})


def test_a_burned_nft_names_its_successor_before_that_is_minted() -> None:
    world = World()
    upgrade = world.burned()
    assert world.lineage.of(NFT_1) == [Ancestor(world.nfts[NFT_1], None)]
    burned = world.nfts[NFT_1]
    assert (burned.status, burned.successor) == (NftStatus.BURNED, upgrade.successor)


def test_an_nft_that_is_not_ours_has_no_lineage() -> None:
    with pytest.raises(NftNotFound):
        World().lineage.of(NFT_1)
