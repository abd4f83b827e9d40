"""The session that a page cannot read: whose it is, until when, and its end."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from nft_upgrade.http.calls import Anyone, SignedIn, answer, require_our_origin, respond
from nft_upgrade.http.documented import problems
from nft_upgrade.http.errors import InvalidToken, WrongOrigin
from nft_upgrade.http.schemas_session import WhoAnswer
from nft_upgrade.http.sessions import cookie_name

router = APIRouter(prefix="/api/auth", tags=["sign-in"])


@router.get("/session", response_model=WhoAnswer, responses=problems(InvalidToken))
def who_am_i(call: SignedIn) -> JSONResponse:
    """Whom the session belongs to: what a page asks after a reload, its cookie being unreadable."""
    session = call.session
    chain_id = call.parts.settings.solana_chain_id
    body = WhoAnswer(address=session.user_id, expires_at=session.expires_at, chain_id=chain_id)
    return respond(answer(200, body))


@router.post("/sign-out", status_code=204, responses=problems(WrongOrigin))
def sign_out(call: Anyone) -> Response:
    """Takes the cookie away, also one that is not valid any more. A bearer token is the caller's to
    forget: tokens are read without a list of them, so a copied one lives until it expires."""
    require_our_origin(call.request, call.parts)
    response = Response(status_code=204)
    response.delete_cookie(
        cookie_name(call.parts.settings.public_origin),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return response
