"""The numbers and addresses that use cases are tuned by, from settings to one frozen object."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.ports import CollectionOrder, MintOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`patience_seconds`: how long one workflow task polls before the workflow asks again.

    `token_program` owns everything we mint (Token-2022), whatever program the predecessor has.
    """

    catalogue: Catalogue
    token_program: str
    collection_of: Callable[[str], str | None]
    """The collection of a base key; `no_collection` where NFTs are members of none."""
    metadata_base_uri: str
    mint_cost_lamports: int
    upgrade_ttl: timedelta
    patience_seconds: float
    poll_seconds: float = 0.2
    resend_seconds: float = 1.5
    """Between two sends of the same bytes (chain.md section 4)."""
    attempts_per_run: int = 3
    """Mint transactions one execution may build before it ends as retryable."""

    def order(
        self,
        *,
        recipient: str,
        level: int,
        mint_base: str,
        predecessor: str | None = None,
        claim_id: str | None = None,
    ) -> MintOrder:
        """The NFT of `level` for `recipient`, named and described by the catalogue."""
        return MintOrder(
            recipient=recipient,
            level=level,
            name=self.catalogue[level].name,
            symbol=self.catalogue.symbol,
            uri=f"{self.metadata_base_uri}{level}.json",
            mint_base=mint_base,
            token_program=self.token_program,
            collection=self.collection_of(mint_base),
            predecessor=predecessor,
            claim_id=claim_id,
        )

    def successor_order(self, upgrade: Upgrade) -> MintOrder:
        """What an upgrade's wallet is owed for its burn, from stored facts alone."""
        return self.order(
            recipient=upgrade.user_id,
            level=upgrade.target_level,
            mint_base=upgrade.mint_base,
            predecessor=upgrade.nft_id,
        )

    def collection_order(self, mint_base: str) -> CollectionOrder:
        """What the collection of a base key is called."""
        symbol = self.catalogue.symbol
        uri = f"{self.metadata_base_uri}collection.json"
        return CollectionOrder(f"{symbol} collection", symbol, uri, mint_base)


def no_collection(mint_base: str) -> None:
    """For NFTs that are members of no collection."""
