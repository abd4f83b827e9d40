"""Signing in with a wallet: only the very text, signed by the very wallet, once, in time."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from nft_upgrade.http import ed25519
from tests.fakes.signing import TestKey
from tests.http.house import ALICE, BOB, ORIGIN, PARTNER, House, problem_of

Fields = dict[str, Any]
REFUSED = (401, "sign_in_failed")


def wallets_text(fields: Fields) -> str:
    """What a wallet makes of the input, by the ABNF of Sign-In With Solana."""
    text = f"{fields['domain']} wants you to sign in with your Solana account:\n"
    text += fields["address"]
    text += f"\n\n{fields['statement']}\n"
    text += f"\nURI: {fields['uri']}"
    text += f"\nVersion: {fields['version']}"
    text += f"\nChain ID: {fields['chainId']}"
    text += f"\nNonce: {fields['nonce']}"
    text += f"\nIssued At: {fields['issuedAt']}"
    text += f"\nExpiration Time: {fields['expirationTime']}"
    return f"{text}\nNot Before: {fields['notBefore']}"


def challenge(client: TestClient, wallet: TestKey = ALICE, **headers: str) -> Fields:
    answered = client.post("/api/auth/challenge", json={"address": wallet.address}, headers=headers)
    assert answered.status_code == 200, answered.text
    fields: Fields = answered.json()["input"]
    return fields


def present(client: TestClient, address: str, message: bytes, signature: bytes) -> Response:
    body = {
        "address": address,
        "signedMessage": b64encode(message).decode(),
        "signature": b64encode(signature).decode(),
    }
    return client.post("/api/auth/verify", json=body)


def sign_in(client: TestClient, fields: Fields, wallet: TestKey = ALICE) -> Response:
    message = wallets_text(fields).encode()
    return present(client, wallet.address, message, wallet.sign(message))


def test_the_challenge_has_the_wallet_standards_fields(house: House) -> None:
    fields = challenge(house.browser())
    assert fields == {
        "domain": "nft.example",
        "address": ALICE.address,
        "statement": fields["statement"],
        "uri": ORIGIN,
        "version": "1",
        "chainId": "solana:mainnet",
        "nonce": fields["nonce"],
        "issuedAt": "2026-11-01T12:00:00.000Z",
        "expirationTime": "2026-11-01T12:05:00.000Z",
        "notBefore": "2026-11-01T12:00:00.000Z",
    }
    assert "\n" not in fields["statement"]
    assert fields["nonce"].isalnum() and len(fields["nonce"]) == 32


def test_a_signed_challenge_gives_a_session_as_bearer_and_as_cookie(house: House) -> None:
    client = house.browser()
    answered = sign_in(client, challenge(client))
    body = answered.json()
    assert (answered.status_code, body["success"]) == (200, True)
    assert body["user"] == {"id": ALICE.address, "wallet": ALICE.address}
    assert body["expiresAt"] == "2026-11-02T00:00:00.000Z"
    by_bearer = house.browser(authorization=f"Bearer {body['accessToken']}").get("/api/nft")
    by_cookie = client.get("/api/nft")
    assert (by_bearer.status_code, by_cookie.status_code) == (200, 200)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: House) -> None:
    client = house.browser()
    cookie = sign_in(client, challenge(client)).headers["set-cookie"]
    name, _, attributes = cookie.partition("=")
    assert name == "__Host-session"
    attributes = attributes.lower()
    for attribute in ("httponly", "secure", "samesite=strict", "path=/", "max-age=43200"):
        assert attribute in attributes.split("; ")
    assert "domain=" not in attributes


def test_a_nonce_is_used_once(house: House) -> None:
    client = house.browser()
    fields = challenge(client)
    assert sign_in(client, fields).status_code == 200
    assert problem_of(sign_in(client, fields)) == REFUSED


def test_an_idempotency_key_does_not_make_a_nonce_reusable(house: House) -> None:
    client = house.browser(**{"Idempotency-Key": "again"})
    fields = challenge(client)
    assert sign_in(client, fields).status_code == 200
    assert problem_of(sign_in(client, fields)) == REFUSED


@pytest.mark.parametrize(("seconds", "is_in_time"), [(299, True), (300, False)])
def test_a_challenge_lasts_five_minutes(house: House, seconds: int, is_in_time: bool) -> None:
    client = house.browser()
    fields = challenge(client)
    house.clock.advance(seconds=seconds)
    assert (sign_in(client, fields).status_code == 200) is is_in_time


def test_a_challenge_is_not_valid_before_its_time(house: House) -> None:
    client = house.browser()
    fields = challenge(client)
    house.clock.advance(seconds=-1)
    assert problem_of(sign_in(client, fields)) == REFUSED


CHANGES: dict[str, Callable[[Fields], Fields]] = {
    "domain": lambda f: {**f, "domain": "evil.example"},
    "address": lambda f: {**f, "address": BOB.address},
    "statement": lambda f: {**f, "statement": "Give me everything."},
    "uri": lambda f: {**f, "uri": "https://evil.example"},
    "version": lambda f: {**f, "version": "2"},
    "chain": lambda f: {**f, "chainId": "solana:devnet"},
    "nonce": lambda f: {**f, "nonce": "0" * 32},
    "expiry": lambda f: {**f, "expirationTime": "2036-11-01T12:05:00.000Z"},
    "not before": lambda f: {**f, "notBefore": "2016-11-01T12:05:00.000Z"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_text_is_refused(house: House, change: Callable[[Fields], Fields]) -> None:
    client = house.browser()
    assert problem_of(sign_in(client, change(challenge(client)))) == REFUSED


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text + b"\n",
        lambda text: b"\n" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text + b"\nRequest ID: x",
        lambda text: text + b"\nNonce: " + b"0" * 32,
    ],
    ids=["newline", "leading newline", "CRLF", "another field", "second nonce"],
)
def test_a_text_with_anything_added_is_refused(
    house: House, wrap: Callable[[bytes], bytes]
) -> None:
    client = house.browser()
    message = wrap(wallets_text(challenge(client)).encode())
    assert problem_of(present(client, ALICE.address, message, ALICE.sign(message))) == REFUSED


def test_another_wallets_signature_is_refused(house: House) -> None:
    client = house.browser()
    message = wallets_text(challenge(client)).encode()
    assert problem_of(present(client, ALICE.address, message, BOB.sign(message))) == REFUSED


def test_signing_with_ones_own_key_gives_nobody_elses_session(house: House) -> None:
    client = house.browser()
    message = wallets_text(challenge(client)).encode()
    assert problem_of(present(client, BOB.address, message, BOB.sign(message))) == REFUSED


def test_a_worthless_signature_does_not_use_up_the_nonce(house: House) -> None:
    client = house.browser()
    fields = challenge(client)
    present(client, ALICE.address, wallets_text(fields).encode(), bytes(64))
    assert sign_in(client, fields).status_code == 200


def test_a_malleable_signature_is_refused(house: House) -> None:
    client = house.browser()
    message = wallets_text(challenge(client)).encode()
    signature = ALICE.sign(message)
    scalar = int.from_bytes(signature[32:], "little") + ed25519.ORDER
    malleable = signature[:32] + scalar.to_bytes(32, "little")
    assert problem_of(present(client, ALICE.address, message, malleable)) == REFUSED


def test_a_text_that_was_never_a_challenge_is_refused(house: House) -> None:
    message = b"hello"
    answered = present(house.browser(), ALICE.address, message, ALICE.sign(message))
    assert problem_of(answered) == REFUSED


def test_what_is_not_base64_is_refused(house: House) -> None:
    body = {"address": ALICE.address, "signedMessage": "%%%", "signature": "äöü"}
    answered = house.browser().post("/api/auth/verify", json=body)
    assert problem_of(answered) == REFUSED


@pytest.mark.parametrize("address", ["", "0OIl", "abc", 7, None, ALICE.address + "1"])
def test_an_address_must_be_a_wallets(house: House, address: object) -> None:
    answered = house.browser().post("/api/auth/challenge", json={"address": address})
    assert problem_of(answered) == (400, "invalid_address")


def test_an_allowed_page_gets_a_challenge_for_its_own_domain(house: House) -> None:
    client = house.browser()
    fields = challenge(client, Origin=PARTNER)
    assert (fields["domain"], fields["uri"]) == ("partner.example", PARTNER)
    assert sign_in(client, fields).status_code == 200


def test_a_foreign_page_gets_no_challenge_for_its_domain(house: House) -> None:
    fields = challenge(house.browser(), Origin="https://evil.example")
    assert fields["domain"] == "nft.example"


def test_signing_in_is_limited_per_address() -> None:
    client = House(auth_rate_per_minute=2).browser()
    for _ in range(2):
        challenge(client)
    answered = client.post("/api/auth/challenge", json={"address": ALICE.address})
    assert problem_of(answered) == (429, "rate_limited")
    assert 1 <= int(answered.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    "changes",
    [
        {"solana_chain_id": "solana:devnet"},
        {"public_origin": "https://moved.example", "allowed_origins": ()},
    ],
    ids=["chain", "domain"],
)
def test_a_challenge_made_under_other_settings_is_refused(
    house: House, changes: dict[str, Any]
) -> None:
    """Both deployments share their tables for a moment while one replaces the other."""
    fields = challenge(house.browser())
    successor = House(**changes)
    successor.challenges = house.challenges
    assert problem_of(sign_in(successor.browser(), fields)) == REFUSED
