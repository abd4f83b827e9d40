"""Atomic mode: one transaction that burns and mints, signed by the wallet first and by us last."""

import binascii
from base64 import b64decode, b64encode

from fastapi import APIRouter
from starlette.responses import JSONResponse

from nft_upgrade.domain import errors as domain
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.http import errors as edge
from nft_upgrade.http.calls import Call, SignedIn, answer, respond
from nft_upgrade.http.documented import ANY_ACT, problems
from nft_upgrade.http.idempotency import Answer
from nft_upgrade.http.routes_upgrades import PREFLIGHT, UpgradeId, step_answer
from nft_upgrade.http.schemas import AtomicTransactionAnswer, StepAnswer
from nft_upgrade.http.schemas_in import SubmitRequest
from nft_upgrade.use_cases import burning

router = APIRouter(prefix="/api/nft/upgrade", tags=["upgrades"])
SUBMITTED = "Your signed transaction was received and is being sent to Solana."


@router.get(
    "/{id}/atomic-transaction",
    response_model=AtomicTransactionAnswer,
    responses=problems(edge.InvalidToken, domain.NotFound, domain.WrongStatus, *PREFLIGHT),
)
def atomic_transaction(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """A fresh unsigned transaction: the one before expires within about a minute."""
    wire = call.parts.opening.atomic_transaction(call.user_id, upgrade_id)
    body = AtomicTransactionAnswer(atomic_transaction=b64encode(wire).decode())
    return respond(answer(200, body))


@router.post(
    "/{id}/submit",
    status_code=202,
    response_model=StepAnswer,
    responses={
        200: {"model": StepAnswer, "description": "Completed already: the final state."},
        **problems(
            *ANY_ACT,
            *PREFLIGHT,
            domain.NotFound,
            domain.WrongTransaction,
            domain.WrongStatus,
            domain.VersionConflict,
        ),
    },
)
def submit(body: SubmitRequest, upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """The transaction with the wallet's signature. It is compared with what we built, instruction
    by instruction, co-signed and sent; guard and compute-budget instructions of the wallet may be
    in it."""
    return call.once(lambda: _submitted(call, upgrade_id, _bytes(body.transaction)))


def _submitted(call: Call, upgrade_id: str, transaction: bytes) -> Answer:
    made = call.parts.submitting.submit(call.user_id, upgrade_id, transaction)
    stands = made.upgrade.status
    is_new = made.answer is burning.Answer.ACCEPTED
    code = "submitted" if is_new else stands.value
    message = SUBMITTED if is_new else f"Nothing new: the upgrade is {stands}."
    http_status = 200 if stands is Status.COMPLETED else 202
    return step_answer(http_status, upgrade_id, stands, code, message)


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (ValueError, binascii.Error) as unreadable:
        raise domain.WrongTransaction("Not signed: not base64.") from unreadable
