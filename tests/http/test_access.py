"""Who may call: sessions, cookies, origins, tickets, and what an answer carries."""

import hashlib
import logging

import pytest

from nft_upgrade.http.app import create_app
from nft_upgrade.http.sessions import SessionSigner, cookie_name
from tests.fakes.signing import TestKey
from tests.http.house import (
    ALICE,
    MINT,
    ORIGIN,
    PARTNER,
    House,
    open_upgrade,
    problem_of,
)

CLOSED = [
    ("GET", "/api/nft"),
    ("GET", "/api/nft/can-upgrade"),
    ("GET", "/api/stats/me"),
    ("GET", "/api/leaderboard"),
    ("POST", "/api/nft/upgrade"),
    ("GET", "/api/nft/upgrade/user/requests"),
    ("GET", "/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/status"),
    ("GET", "/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/burn-transaction"),
    ("POST", "/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/burn-confirmation"),
    ("POST", "/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/retry"),
    ("POST", "/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel"),
    ("POST", "/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/events-ticket"),
]
OPEN = ["/api/nft/upgrade/health", "/.well-known/jwks.json", "/openapi.json", "/docs"]


# --- sessions -------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_session_nothing_is_shown(house: House, method: str, path: str) -> None:
    answered = house.browser().request(method, path)
    assert problem_of(answered) == (401, "invalid_token")
    assert answered.headers["www-authenticate"].startswith("Bearer")
    assert answered.json()["errorType"] == "wallet_disconnected"


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_needs_no_session(house: House, path: str) -> None:
    assert house.browser().get(path).status_code == 200


def test_a_session_ends(house: House) -> None:
    client = house.signed_in()
    house.clock.advance(hours=12)
    assert problem_of(client.get("/api/nft")) == (401, "invalid_token")


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer x.y.z", "Basic dXNlcjpwYXNz", "Bearer \xff", "x" * 5000],
)
def test_what_is_no_bearer_token_is_refused(house: House, authorization: str) -> None:
    headers = [(b"Authorization", authorization.encode("latin-1"))]
    answered = house.browser().get("/api/nft", headers=headers)
    assert problem_of(answered) == (401, "invalid_token")


def test_tokens_of_another_key_or_audience_are_refused(house: House) -> None:
    life = house.parts.session_signer.life
    forged = SessionSigner(TestKey("forger"), ORIGIN, life)
    foreign = SessionSigner(house.session_key, ORIGIN, life, "another-audience")
    for signer in (forged, foreign):
        token, _ = signer.issue(ALICE.address, session_id="S", at=house.clock.now())
        answered = house.browser(authorization=f"Bearer {token}").get("/api/nft")
        assert problem_of(answered) == (401, "invalid_token")


def test_a_bad_bearer_token_is_not_healed_by_a_good_cookie(house: House) -> None:
    client = house.browser(authorization="Bearer x.y.z")
    client.cookies.set(cookie_name(ORIGIN), house.access_token())
    assert problem_of(client.get("/api/nft")) == (401, "invalid_token")


def test_the_published_keys_are_those_of_the_sessions(house: House) -> None:
    answered = house.browser().get("/.well-known/jwks.json")
    assert answered.json() == house.parts.session_verifier.jwks()
    assert answered.headers["cache-control"] == "public, max-age=300"


# --- cookies and origins --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({}, True),
        ({"Origin": ORIGIN}, True),
        ({"Origin": PARTNER}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://nft.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
    ],
)
def test_only_our_pages_may_act_by_cookie(
    house: House, headers: dict[str, str], is_allowed: bool
) -> None:
    house.give_nft()
    client = house.browser()
    client.cookies.set(cookie_name(ORIGIN), house.access_token())
    answered = open_upgrade(client, headers=headers)
    if is_allowed:
        assert answered.status_code == 201
    else:
        assert problem_of(answered) == (403, "wrong_origin")


def test_looking_by_cookie_is_not_acting(house: House) -> None:
    client = house.browser()
    client.cookies.set(cookie_name(ORIGIN), house.access_token())
    assert client.get("/api/nft", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_bearer_token_is_never_sent_by_a_browser_on_its_own(house: House) -> None:
    house.give_nft()
    answered = open_upgrade(house.signed_in(), headers={"Origin": "https://evil.example"})
    assert answered.status_code == 201
    assert "access-control-allow-origin" not in answered.headers


def test_an_allowed_page_may_read_answers_and_problems_with_credentials(house: House) -> None:
    for client in (house.signed_in(), house.browser()):
        answered = client.get("/api/nft", headers={"Origin": PARTNER})
        assert answered.headers["access-control-allow-origin"] == PARTNER
        assert answered.headers["access-control-allow-credentials"] == "true"


def test_a_preflight_names_what_is_allowed(house: House) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key,authorization",
    }
    client = house.browser()
    allowed = client.options("/api/nft/upgrade", headers={**asked, "Origin": PARTNER})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PARTNER
    refused = client.options(
        "/api/nft/upgrade", headers={**asked, "Origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in refused.headers


def test_allowing_every_origin_is_not_possible() -> None:
    house = House(allowed_origins=("*",))
    with pytest.raises(ValueError, match="each origin"):
        create_app(house.parts)


# --- tokens in URLs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["access_token", "token", "jwt", "Access-Token", "accessToken", "session", "x"]
)
def test_a_session_token_in_a_url_is_refused_and_not_logged(
    house: House, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = house.access_token()
    with caplog.at_level(logging.DEBUG):
        answered = house.browser().get(f"/api/nft?a=1&{name}={token}")
    assert problem_of(answered) == (400, "token_in_url")
    ours = [record for record in caplog.records if record.name.startswith("nft_upgrade")]
    assert [record.query for record in ours] == [f"a=1&{name}=REDACTED"]  # type: ignore[attr-defined]
    assert not any(token in str(vars(record)) for record in ours)


@pytest.mark.parametrize("form", ["{}", "%20{}", "x=%20{}", "a=1&{}=", "x={}%20"])
def test_a_session_token_in_any_place_of_a_query_is_refused_and_redacted(
    house: House, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = house.access_token()
    with caplog.at_level(logging.DEBUG):
        answered = house.browser().get("/api/nft?" + form.format(token))
    assert problem_of(answered) == (400, "token_in_url")
    ours = [record for record in caplog.records if record.name.startswith("nft_upgrade")]
    assert ours
    assert not any(token in str(vars(record)) for record in ours)


def test_a_token_by_name_is_refused_whatever_its_value(house: House) -> None:
    answered = house.browser().get("/api/nft/upgrade/health?access_token=opaque")
    assert problem_of(answered) == (400, "token_in_url")


@pytest.mark.parametrize("query", ["targetLevel=2", "x=a.b.c", "cursor=1.2.3", "x=", "&&=&%"])
def test_other_queries_are_no_tokens(house: House, query: str) -> None:
    assert house.browser().get(f"/api/nft/upgrade/health?{query}").status_code == 200


# --- tickets --------------------------------------------------------------------------------


def test_a_ticket_opens_one_stream_of_one_upgrade(house: House) -> None:
    upgrade_id = house.opened()
    answered = house.signed_in().post(f"/api/nft/upgrade/{upgrade_id}/events-ticket")
    body = answered.json()
    assert answered.status_code == 200 and body["success"] is True
    assert body["expiresAt"] == "2026-11-01T12:00:30.000Z"
    hashed = hashlib.sha256(body["ticket"].encode()).hexdigest()
    now = house.clock.now()
    grant = house.tickets.redeem(hashed, upgrade_id=upgrade_id, is_reconnect=False, at=now)
    assert grant is not None and grant.user_id == ALICE.address


def test_every_ticket_is_another_one(house: House) -> None:
    path = f"/api/nft/upgrade/{house.opened()}/events-ticket"
    client = house.signed_in()
    assert client.post(path).json()["ticket"] != client.post(path).json()["ticket"]


# --- the same call twice --------------------------------------------------------------------


def test_an_idempotency_key_makes_a_repeated_open_one(house: House) -> None:
    house.give_nft()
    keyed = {"Idempotency-Key": "9b6e1c3e"}
    first = open_upgrade(house.signed_in(), headers=keyed)
    again = open_upgrade(house.signed_in(), headers=keyed)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]


def test_an_idempotency_key_with_another_body_is_refused(house: House) -> None:
    house.give_nft()
    keyed = {"Idempotency-Key": "9b6e1c3e"}
    open_upgrade(house.signed_in(), headers=keyed)
    answered = open_upgrade(house.signed_in(), level=3, headers=keyed)
    assert problem_of(answered) == (422, "idempotency_key_reused")


def test_a_refused_call_may_be_repeated_with_its_key(house: House) -> None:
    keyed = {"Idempotency-Key": "9b6e1c3e"}
    assert open_upgrade(house.signed_in(), headers=keyed).status_code == 404
    house.give_nft()
    assert open_upgrade(house.signed_in(), headers=keyed).status_code == 201


def test_a_repeated_ticket_call_gets_the_same_ticket(house: House) -> None:
    path = f"/api/nft/upgrade/{house.opened()}/events-ticket"
    client, keyed = house.signed_in(), {"Idempotency-Key": "t"}
    first = client.post(path, headers=keyed)
    assert first.json() == client.post(path, headers=keyed).json()


@pytest.mark.parametrize("text", ["", "x" * 256, "\xe4"])
def test_an_idempotency_key_is_short_and_visible(house: House, text: str) -> None:
    house.give_nft()
    answered = open_upgrade(
        house.signed_in(), headers=[(b"Idempotency-Key", text.encode("latin-1"))]
    )
    assert problem_of(answered) == (400, "invalid_idempotency_key")


# --- everything else ------------------------------------------------------------------------


def test_unknown_addresses_and_methods_are_problems_too(house: House) -> None:
    client = house.signed_in()
    assert problem_of(client.get("/api/nothing")) == (404, "route_not_found")
    assert problem_of(client.get("/api/nft/")) == (404, "route_not_found")
    answered = client.delete("/api/nft")
    assert problem_of(answered) == (405, "method_not_allowed")
    assert answered.headers["allow"] == "GET"


def test_every_answer_is_safe_to_handle(house: House) -> None:
    for path in ("/api/nft", "/api/nothing", "/docs"):
        headers = house.signed_in().get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-request-id"]
        assert (headers.get("cache-control") == "no-store") is path.startswith("/api/")


def test_a_fault_of_ours_tells_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.signed_in()
    house.world.nfts.owned_by = None  # type: ignore[method-assign,assignment]
    answered = client.get("/api/nft", headers={"Origin": PARTNER})
    assert problem_of(answered) == (500, "internal_error")
    assert "NoneType" not in answered.text and "NoneType" in caplog.text
    assert answered.headers["access-control-allow-origin"] == PARTNER


def test_health_says_when(house: House) -> None:
    body = house.browser().get("/api/nft/upgrade/health").json()
    assert body == {"success": True, "timestamp": "2026-11-01T12:00:00.000Z"}


def test_the_products_own_client_works_unchanged(house: House) -> None:
    """Relative URLs, the session in the cookie, `fetch` without a content type."""
    house.give_nft()
    client = house.browser()
    client.cookies.set(cookie_name(ORIGIN), house.access_token())
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": ORIGIN}
    body = f'{{"currentNftId":"{MINT}","targetLevel":2}}'
    answered = client.post("/api/nft/upgrade", content=body, headers=headers)
    assert (answered.status_code, answered.json()["success"]) == (201, True)
