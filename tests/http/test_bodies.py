"""Bodies: small, declared as JSON, unambiguous."""

import json

import pytest
from httpx2 import Response

from tests.http.house import ALICE, MINT, ORIGIN, PARTNER, House, problem_of

JSON = "application/json"
GOOD = json.dumps({"currentNftId": MINT, "targetLevel": 2}).encode()


def post(house: House, body: bytes, content_type: str | None = JSON, **headers: str) -> Response:
    if content_type is not None:
        headers["Content-Type"] = content_type
    return house.signed_in().post("/api/nft/upgrade", content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"7",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"currentNftId": "a", "currentNftId": "b", "targetLevel": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"targetLevel": NaN}',
        b'{"targetLevel": -Infinity}',
        b'{"currentNftId": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": ' * 9 + b"1" + b"}" * 9,
        b"[" * 8000,
        b'{"targetLevel": ' + b"9" * 5000 + b"}",
        b"{} {}",
        b"{'a': 1}",
    ],
)
def test_what_is_not_one_plain_json_object_is_malformed(house: House, body: bytes) -> None:
    assert problem_of(post(house, body)) == (400, "malformed_json")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/html",
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/vnd.api+json",
        "json",
    ],
)
def test_what_is_not_declared_as_json_is_refused(house: House, content_type: str | None) -> None:
    assert problem_of(post(house, GOOD, content_type)) == (415, "unsupported_media_type")


def test_a_compressed_body_is_refused(house: House) -> None:
    answered = post(house, GOOD, **{"Content-Encoding": "gzip"})
    assert problem_of(answered) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=UTF-8"])
def test_json_is_read(house: House, content_type: str) -> None:
    house.give_nft()
    assert post(house, GOOD, content_type).status_code == 201


@pytest.mark.parametrize("origin", [ORIGIN, PARTNER])
def test_plain_text_is_read_as_json_from_our_own_pages(house: House, origin: str) -> None:
    """What a browser sends for `fetch(url, {method: 'POST', body: JSON.stringify(...)})`."""
    house.give_nft()
    answered = post(house, GOOD, "text/plain;charset=UTF-8", Origin=origin)
    assert answered.status_code == 201


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example"])
def test_plain_text_from_other_pages_is_refused(house: House, origin: str) -> None:
    answered = post(house, GOOD, "text/plain;charset=UTF-8", Origin=origin)
    assert problem_of(answered) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("size", "problem"), [(8192, (400, "unknown_field")), (8193, (413, "body_too_large"))]
)
def test_a_body_has_at_most_8_kib(house: House, size: int, problem: tuple[int, str]) -> None:
    body = GOOD.replace(b"}", b', "x": ""}')
    padded = body.replace(b'""', b'"' + b"a" * (size - len(body)) + b'"')
    assert len(padded) == size
    assert problem_of(post(house, padded)) == problem


def test_a_chunked_body_is_measured_too(house: House) -> None:
    chunks = (b"a" * 1000 for _ in range(9))
    headers = {"Content-Type": JSON}
    answered = house.signed_in().post("/api/nft/upgrade", content=chunks, headers=headers)
    assert problem_of(answered) == (413, "body_too_large")


@pytest.mark.parametrize("length", ["abc", "-1", "9" * 30])
def test_a_senseless_length_is_refused(house: House, length: str) -> None:
    answered = post(house, GOOD, **{"Content-Length": length})
    assert problem_of(answered) == (413, "body_too_large")


@pytest.mark.parametrize("field", ["userId", "recipient", "__proto__", "current_nft_id"])
def test_fields_we_do_not_know_are_refused(house: House, field: str) -> None:
    body = {"currentNftId": MINT, "targetLevel": 2, field: ALICE.address}
    answered = post(house, json.dumps(body).encode())
    assert problem_of(answered) == (400, "unknown_field")
    assert answered.json()["field"] == field


def test_a_misspelt_field_is_called_unknown_not_missing(house: House) -> None:
    answered = post(house, json.dumps({"nftId": MINT, "targetLevel": 2}).encode())
    assert problem_of(answered) == (400, "unknown_field")
    assert answered.json()["field"] == "nftId"


@pytest.mark.parametrize("field", ["currentNftId", "targetLevel"])
def test_missing_fields_are_named(house: House, field: str) -> None:
    body = {"currentNftId": MINT, "targetLevel": 2}
    del body[field]
    answered = post(house, json.dumps(body).encode())
    assert problem_of(answered) == (400, "missing_field")
    assert answered.json()["field"] == field


@pytest.mark.parametrize("step", ["retry", "cancel", "events-ticket"])
def test_routes_without_fields_take_none(house: House, step: str) -> None:
    path = f"/api/nft/upgrade/{house.opened()}/{step}"
    answered = house.signed_in().post(path, json={"recipient": ALICE.address})
    assert problem_of(answered) == (400, "unknown_field")
    assert house.signed_in().post(path, json={}).status_code < 500


def test_no_input_is_repeated_in_the_answer(house: House) -> None:
    secret = "do-not-repeat-me"
    for body in ({"currentNftId": secret, "targetLevel": 2}, {"currentNftId": MINT, "x": secret}):
        assert secret not in post(house, json.dumps(body).encode()).text


@pytest.mark.parametrize(
    "content_type",
    ["application/json; a*0=1; a*=2", "application/json;0*" + "1" * 4400],
)
def test_content_types_that_the_standard_library_stumbles_over_are_unsupported(
    content_type: str,
) -> None:
    answer = (
        House()
        .browser()
        .post("/api/auth/challenge", content=b"{}", headers={"Content-Type": content_type})
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
