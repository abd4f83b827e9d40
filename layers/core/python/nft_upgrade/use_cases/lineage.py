"""Where an NFT came from: predecessor by predecessor, verifiable by anyone (chain.md section 2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nft_upgrade.domain.errors import NftNotFound
from nft_upgrade.domain.nft import Nft
from nft_upgrade.ports import NftProgram, Nfts


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One NFT of a line. `seed` derives its address from `nft.mint_base` and the program that owns
    it; None for the first of a line, whose address does not come from a burn."""

    nft: Nft
    seed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The registry's rows, followed backwards."""

    nfts: Nfts
    program: NftProgram
    most: int = 100
    """Rows of one answer: a line is as long as there are levels."""

    def of(self, mint: str) -> Sequence[Ancestor]:
        """The NFT itself first, then what was burned for it, and so on. NftNotFound: not ours."""
        return list(self._walk(mint))

    def _walk(self, mint: str) -> Iterator[Ancestor]:
        nft = self.nfts.get(mint)
        if nft is None:
            raise NftNotFound("This mint is not one of our NFTs.")
        for _ in range(self.most):
            yield Ancestor(nft, self._seed(nft))
            before = self.nfts.get(nft.predecessor) if nft.predecessor else None
            if before is None:
                return
            nft = before

    def _seed(self, nft: Nft) -> str | None:
        return self.program.successor_seed(nft.predecessor) if nft.predecessor else None
