"""Whose session it is, and its end."""

import pytest
from fastapi.testclient import TestClient

from nft_upgrade.http.sessions import cookie_name
from tests.http.house import ALICE, ORIGIN, PARTNER, House, problem_of

NAME = cookie_name(ORIGIN)


def by_cookie(house: House, **headers: str) -> TestClient:
    client = house.browser(**headers)
    client.cookies.set(NAME, house.access_token(), domain="nft.example", path="/")
    return client


def test_a_page_learns_whose_the_cookie_is_and_until_when(house: House) -> None:
    answered = by_cookie(house).get("/api/auth/session")
    assert (answered.status_code, answered.json()) == (
        200,
        {
            "success": True,
            "address": ALICE.address,
            "expiresAt": "2026-11-02T00:00:00.000Z",
            "chainId": "solana:mainnet",
        },
    )
    assert answered.json() == house.signed_in().get("/api/auth/session").json()


def test_without_a_session_there_is_nobody(house: House) -> None:
    assert problem_of(house.browser().get("/api/auth/session")) == (401, "invalid_token")


def test_signing_out_takes_the_cookie_away(house: House) -> None:
    client = by_cookie(house, Origin=ORIGIN)
    answered = client.post("/api/auth/sign-out")
    assert (answered.status_code, answered.content) == (204, b"")
    assert NAME not in client.cookies
    assert problem_of(client.get("/api/auth/session")) == (401, "invalid_token")


def test_browsers_take_the_end_of_a_host_cookie_with_its_attributes_only(house: House) -> None:
    cookie = by_cookie(house).post("/api/auth/sign-out").headers["set-cookie"].lower()
    assert cookie.startswith(f'{NAME.lower()}="";')
    for attribute in ("max-age=0", "path=/", "secure", "httponly", "samesite=strict"):
        assert attribute in cookie.split("; ")
    assert "domain=" not in cookie


def test_an_old_session_is_signed_out_as_well(house: House) -> None:
    client = by_cookie(house)
    house.clock.advance(seconds=13 * 3600)
    assert client.post("/api/auth/sign-out").status_code == 204
    assert NAME not in client.cookies


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_foreign_page_signs_nobody_out(house: House, headers: dict[str, str]) -> None:
    answered = by_cookie(house, **headers).post("/api/auth/sign-out")
    assert problem_of(answered) == (403, "wrong_origin")
    assert "set-cookie" not in answered.headers


def test_an_allowed_page_signs_out(house: House) -> None:
    assert by_cookie(house, Origin=PARTNER).post("/api/auth/sign-out").status_code == 204
