"""Signing in with a wallet. Open to everybody, limited per address.

An Idempotency-Key is not looked at here: there is no user yet to scope it to, and a nonce must stay
single use, so a repeated verification is refused by design.
"""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from nft_upgrade.domain.errors import RateLimited
from nft_upgrade.http.calls import Anyone, OpenCall, answer, respond
from nft_upgrade.http.documented import ANY_BODY, problems
from nft_upgrade.http.errors import InvalidAddress, SignInFailed
from nft_upgrade.http.rate_limit import limit
from nft_upgrade.http.schemas import (
    ChallengeAnswer,
    SessionAnswer,
    SignInInput,
    User,
)
from nft_upgrade.http.schemas_in import ChallengeRequest, VerifyRequest
from nft_upgrade.http.sessions import Session, cookie_name
from nft_upgrade.http.siws import SignedText, SignIn

router = APIRouter(prefix="/api/auth", tags=["sign-in"])
TOO_MANY = "Too many sign-in requests, please try again later"
NONCE_BYTES = 16


@router.post(
    "/challenge",
    response_model=ChallengeAnswer,
    responses=problems(*ANY_BODY, InvalidAddress, RateLimited),
)
def challenge(body: ChallengeRequest, call: Anyone) -> JSONResponse:
    """The Sign-In-With-Solana fields for the wallet's `signIn`; valid 5 minutes, single use."""
    _limit(call)
    fields = _sign_in(call).challenge(
        body.address,
        origin=_page(call),
        nonce=call.parts.random_bytes(NONCE_BYTES).hex(),
        at=call.now,
    )
    return respond(answer(200, ChallengeAnswer(input=SignInInput.model_validate(fields))))


@router.post(
    "/verify",
    response_model=SessionAnswer,
    responses=problems(*ANY_BODY, InvalidAddress, SignInFailed, RateLimited),
)
def verify(body: VerifyRequest, call: Anyone) -> JSONResponse:
    """A session for the wallet that signed the challenge, as a bearer token and as a cookie."""
    _limit(call)
    signed = SignedText.from_base64(body.address, body.signed_message, body.signature)
    user_id = _sign_in(call).verify(signed, at=call.now)
    access_token, session = call.parts.session_signer.issue(
        user_id, session_id=call.parts.ids.new(), at=call.now
    )
    return _session_response(call, access_token, session)


def _session_response(call: OpenCall, access_token: str, session: Session) -> JSONResponse:
    body = SessionAnswer(
        access_token=access_token,
        expires_at=session.expires_at,
        user=User(id=session.user_id, wallet=session.user_id),
    )
    response = respond(answer(200, body))
    response.set_cookie(
        cookie_name(call.parts.settings.public_origin),
        access_token,
        max_age=int((session.expires_at - call.now).total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return response


def _sign_in(call: OpenCall) -> SignIn:
    parts = call.parts
    return SignIn(parts.challenges, parts.origins, parts.settings.solana_chain_id)


def _page(call: OpenCall) -> str:
    """The origin of the page that asks, if it is one of ours: wallets compare the two."""
    origin = call.request.headers.get("origin")
    return origin if origin in call.parts.origins else call.parts.settings.public_origin


def _limit(call: OpenCall) -> None:
    per_minute = call.parts.settings.auth_rate_per_minute
    name = f"auth:{call.client_address}"
    limit(call.parts.rate_limiter, name, per_minute, TOO_MANY, call.now)
