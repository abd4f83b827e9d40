"""The API's own description is complete and true."""

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from nft_upgrade.domain import base58
from nft_upgrade.http import schemas_in
from tests.http.house import House

ROUTES = {
    ("post", "/api/auth/challenge"),
    ("post", "/api/auth/verify"),
    ("get", "/api/auth/session"),
    ("post", "/api/auth/sign-out"),
    ("get", "/.well-known/jwks.json"),
    ("get", "/api/nft"),
    ("get", "/api/nft/can-upgrade"),
    ("post", "/api/nft/upgrade"),
    ("get", "/api/nft/upgrade/{id}/burn-transaction"),
    ("post", "/api/nft/upgrade/{id}/burn-confirmation"),
    ("post", "/api/nft/upgrade/{id}/retry"),
    ("post", "/api/nft/upgrade/{id}/cancel"),
    ("get", "/api/nft/upgrade/{id}/status"),
    ("get", "/api/nft/upgrade/{id}/receipt"),
    ("get", "/api/nft/upgrade/user/requests"),
    ("post", "/api/nft/upgrade/{id}/events-ticket"),
    ("get", "/api/nft/upgrade/{id}/events"),
    ("get", "/api/stats/me"),
    ("get", "/api/leaderboard"),
    ("get", "/api/nft/upgrade/health"),
    ("post", "/api/nft/upgrade/claims"),
    ("get", "/api/nft/upgrade/{id}/atomic-transaction"),
    ("post", "/api/nft/upgrade/{id}/submit"),
    ("get", "/api/nft/upgrade/{id}/burn-proof"),
    ("get", "/api/nft/{mint}/lineage"),
    ("get", "/api/notifications/preferences"),
    ("put", "/api/notifications/preferences"),
    ("delete", "/api/notifications/preferences"),
    ("put", "/api/notifications/preferences/email"),
    ("get", "/api/notifications/preferences/email/confirmation"),
    ("post", "/api/notifications/preferences/email/confirmation"),
    ("get", "/api/notifications/preferences/unsubscribe"),
    ("post", "/api/notifications/preferences/unsubscribe"),
    ("post", "/api/notifications/preferences/devices"),
    ("delete", "/api/notifications/preferences/devices/{id}"),
}
OPEN = {
    "/api/auth/challenge",
    "/api/auth/verify",
    "/api/auth/sign-out",
    "/.well-known/jwks.json",
    "/api/nft/upgrade/health",
    "/api/nft/{mint}/lineage",
    "/api/notifications/preferences/email/confirmation",
    "/api/notifications/preferences/unsubscribe",
}


@pytest.fixture
def document(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.browser().get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_of_the_contract_is_described(document: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == ROUTES


def test_every_problem_is_described_with_an_example(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            content = response["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in content["examples"].items():
                value = example["value"]
                assert (value["code"], value["status"]) == (code, int(status)), path


def test_what_needs_a_session_says_so(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        assert ("security" in operation) is (path not in OPEN)
        assert ("401" in operation["responses"]) is (path not in OPEN or "verify" in path)


def test_signed_in_posts_take_an_idempotency_key(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert ("Idempotency-Key" in names) is (method == "post" and path not in OPEN)


def test_nothing_of_the_frameworks_own_errors_is_left(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


def test_the_examples_are_well_formed() -> None:
    assert base58.is_canonical(schemas_in.MINT, length=32)
    assert base58.is_canonical(schemas_in.WALLET, length=32)
    (signature,) = schemas_in.ConfirmRequest.model_fields["burn_transaction_hash"].examples or [""]
    assert base58.is_canonical(signature, length=64)
