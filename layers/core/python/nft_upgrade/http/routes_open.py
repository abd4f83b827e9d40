"""What anybody may ask: is it up, and which keys sign sessions."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from nft_upgrade.http.calls import Anyone, answer, respond
from nft_upgrade.http.documented import problems
from nft_upgrade.http.schemas import HealthAnswer, JwksAnswer

router = APIRouter(tags=["open"])


@router.get("/api/nft/upgrade/health", response_model=HealthAnswer, responses=problems())
async def health(call: Anyone) -> JSONResponse:
    """Up; nothing behind it is asked."""
    return respond(answer(200, HealthAnswer(timestamp=call.now)))


@router.get("/.well-known/jwks.json", response_model=JwksAnswer, responses=problems())
def session_keys(call: Anyone) -> JSONResponse:
    """The public keys of the session tokens (RFC 7517)."""
    keys = call.parts.session_verifier.jwks()
    return JSONResponse(keys, headers={"cache-control": "public, max-age=300"})
