"""The caller's NFTs, and whether one of them may be upgraded."""

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from nft_upgrade.domain.errors import ChainUnavailable, InvalidTargetLevel
from nft_upgrade.http.calls import SignedIn, answer, respond
from nft_upgrade.http.documented import problems
from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.schemas import EligibilityAnswer, NftsAnswer, NftView

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
