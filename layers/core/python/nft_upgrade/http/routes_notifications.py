"""Where and whether a user is written to.

The two links in our mail work without a session. Their GET only shows a button: mail scanners and
previews open every link, and RFC 8058 (section 3.1) wants the change by POST alone.
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from starlette.responses import HTMLResponse, JSONResponse

from nft_upgrade.domain.errors import (
    AddressRefused,
    DeviceRefused,
    LinkInvalid,
    RateLimited,
    Unavailable,
    VersionConflict,
)
from nft_upgrade.http.calls import Anyone, Call, SignedIn, answer, respond
from nft_upgrade.http.documented import ANY_ACT, ANY_BODY, problems
from nft_upgrade.http.errors import BodyTooLarge, InvalidField, InvalidToken, WrongOrigin
from nft_upgrade.http.idempotency import Answer
from nft_upgrade.http.schemas_notifications import (
    LINK,
    DeviceAnswer,
    DeviceRequest,
    DeviceView,
    EmailRequest,
    PreferencesAnswer,
    SwitchRequest,
)

router = APIRouter(prefix="/api/notifications/preferences", tags=["notifications"])
LinkText = Annotated[str, Query(alias="link", max_length=512, examples=[LINK])]
CHANGING = (*ANY_BODY, InvalidToken, WrongOrigin, VersionConflict)
PAGE_POLICY = (
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "style-src 'none'"
)


@router.get("", response_model=PreferencesAnswer, responses=problems(InvalidToken))
def preferences(call: SignedIn) -> JSONResponse:
    """Addresses, devices and channels of the caller."""
    return respond(_overview(call))


@router.put("", response_model=PreferencesAnswer, responses=problems(*CHANGING))
def switch(body: SwitchRequest, call: SignedIn) -> JSONResponse:
    """Turn channels on and off."""
    call.parts.preferences.switch(
        call.user_id, wants_mail=body.email_enabled, wants_push=body.push_enabled
    )
    return respond(_overview(call))


@router.delete("", response_model=PreferencesAnswer, responses=problems(InvalidToken, WrongOrigin))
def forget(call: SignedIn) -> JSONResponse:
    """Delete the address, the devices and the preferences; links in older mail become void."""
    call.parts.preferences.forget(call.user_id)
    return respond(_overview(call))


@router.put(
    "/email",
    status_code=202,
    response_model=PreferencesAnswer,
    responses=problems(*CHANGING, AddressRefused, RateLimited, Unavailable),
)
def ask_address(body: EmailRequest, call: SignedIn) -> JSONResponse:
    """Mail a confirmation to the address; it is used once that link was followed."""
    call.parts.preferences.ask(call.user_id, body.address, caller=call.client_address)
    return respond(_overview(call, 202))


@router.get("/email/confirmation", response_class=HTMLResponse, responses=problems(InvalidField))
def show_confirmation(link: LinkText) -> HTMLResponse:
    """A page with a button. Changes nothing."""
    return _page("Confirm your e-mail address", button="Confirm")


@router.post(
    "/email/confirmation",
    response_class=HTMLResponse,
    responses=problems(InvalidField, BodyTooLarge, LinkInvalid, VersionConflict),
)
def confirm_address(link: LinkText, call: Anyone) -> HTMLResponse:
    """Use the address from now on."""
    call.parts.preferences.confirm(link)
    return _page("Your e-mail address is confirmed.")


@router.get("/unsubscribe", response_class=HTMLResponse, responses=problems(InvalidField))
def show_unsubscription(link: LinkText) -> HTMLResponse:
    """A page with a button. Changes nothing."""
    return _page("Stop mail about your NFT upgrades?", button="Unsubscribe")


@router.post(
    "/unsubscribe",
    response_class=HTMLResponse,
    responses=problems(InvalidField, BodyTooLarge, LinkInvalid, VersionConflict),
)
def unsubscribe(link: LinkText, call: Anyone) -> HTMLResponse:
    """RFC 8058: one click in the mail program, or the button of the page."""
    call.parts.preferences.unsubscribe(link)
    return _page("You will get no more mail from us.")


@router.post(
    "/devices",
    status_code=201,
    response_model=DeviceAnswer,
    responses=problems(*ANY_ACT, DeviceRefused, Unavailable),
)
def add_device(body: DeviceRequest, call: SignedIn) -> JSONResponse:
    """Push to this app installation from now on, and to no other user's on it."""
    return call.once(lambda: _added(call, body))


@router.delete(
    "/devices/{id}",
    response_model=PreferencesAnswer,
    responses=problems(InvalidToken, WrongOrigin, InvalidField),
)
def remove_device(
    call: SignedIn, id: Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]
) -> JSONResponse:
    """Push nothing to it any more."""
    call.parts.preferences.remove_device(call.user_id, id)
    return respond(_overview(call))


def _overview(call: Call, status: int = 200) -> Answer:
    return answer(status, PreferencesAnswer.of(call.parts.preferences.of(call.user_id)))


def _added(call: Call, body: DeviceRequest) -> Answer:
    device = call.parts.preferences.add_device(call.user_id, body.platform, body.device_token)
    return answer(201, DeviceAnswer(device=DeviceView.of(device)))


def _page(says: str, *, button: str | None = None) -> HTMLResponse:
    """The form posts to the page's own address, link included."""
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(says)}</title>'
        f"</head><body><p>{escape(says)}</p>{form}</body></html>"
    )
    headers = {"content-security-policy": PAGE_POLICY, "cache-control": "no-store"}
    return HTMLResponse(html, headers=headers)
