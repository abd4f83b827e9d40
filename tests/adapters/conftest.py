"""The court of the burn tests; see court.py."""

from collections.abc import Iterator

import pytest
from solders.pubkey import Pubkey

from nft_upgrade.adapters.solana_chain import SolanaChain
from tests.adapters.court import Court
from tests.fixtures.solana import SolanaNode
from tests.solana_world import SolanaWorld


@pytest.fixture(scope="module")
def court(solana: SolanaNode) -> Iterator[Court]:
    world, chain = SolanaWorld(solana.url), SolanaChain([solana.url])
    yield Court(world, chain)
    chain.close()
    world.close()


@pytest.fixture
def mint(court: Court) -> Pubkey:
    """The owner's fresh NFT."""
    return court.world.give_nft()


@pytest.fixture
def classic(court: Court) -> Pubkey:
    """The owner's fresh classic SPL NFT."""
    return court.classic_nft()
