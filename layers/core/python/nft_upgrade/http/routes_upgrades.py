"""Upgrade requests: open, burn, confirm, retry, cancel, look."""

import re
from base64 import b64encode
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BeforeValidator
from starlette.responses import JSONResponse

from nft_upgrade.domain import errors as domain
from nft_upgrade.domain.upgrade import Mode, Status
from nft_upgrade.http import errors as edge
from nft_upgrade.http.body import no_body
from nft_upgrade.http.calls import Call, SignedIn, answer, respond
from nft_upgrade.http.documented import ANY_ACT, problems
from nft_upgrade.http.idempotency import Answer
from nft_upgrade.http.rate_limit import is_repeat, limit
from nft_upgrade.http.schemas import (
    UPGRADE_ID,
    BurnTransactionAnswer,
    OpenAnswer,
    RequestsAnswer,
    StatusAnswer,
    StepAnswer,
    TicketAnswer,
    UpgradeView,
)
from nft_upgrade.http.schemas_in import ConfirmRequest, OpenRequest
from nft_upgrade.http.tickets import issue_ticket
from nft_upgrade.use_cases import burning

router = APIRouter(prefix="/api/nft/upgrade", tags=["upgrades"])
TOO_MANY = "Too many upgrade requests, please try again later"
"""The product's own sentence."""
REPEATS = 4
"""How often an open may be repeated under its Idempotency-Key within a minute, on average."""
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def _known_form(text: object) -> str:
    """What cannot be an id is not looked up, and answered like an id of somebody else's."""
    if not isinstance(text, str) or not _ULID.fullmatch(text):
        raise domain.NotFound("There is no such upgrade request.")
    return text


UpgradeId = Annotated[
    str, BeforeValidator(_known_form), Path(alias="id", examples=[UPGRADE_ID], description="ULID.")
]
PREFLIGHT = (
    domain.NftNotFound,
    domain.NftNotOwned,
    domain.NftNotFree,
    domain.UnsupportedNft,
    domain.MintingPaused,
    domain.ChainUnavailable,
    domain.ProvidersDisagree,
)


@router.post(
    "",
    status_code=201,
    response_model=OpenAnswer,
    responses=problems(
        *ANY_ACT,
        *PREFLIGHT,
        domain.InvalidMint,
        domain.InvalidTargetLevel,
        domain.MaxLevel,
        domain.RequirementsNotMet,
        domain.UpgradeActive,
        domain.NftLocked,
        domain.AlreadyRedeemed,
        domain.AlreadyOwnsNft,
        domain.RateLimited,
    ),
)
def open_upgrade(body: OpenRequest, call: SignedIn) -> JSONResponse:
    """Opens an upgrade and gives the burn transaction to sign. Five per minute; a repeat under the
    same Idempotency-Key is no new one."""
    limit_opens(call)
    return call.once(lambda: _opened(call, body))


def limit_opens(call: Call) -> None:
    """Opens and claims count together, by address and user. A repeat under its Idempotency-Key (the
    chain could not be asked, the answer was lost) counts apart, so that patience costs nobody the
    next open; it counts, because a refused call is carried out anew each time."""
    name = f"open:{call.client_address}:{call.user_id}"
    per_minute = call.parts.settings.upgrade_rate_per_minute
    limiter, idempotency_key = call.parts.rate_limiter, call.request.headers.get("idempotency-key")
    if idempotency_key is not None and is_repeat(limiter, name, idempotency_key, call.now):
        name, per_minute = f"repeat:{name}", REPEATS * per_minute
    limit(limiter, name, per_minute, TOO_MANY, call.now)


def _opened(call: Call, body: OpenRequest) -> Answer:
    opened = call.parts.opening.open(
        call.user_id, body.current_nft_id, body.target_level, Mode(body.mode)
    )
    location = f"/api/nft/upgrade/{opened.upgrade.id}/status"
    return answer(201, OpenAnswer.of(opened), location=location)


@router.get(
    "/user/requests",
    response_model=RequestsAnswer,
    responses=problems(
        edge.InvalidToken, edge.InvalidStatus, edge.InvalidLimit, edge.InvalidCursor
    ),
)
def requests(
    call: SignedIn,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> JSONResponse:
    """The caller's upgrade requests, newest first, page by page."""
    try:
        page = call.parts.reading.requests(call.user_id, status=status, limit=limit, cursor=cursor)
    except ValueError as foreign:
        raise edge.InvalidCursor("cursor must be a nextCursor of ours.") from foreign
    views = [UpgradeView.of(upgrade) for upgrade in page.upgrades]
    return respond(answer(200, RequestsAnswer(requests=views, next_cursor=page.next_cursor)))


@router.get(
    "/{id}/status",
    response_model=StatusAnswer,
    responses=problems(edge.InvalidToken, domain.NotFound),
)
def status(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """Where the upgrade stands, and how it got there."""
    upgrade, events = call.parts.reading.status(call.user_id, upgrade_id)
    return respond(answer(200, StatusAnswer.of(upgrade, events)))


@router.get(
    "/{id}/burn-transaction",
    response_model=BurnTransactionAnswer,
    responses=problems(edge.InvalidToken, domain.NotFound, domain.WrongStatus, *PREFLIGHT),
)
def burn_transaction(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """A fresh unsigned burn transaction: the one before expires within about a minute."""
    wire = call.parts.opening.burn_transaction(call.user_id, upgrade_id)
    body = BurnTransactionAnswer(burn_transaction=b64encode(wire).decode())
    return respond(answer(200, body))


@router.post(
    "/{id}/burn-confirmation",
    status_code=202,
    response_model=StepAnswer,
    responses={
        200: {"model": StepAnswer, "description": "Completed already: the final state."},
        **problems(
            *ANY_ACT,
            domain.NotFound,
            domain.InvalidSignatureFormat,
            domain.BurnAlreadyUsed,
            domain.WrongStatus,
            domain.VersionConflict,
        ),
    },
)
def confirm_burn(body: ConfirmRequest, upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """Names the transaction that burned the NFT. It is believed only when Solana shows it."""
    return call.once(lambda: _confirmed(call, upgrade_id, body.burn_transaction_hash))


CONFIRMATIONS = {
    burning.Answer.ACCEPTED: (
        "burn_pending",
        "Your burn was received and is being verified on Solana.",
    ),
    burning.Answer.LATE: (
        "late_burn_accepted",
        "The request was given up, but your burn is real: the next level is being minted.",
    ),
    burning.Answer.LATE_PENDING: (
        "late_burn_pending",
        "The request was given up. If your burn becomes final, the next level is minted.",
    ),
}


def _confirmed(call: Call, upgrade_id: str, burn_signature: str) -> Answer:
    confirmation = call.parts.burning.confirm(call.user_id, upgrade_id, burn_signature)
    upgrade_id = confirmation.upgrade.id
    stands = confirmation.upgrade.status
    code, message = CONFIRMATIONS.get(
        confirmation.answer, (stands.value, f"Nothing new: the upgrade is {stands}.")
    )
    made = step_answer(
        200 if stands is Status.COMPLETED else 202, upgrade_id, stands, code, message
    )
    is_late = confirmation.answer is burning.Answer.LATE_PENDING
    return replace(made, is_kept=not is_late)


@router.post(
    "/{id}/retry",
    status_code=202,
    response_model=StepAnswer,
    dependencies=[Depends(no_body)],
    responses=problems(*ANY_ACT, domain.NotFound, domain.NotRetryable, domain.VersionConflict),
)
def retry(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """Tries a failed mint again; only from `failed_retryable`, without limit."""
    return call.once(lambda: _retried(call, upgrade_id))


def _retried(call: Call, upgrade_id: str) -> Answer:
    upgrade = call.parts.minting.retry(call.user_id, upgrade_id)
    return step_answer(202, upgrade_id, upgrade.status, "retry_started", "Trying the mint again.")


@router.post(
    "/{id}/cancel",
    response_model=StepAnswer,
    dependencies=[Depends(no_body)],
    responses={
        202: {"model": StepAnswer, "description": "A claimed burn is looked at first."},
        **problems(
            *ANY_ACT,
            domain.NotFound,
            domain.CannotCancelAfterBurn,
            domain.WrongStatus,
            domain.ChainUnavailable,
            domain.ProvidersDisagree,
            domain.VersionConflict,
        ),
    },
)
def cancel(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """Gives up before a burn; refused once the NFT is burned."""
    return call.once(lambda: _cancelled(call, upgrade_id))


def _cancelled(call: Call, upgrade_id: str) -> Answer:
    stands = call.parts.ending.cancel(call.user_id, upgrade_id).status
    if stands is Status.CANCELLED:
        return step_answer(200, upgrade_id, stands, "upgrade_cancelled", "Cancelled.")
    message = "Your claimed burn is being verified; cancelling waits for that."
    return replace(step_answer(202, upgrade_id, stands, stands.value, message), is_kept=False)


@router.post(
    "/{id}/events-ticket",
    response_model=TicketAnswer,
    dependencies=[Depends(no_body)],
    responses=problems(*ANY_ACT, domain.NotFound),
)
def events_ticket(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """A ticket that opens this upgrade's event stream once, for an EventSource elsewhere."""
    return call.once(lambda: _ticket(call, upgrade_id))


def _ticket(call: Call, upgrade_id: str) -> Answer:
    upgrade = call.parts.reading.owned(call.user_id, upgrade_id)
    ticket, grant = issue_ticket(
        call.parts.tickets,
        call.session,
        upgrade.id,
        random_bytes=call.parts.random_bytes,
        at=call.now,
    )
    return answer(200, TicketAnswer(ticket=ticket, expires_at=grant.expires_at))


def step_answer(
    http_status: int, upgrade_id: str, stands: Status, code: str, message: str
) -> Answer:
    """A `StepAnswer` with its HTTP status."""
    body = StepAnswer(upgrade_request_id=upgrade_id, status=stands, code=code, message=message)
    return answer(http_status, body)
