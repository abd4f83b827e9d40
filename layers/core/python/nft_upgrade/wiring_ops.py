"""What operators' commands need besides `wiring`."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from nft_upgrade import wiring
from nft_upgrade.config import ChainSettings

if TYPE_CHECKING:
    from nft_upgrade.adapters.solana_archive import SolanaArchive
    from nft_upgrade.use_cases.rebuilding import Rebuilding
    from nft_upgrade.use_cases.registering import Registering
    from nft_upgrade.use_cases.scanning import Pages


@cache
def archive() -> "SolanaArchive":
    from nft_upgrade.adapters.secret_urls import revealed
    from nft_upgrade.adapters.solana_archive import SolanaArchive

    settings = ChainSettings()
    urls = revealed(settings.solana_rpc_urls)
    return SolanaArchive(urls, genesis_hash=settings.solana_genesis_hash)


@cache
def registering() -> "Registering":
    from nft_upgrade.use_cases.registering import Registering

    return Registering(
        nfts=wiring.nfts(),
        chain=wiring.chain(),
        archive=archive(),
        policy=wiring.policy(),
        clock=wiring.clock(),
    )


def rebuilding(pages: "Pages", *, parallel: int, tell: Callable[[str], None]) -> "Rebuilding":
    from nft_upgrade.use_cases.rebuilding import Rebuilding
    from nft_upgrade.use_cases.scanning import Scanning

    return Rebuilding(
        nfts=wiring.nfts(),
        upgrades=wiring.upgrades(),
        chain=wiring.chain(),
        program=wiring.program(),
        scanning=Scanning(archive=archive(), pages=pages, parallel=parallel, tell=tell),
        policy=wiring.policy(),
        clock=wiring.clock(),
    )
