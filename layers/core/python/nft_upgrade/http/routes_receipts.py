"""The user's own proof of a completed upgrade."""

from fastapi import APIRouter
from joserfc.util import urlsafe_b64encode
from starlette.responses import JSONResponse

from nft_upgrade.domain import errors as domain
from nft_upgrade.domain.events import EventType, first_broken_link
from nft_upgrade.domain.receipt import receipt_of, signed_bytes
from nft_upgrade.http import errors as edge
from nft_upgrade.http.calls import SignedIn, answer, respond
from nft_upgrade.http.documented import problems
from nft_upgrade.http.routes_upgrades import UpgradeId
from nft_upgrade.http.schemas_receipts import ReceiptAnswer
from nft_upgrade.http.sessions import public_jwk

router = APIRouter(prefix="/api/nft/upgrade", tags=["upgrades"])


@router.get(
    "/{id}/receipt",
    response_model=ReceiptAnswer,
    responses=problems(
        edge.InvalidToken, domain.NotFound, domain.WrongStatus, domain.SignerUnavailable
    ),
)
def receipt(upgrade_id: UpgradeId, call: SignedIn) -> JSONResponse:
    """A signed receipt of a completed upgrade; docs/verify_receipt.py checks it anywhere."""
    upgrade, events = call.parts.reading.status(call.user_id, upgrade_id)
    hashes = {event.sequence: event.hash for event in events}
    if first_broken_link(events) or hashes.get(upgrade.version) != upgrade.last_event_hash:
        # Whoever changed the table does not get our signature under it.
        raise RuntimeError(f"the history of {upgrade_id} does not fit its hashes; see audit-verify")
    # A late event may follow the completion (a second claim); the receipt is about this one.
    last = next((each for each in events if each.type is EventType.UPGRADE_COMPLETED), events[-1])
    facts = receipt_of(upgrade, last, issuer=call.parts.settings.public_origin)
    key = call.parts.session_signer.key
    signature = urlsafe_b64encode(key.sign(signed_bytes(facts))).decode()
    key_id = public_jwk(key.public_key)["kid"]
    return respond(answer(200, ReceiptAnswer.of(facts, key_id, signature)))
