"""Burns outside any request, and why a burn was believed or not."""

from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import JSONResponse

from nft_upgrade.domain import errors as domain
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.http import errors as edge
from nft_upgrade.http.calls import Call, SignedIn, answer, respond
from nft_upgrade.http.documented import ANY_ACT, problems
from nft_upgrade.http.idempotency import Answer
from nft_upgrade.http.routes_upgrades import UpgradeId, limit_opens
from nft_upgrade.http.schemas_claims import BurnProofAnswer, ClaimAnswer, ClaimRequest
from nft_upgrade.use_cases import claiming

router = APIRouter(prefix="/api/nft/upgrade", tags=["upgrades"])
RETRY_AFTER = "5"
"""Seconds after which an undecided claim is worth repeating."""
ANSWERS: Mapping[claiming.Answer, tuple[str, str]] = {
    claiming.Answer.ACCEPTED: (
        "claim_accepted",
        "Your burn is real: the next level is on its way.",
    ),
    claiming.Answer.PENDING: (
        "claim_pending",
        "Solana does not show this burn as final yet. Ask again; nothing is lost.",
    ),
}


@router.post(
    "/claims",
    status_code=202,
    response_model=ClaimAnswer,
    responses={
        200: {"model": ClaimAnswer, "description": "Completed already: the final state."},
        **problems(
            *ANY_ACT,
            domain.InvalidMint,
            domain.InvalidSignatureFormat,
            domain.NftNotFound,
            domain.NftNotOwned,
            domain.NftNotBurned,
            domain.BurnRefused,
            domain.ClaimUnclear,
            domain.AlreadyRedeemed,
            domain.BurnAlreadyUsed,
            domain.NftLocked,
            domain.MaxLevel,
            domain.RequirementsNotMet,
            domain.VersionConflict,
            domain.RateLimited,
        ),
    },
)
def claim(body: ClaimRequest, call: SignedIn) -> JSONResponse:
    """For an NFT that was burned outside any request: its last owner gets the successor. Counts
    as an open in the rate limit."""
    limit_opens(call)
    return call.once(lambda: _claimed(call, body))


def _claimed(call: Call, body: ClaimRequest) -> Answer:
    made = call.parts.claiming.claim(
        call.user_id, mint=body.mint, burn_signature=body.burn_transaction_hash
    )
    upgrade = made.upgrade
    if upgrade is None:
        code, message = ANSWERS[made.answer]
        headers = {"retry-after": RETRY_AFTER}
        pending = answer(202, ClaimAnswer.of(made, code, message), **headers)
        return replace(pending, is_kept=False)
    stands = upgrade.status
    code, message = ANSWERS.get(
        made.answer, (stands.value, f"Nothing new: the upgrade is {stands}.")
    )
    location = f"/api/nft/upgrade/{upgrade.id}/status"
    status = 200 if stands is Status.COMPLETED else 202
    return answer(status, ClaimAnswer.of(made, code, message), location=location)


@router.get(
    "/{id}/burn-proof",
    response_model=BurnProofAnswer,
    responses=problems(
        edge.InvalidToken, domain.NotFound, domain.ChainUnavailable, domain.ProvidersDisagree
    ),
)
def burn_proof(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """Every check of the burn: what it looked at, what it says, and why."""
    report = call.parts.explaining.burn(call.user_id, upgrade_id)
    return respond(answer(200, BurnProofAnswer.of(report)))
