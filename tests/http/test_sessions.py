"""Session tokens: ours and alive, or invalid_token."""

import json
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.sessions import (
    AUDIENCE,
    Session,
    SessionSigner,
    SessionVerifier,
    cookie_name,
)
from tests.fakes.signing import TestKey

NOW = datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ORIGIN = "https://nft.example"
KEY = TestKey("sessions")
LIFE = timedelta(hours=12)
SIGNER = SessionSigner(KEY, ORIGIN, LIFE)
VERIFIER = SessionVerifier(lambda: KEY.public_key, ORIGIN)
WALLET = TestKey("wallet").address


def issued(signer: SessionSigner = SIGNER, at: datetime = NOW) -> str:
    return signer.issue(WALLET, session_id="S1", at=at)[0]


def part(access_token: str, number: int) -> dict[str, Any]:
    text = access_token.split(".")[number]
    parsed: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return parsed


def written(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with any header and claims, signed by the right key."""
    text = f"{written(header)}.{written(claims)}"
    return f"{text}.{urlsafe_b64encode(KEY.sign(text.encode())).rstrip(b'=').decode()}"


HEADER = part(issued(), 0)
CLAIMS = part(issued(), 1)


def test_an_issued_session_is_read_back() -> None:
    access_token, session = SIGNER.issue(WALLET, session_id="S1", at=NOW)
    assert session == Session(WALLET, NOW.replace(microsecond=0) + LIFE, "S1")
    assert VERIFIER.verify(access_token, NOW) == session


def test_the_token_says_who_for_whom_and_until_when() -> None:
    moment = int(NOW.timestamp())
    claims = part(issued(), 1)
    assert claims == {
        "iss": ORIGIN,
        "aud": AUDIENCE,
        "sub": WALLET,
        "iat": moment - 5,
        "nbf": moment - 5,
        "exp": moment + 12 * 3600,
        "jti": "S1",
    }
    assert (HEADER["alg"], HEADER["typ"]) == ("Ed25519", "at+jwt")


def test_others_can_verify_with_the_published_keys_alone() -> None:
    keys = KeySet.import_key_set(json.loads(json.dumps(VERIFIER.jwks())))
    parsed = jwt.decode(issued(), keys, algorithms=["Ed25519"])
    assert parsed.claims["sub"] == WALLET
    assert "d" not in VERIFIER.jwks()["keys"][0]


def test_the_public_key_is_asked_for_once() -> None:
    asked: list[int] = []

    def load() -> bytes:
        asked.append(1)
        return KEY.public_key

    verifier = SessionVerifier(load, ORIGIN)
    for _ in range(3):
        verifier.verify(issued(), NOW)
    assert asked == [1]


@pytest.mark.parametrize(
    ("at", "is_valid"),
    [
        (NOW - timedelta(seconds=6), False),
        (NOW - timedelta(seconds=5), True),
        (NOW + LIFE - timedelta(seconds=1), True),
        (NOW + LIFE, False),
    ],
)
def test_a_session_begins_and_ends(at: datetime, is_valid: bool) -> None:
    if is_valid:
        VERIFIER.verify(issued(), at)
    else:
        with pytest.raises(InvalidToken):
            VERIFIER.verify(issued(), at)


@pytest.mark.parametrize(
    "access_token",
    [
        pytest.param(f"{written({**HEADER, 'alg': 'none'})}.{written(CLAIMS)}.", id="none, bare"),
        pytest.param(signed({**HEADER, "alg": "none"}, CLAIMS), id="alg none, signed"),
        pytest.param(signed({**HEADER, "alg": "EdDSA"}, CLAIMS), id="the deprecated name"),
        pytest.param(
            jwt.encode(
                {**HEADER, "alg": "HS256"}, CLAIMS, OctKey.import_key(KEY.public_key * 2), ["HS256"]
            ),
            id="HMAC with the public key",
        ),
        pytest.param(issued(SessionSigner(TestKey("forger"), ORIGIN, LIFE)), id="wrong key"),
        pytest.param(issued(SessionSigner(KEY, ORIGIN, LIFE, "another")), id="wrong audience"),
        pytest.param(issued(SessionSigner(KEY, "https://evil.example", LIFE)), id="wrong issuer"),
        pytest.param(signed({**HEADER, "typ": "JWT"}, CLAIMS), id="another type"),
        pytest.param(signed({**HEADER, "kid": "other"}, CLAIMS), id="another key id"),
        pytest.param(signed({**HEADER, "crit": ["x"], "x": 1}, CLAIMS), id="unknown crit"),
        pytest.param(signed(HEADER, {**CLAIMS, "exp": None}), id="exp null"),
        pytest.param(signed(HEADER, {**CLAIMS, "exp": 1e300}), id="exp beyond time"),
        pytest.param(signed(HEADER, {**CLAIMS, "exp": float("nan")}), id="exp NaN"),
        pytest.param(signed(HEADER, {**CLAIMS, "sub": 7}), id="sub no text"),
        pytest.param(issued().swapcase(), id="swapped case"),
        pytest.param(issued() + "A", id="longer signature"),
        pytest.param("a" * 4000, id="very long"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_not_ours_is_invalid(access_token: str) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.verify(access_token, NOW)


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_every_claim_is_required(claim: str) -> None:
    rest = {name: value for name, value in CLAIMS.items() if name != claim}
    with pytest.raises(InvalidToken):
        VERIFIER.verify(signed(HEADER, rest), NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.verify(text, NOW)


@given(st.sampled_from(sorted(CLAIMS)), JSON)
def test_no_claim_breaks_the_reader(claim: str, value: object) -> None:
    try:
        VERIFIER.verify(signed(HEADER, {**CLAIMS, claim: value}), NOW)
    except InvalidToken:
        return
    is_listed = claim == "aud" and isinstance(value, list) and AUDIENCE in value
    assert claim in ("exp", "iat", "nbf", "sub", "jti") or value == CLAIMS[claim] or is_listed


@given(st.sampled_from(("alg", "typ", "kid", "crit", "jwk", "x5c", "b64", "zip", "jku")), JSON)
def test_no_header_breaks_the_reader(member: str, value: object) -> None:
    try:
        VERIFIER.verify(signed({**HEADER, member: value}, CLAIMS), NOW)
    except InvalidToken:
        return
    assert member not in ("alg", "typ", "kid") or value == HEADER[member]


def test_what_the_relay_shares_needs_no_web_framework() -> None:
    shared = ("sessions", "tickets", "errors", "problems")
    code = "import sys, " + ", ".join(f"nft_upgrade.http.{name}" for name in shared)
    code += "; sys.exit(bool({'fastapi', 'starlette'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_host_prefix_is_used_where_browsers_take_it() -> None:
    assert cookie_name("https://nft.example") == "__Host-session"
    assert cookie_name("http://localhost:8000") == "session"
