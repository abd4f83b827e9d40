"""What operators see and do. Every route wants an operator's session; every act wants a reason."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from nft_upgrade.domain import errors as domain
from nft_upgrade.domain.upgrade import Review, Upgrade
from nft_upgrade.http import errors as edge
from nft_upgrade.http.calls import answer, respond
from nft_upgrade.http.documented import ANY_ACT, problems
from nft_upgrade.http.idempotency import Answer
from nft_upgrade.http.ops_calls import Operator, OperatorCall
from nft_upgrade.http.routes_upgrades import UpgradeId
from nft_upgrade.http.schemas_ops import (
    ActAnswer,
    CaseAnswer,
    CasesAnswer,
    JournalAnswer,
    LiveProofAnswer,
    OverviewAnswer,
    ReasonRequest,
)

router = APIRouter(prefix="/api/ops", tags=["operators"])
SEEN = (edge.InvalidToken, edge.NotOperator)
PAGED = (*SEEN, edge.InvalidLimit, edge.InvalidCursor)
ACTED = (*ANY_ACT, edge.NotOperator)
DECIDED = (*ACTED, domain.NotFound, domain.WrongStatus, domain.ChainUnavailable)
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/status", response_model=OverviewAnswer, responses=problems(*SEEN))
def status(call: Operator) -> JSONResponse:
    """Everything at one moment. A part that does not answer is null and takes nothing away."""
    overview = call.parts.watching.overview()
    return respond(answer(200, OverviewAnswer.of(overview, call.operator)))


@router.get("/requests", response_model=CasesAnswer, responses=problems(*PAGED))
def waiting(
    call: Operator,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> JSONResponse:
    """Everybody who waits after a burn, or for a decision about it: the longest wait first."""
    try:
        people, page = call.parts.watching.waiting(limit=limit, after=cursor)
    except ValueError as foreign:
        raise edge.InvalidCursor("cursor must be a nextCursor of ours.") from foreign
    return respond(answer(200, CasesAnswer.of(people, page, limit)))


@router.get("/requests/{id}", response_model=CaseAnswer, responses=problems(*SEEN, domain.NotFound))
def case(upgrade_id: UpgradeId, call: Operator) -> JSONResponse:
    """One upgrade, whoever's it is: history, mint attempts, and the burn's checks as kept."""
    return respond(answer(200, CaseAnswer.of(call.parts.watching.case(upgrade_id))))


@router.get(
    "/requests/{id}/burn-proof",
    response_model=LiveProofAnswer,
    responses=problems(*SEEN, domain.NotFound, domain.WrongStatus, domain.ChainUnavailable),
)
def live_proof(upgrade_id: UpgradeId, call: Operator) -> JSONResponse:
    """A burn under review as the chain shows it now."""
    return respond(answer(200, LiveProofAnswer.of(call.parts.reviewing.proof(upgrade_id))))


@router.post(
    "/requests/{id}/retry",
    response_model=ActAnswer,
    responses=problems(*ACTED, domain.NotFound, domain.NotRetryable),
)
def retry(upgrade_id: UpgradeId, body: ReasonRequest, call: Operator) -> JSONResponse:
    """Another execution for a mint that failed, now rather than by the next sweep."""
    act = call.parts.operating.retry
    return call.once(lambda: _decided(call, upgrade_id, body, act, "The mint is tried again."))


@router.post("/requests/{id}/accept", response_model=ActAnswer, responses=problems(*DECIDED))
def accept(upgrade_id: UpgradeId, body: ReasonRequest, call: Operator) -> JSONResponse:
    """A burn under review gets its successor."""
    act = call.parts.operating.accept
    return call.once(
        lambda: _decided(call, upgrade_id, body, act, "The successor is being minted.")
    )


@router.post("/requests/{id}/refuse", response_model=ActAnswer, responses=problems(*DECIDED))
def refuse(upgrade_id: UpgradeId, body: ReasonRequest, call: Operator) -> JSONResponse:
    """A burn under review gets none; the user reads the reason."""
    act = call.parts.operating.refuse
    return call.once(lambda: _decided(call, upgrade_id, body, act, "The next sweep ends it."))


@router.post("/minting/pause", response_model=ActAnswer, responses=problems(*ACTED))
def pause(body: ReasonRequest, call: Operator) -> JSONResponse:
    """New upgrades are refused at once, and users read the reason; what is burned is minted."""
    act = call.parts.operating.pause
    return call.once(lambda: _switched(call, body, act, "New upgrades are refused."))


@router.post("/minting/resume", response_model=ActAnswer, responses=problems(*ACTED))
def resume(body: ReasonRequest, call: Operator) -> JSONResponse:
    """New upgrades are taken again."""
    act = call.parts.operating.resume
    return call.once(lambda: _switched(call, body, act, "New upgrades are taken again."))


@router.get("/journal", response_model=JournalAnswer, responses=problems(*PAGED))
def journal(
    call: Operator,
    limit: Limit = 20,
    cursor: Annotated[int | None, Query(ge=2, le=999_999_999)] = None,
) -> JSONResponse:
    """What operators asked for, newest first."""
    entries, is_sound = call.parts.watching.entries(limit=limit, before=cursor)
    return respond(answer(200, JournalAnswer.of(entries, is_sound, limit)))


def _decided(
    call: OperatorCall,
    upgrade_id: str,
    body: ReasonRequest,
    act: Callable[[str, Review], Upgrade],
    message: str,
) -> Answer:
    upgrade = act(upgrade_id, call.because(body.reason))
    return answer(202, ActAnswer(message=message, status=upgrade.status))


def _switched(
    call: OperatorCall, body: ReasonRequest, act: Callable[[Review], None], message: str
) -> Answer:
    act(call.because(body.reason))
    return answer(200, ActAnswer(message=message, status=None))
