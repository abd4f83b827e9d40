"""No input is our fault: whatever is sent, the answer is never a 5xx of ours."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.house import MINT, ORIGIN, UNKNOWN_ID, House, some_signature

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
METHODS = st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
POSTS = st.sampled_from(
    (
        "/api/auth/challenge",
        "/api/auth/verify",
        "/api/nft/upgrade",
        f"/api/nft/upgrade/{UNKNOWN_ID}/burn-confirmation",
        f"/api/nft/upgrade/{UNKNOWN_ID}/retry",
        f"/api/nft/upgrade/{UNKNOWN_ID}/cancel",
        f"/api/nft/upgrade/{UNKNOWN_ID}/events-ticket",
    )
)
FIELDS = st.sampled_from(
    (
        "address",
        "signedMessage",
        "signature",
        "currentNftId",
        "targetLevel",
        "burnTransactionHash",
        "userId",
    )
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from((MINT, some_signature(), "AAAA", "\ud800"))
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS | st.text(), inner), max_leaves=8
)
CONTENT_TYPES = st.sampled_from(
    ("application/json", "text/plain", "application/json; charset=\x80", "multipart/form-data", "")
)


# It answers an empty body with 204 and ends the session that the other attempts need.
SIGN_OUT = "/api/auth/sign-out"


@pytest.fixture
def client(house: House) -> TestClient:
    return house.signed_in(Origin=ORIGIN)


@relaxed
@given(path=POSTS, body=st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
def test_no_body_breaks_it(client: TestClient, path: str, body: bytes) -> None:
    answered = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answered.status_code < 500, answered.text
    assert answered.status_code >= 400


@relaxed
@given(body=st.just(b"") | st.binary(min_size=1, max_size=200))
def test_a_body_is_refused_when_signing_out(client: TestClient, body: bytes) -> None:
    answered = client.post(SIGN_OUT, content=body, headers={"Content-Type": "application/json"})
    assert answered.status_code == (400 if body else 204), answered.text


@relaxed
@given(path=POSTS, fields=st.dictionaries(FIELDS, JSON, max_size=4))
def test_no_fields_break_it(client: TestClient, path: str, fields: dict[str, Any]) -> None:
    answered = client.post(
        path, content=json.dumps(fields), headers={"Content-Type": "application/json"}
    )
    assert answered.status_code < 500, answered.text


@relaxed
@given(method=METHODS, path=st.binary(max_size=40), query=st.binary(max_size=40))
def test_no_address_breaks_it(client: TestClient, method: str, path: bytes, query: bytes) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in path)
    asked = "".join(
        f"%{byte:02X}" if byte in b"#% " or byte > 126 or byte < 33 else chr(byte) for byte in query
    )
    for prefix in ("/", "/api/nft/upgrade/", f"/api/nft/upgrade/{UNKNOWN_ID}/"):
        answered = client.request(method, f"{prefix}{quoted}?{asked}")
        assert answered.status_code < 500, answered.text


@relaxed
@given(
    name=st.sampled_from(("status", "limit", "cursor", "targetLevel", "ticket", "x")),
    value=st.text(),
    route=st.sampled_from(("can-upgrade", "upgrade/user/requests")),
)
def test_no_query_breaks_it(client: TestClient, name: str, value: str, route: str) -> None:
    answered = client.get(f"/api/nft/{route}", params={name: value.encode(errors="replace")})
    assert answered.status_code < 500, answered.text


@relaxed
@given(
    name=st.sampled_from(
        ("Authorization", "Cookie", "Origin", "Content-Type", "Idempotency-Key", "X-Forwarded-For")
    ),
    value=st.binary(max_size=80).map(lambda v: bytes(b for b in v if b > 31 and b != 127)),
)
def test_no_header_breaks_it(client: TestClient, name: str, value: bytes) -> None:
    headers = [(name.encode(), value)]
    answered = client.post("/api/nft/upgrade", content=b"{}", headers=headers)
    assert answered.status_code < 500, answered.text
