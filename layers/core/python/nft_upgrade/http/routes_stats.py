"""What analytics keeps: the caller's own figures, and the leaderboard."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from nft_upgrade.domain.stats import UserStats
from nft_upgrade.http import errors as edge
from nft_upgrade.http.calls import SignedIn, answer, respond
from nft_upgrade.http.documented import problems
from nft_upgrade.http.schemas_stats import LeaderboardAnswer, StatsAnswer

router = APIRouter(prefix="/api", tags=["statistics"])


@router.get("/stats/me", response_model=StatsAnswer, responses=problems(edge.InvalidToken))
def my_stats(call: SignedIn) -> JSONResponse:
    """The caller's level, upgrades, times per step and badges; zeros for a new user."""
    known, firsts = call.parts.statistics.with_firsts(call.user_id)
    stats = known or UserStats(user_id=call.user_id)
    return respond(answer(200, StatsAnswer.of(stats, firsts, call.parts.catalogue)))


@router.get(
    "/leaderboard",
    response_model=LeaderboardAnswer,
    responses=problems(edge.InvalidToken, edge.InvalidLimit, edge.InvalidCursor),
)
def leaderboard(
    call: SignedIn,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> JSONResponse:
    """Users who upgraded: highest level first, then who reached it earlier."""
    try:
        page = call.parts.statistics.leaderboard(limit=limit, cursor=cursor)
    except ValueError as foreign:
        raise edge.InvalidCursor("cursor must be a nextCursor of ours.") from foreign
    return respond(answer(200, LeaderboardAnswer.of(page, call.parts.catalogue)))
