"""The registry's row for one NFT. The chain is the truth about who holds it; this is our memory."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self


class NftStatus(StrEnum):
    """What we know of an NFT."""

    ACTIVE = "active"
    """Held by its owner and free to be upgraded."""
    UPGRADING = "upgrading"
    """An active upgrade holds it; it may or may not be burned already."""
    BURNED = "burned"
    """Its burn is proven at finalized commitment. Final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nft:
    """One NFT we minted or an operator registered; `mint` is its address, base58.

    `token_program` and `mint_base` are pinned for ever: the successor's address derives from them
    (chain.md section 2), so changing either would allow a second successor.
    """

    mint: str
    owner: str
    level: int
    status: NftStatus
    version: int
    token_program: str
    mint_base: str
    created_at: datetime
    updated_at: datetime
    predecessor: str | None = None
    successor: str | None = None
    mint_signature: str | None = None
    """The transaction that minted it; None for NFTs that an operator registered."""
    burn_signature: str | None = None
    """The transaction that is proven to have burned it."""

    def moved_to(self, status: NftStatus, *, at: datetime, owner: str | None = None) -> Self:
        """The same NFT one version later, in another status."""
        return replace(
            self,
            status=status,
            version=self.version + 1,
            updated_at=at,
            owner=owner or self.owner,
        )

    def burned(self, *, successor: str, burn_signature: str | None, at: datetime) -> Self:
        """The same NFT, burned; the successor is owed from here on, at a known address."""
        return replace(
            self.moved_to(NftStatus.BURNED, at=at),
            successor=successor,
            burn_signature=burn_signature,
        )

    def is_same_nft(self, other: "Nft") -> bool:
        """Whether both rows speak of one NFT: everything that never changes is equal."""
        return (self.mint, self.level, self.predecessor, self.token_program, self.mint_base) == (
            other.mint,
            other.level,
            other.predecessor,
            other.token_program,
            other.mint_base,
        )
