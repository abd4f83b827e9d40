"""The caller's NFTs, whether one of them may be upgraded, and where any NFT came from."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator
from starlette.responses import JSONResponse

from nft_upgrade.domain.errors import (
    ChainUnavailable,
    InvalidMint,
    InvalidTargetLevel,
    NftNotFound,
)
from nft_upgrade.http.base58_text import mint_text
from nft_upgrade.http.calls import Anyone, SignedIn, answer, respond
from nft_upgrade.http.documented import problems
from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.schemas import EligibilityAnswer, NftsAnswer, NftView
from nft_upgrade.http.schemas_claims import AncestorView, LineageAnswer
from nft_upgrade.http.schemas_in import MINT

router = APIRouter(prefix="/api/nft", tags=["NFTs"])


@router.get("", response_model=NftsAnswer, responses=problems(InvalidToken))
def nfts(call: SignedIn) -> JSONResponse:
    """The caller's NFTs as the registry last saw them, newest first."""
    owned = call.parts.reading.owned_nfts(call.user_id)
    views = [NftView.of(nft, call.parts.catalogue) for nft in owned]
    return respond(answer(200, NftsAnswer(nfts=views)))


@router.get(
    "/can-upgrade",
    response_model=EligibilityAnswer,
    responses=problems(InvalidToken, InvalidTargetLevel, ChainUnavailable),
)
def can_upgrade(
    call: SignedIn,
    target_level: int | None = Query(None, alias="targetLevel", examples=[2]),
) -> JSONResponse:
    """Every blocker at once; without `targetLevel` for the level that follows."""
    if target_level is not None and not 1 <= target_level <= call.parts.catalogue.top:
        raise InvalidTargetLevel(f"Levels go from 1 to {call.parts.catalogue.top}.")
    eligibility = call.parts.opening.eligibility(call.user_id, target_level)
    return respond(answer(200, EligibilityAnswer.of(eligibility)))


@router.get(
    "/{mint}/lineage",
    response_model=LineageAnswer,
    responses=problems(InvalidMint, NftNotFound),
)
def lineage(
    mint: Annotated[str, BeforeValidator(mint_text), Path(examples=[MINT])], call: Anyone
) -> JSONResponse:
    """Predecessor by predecessor, with the transactions that minted and burned each: what the
    addresses derive from, so that anybody can verify it on Solana alone."""
    line = call.parts.lineage.of(mint)
    views = [AncestorView.of(ancestor, call.parts.catalogue) for ancestor in line]
    return respond(answer(200, LineageAnswer(nft_id=mint, lineage=views)))
