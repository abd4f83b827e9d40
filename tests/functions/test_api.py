"""The API through Mangum, called as API Gateway calls it."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from local.api import both
from nft_upgrade.http.lambda_door import door_to
from nft_upgrade.http.ops_app import PREFIX
from tests.http.house import MINT, House
from tests.http.ops_house import OPERATOR, OpsHouse

PAYLOADS = Path(__file__).parent.parent / "payloads"
Event = dict[str, Any]
CONTEXT: Any = object()


@pytest.fixture
def house() -> House:
    return House()


def payload(name: str, **texts: str) -> Event:
    """A captured event, with placeholders replaced."""
    text = (PAYLOADS / f"api_gateway_v2_{name}.json").read_text()
    for placeholder, value in texts.items():
        text = text.replace(placeholder, value)
    event: Event = json.loads(text)
    return event


def call(house: House, event: Event) -> dict[str, Any]:
    answer: dict[str, Any] = door_to(house.app)(event, CONTEXT)
    return answer


def post_upgrade(house: House) -> Event:
    return payload("post_upgrade", SESSION=house.access_token(), MINT=MINT)


def test_health_is_answered(house: House) -> None:
    answer = call(house, payload("get_health"))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert json.loads(answer["body"])["success"] is True


def test_a_browsers_post_with_its_cookie_opens_an_upgrade(house: House) -> None:
    house.give_nft()
    answer = call(house, post_upgrade(house))
    assert answer["statusCode"] == 201, answer
    assert json.loads(answer["body"])["status"] == "initiated"


def test_a_body_in_base64_is_the_same_body(house: House) -> None:
    house.give_nft()
    event = post_upgrade(house)
    event.update(body=b64encode(event["body"].encode()).decode(), isBase64Encoded=True)
    assert call(house, event)["statusCode"] == 201


def test_a_problem_is_text_and_has_api_gateways_own_request_id(house: House) -> None:
    answer = call(house, post_upgrade(house))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (404, False)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["requestId"] == "JKJaXmPLvHcESHA="
    assert answer["headers"]["x-request-id"] == "JKJaXmPLvHcESHA="


def test_the_rate_limit_counts_the_browser_not_cloudfront() -> None:
    """Two proxies append to X-Forwarded-For; what a client wrote itself stands left of them."""
    house = House(upgrade_rate_per_minute=1, trusted_proxy_hops=2)
    statuses = []
    for forwarded in ("1.1.1.1, 203.0.113.7, 64.252.1.1", "2.2.2.2, 203.0.113.7, 64.252.2.2"):
        event = post_upgrade(house)
        event["headers"]["x-forwarded-for"] = forwarded
        statuses.append(call(house, event)["statusCode"])
    assert statuses == [404, 429]


def test_cookies_are_set_the_way_api_gateway_wants_them(house: House) -> None:
    """Payload 2.0 has a list of its own for them."""
    event = post_upgrade(house)
    event["requestContext"]["http"]["path"] = "/api/auth/challenge"
    event["body"] = json.dumps({"address": MINT})
    answer = call(house, event)
    assert answer["statusCode"] == 200
    assert "cookies" not in answer


@pytest.mark.parametrize("path", ["/%", "/%FF%00", "/api/nft/upgrade/%2e%2e/status", "//", "/é"])
def test_no_path_breaks_the_door(house: House, path: str) -> None:
    event = post_upgrade(house)
    event["requestContext"]["http"].update(path=path, method="GET")
    assert call(house, event)["statusCode"] == 404


def test_an_event_without_a_body_is_answered(house: House) -> None:
    event = post_upgrade(house)
    del event["body"]
    answer = call(house, event)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "malformed_json")


def test_operators_are_answered_behind_their_own_door() -> None:
    house = OpsHouse()
    event = payload("get_health")
    event["requestContext"]["http"].update(path="/api/ops/status", method="GET")
    event["headers"]["authorization"] = f"Bearer {house.access_token(OPERATOR)}"
    answer = door_to(house.ops_app)(event, CONTEXT)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert json.loads(answer["body"])["operator"] == OPERATOR.address
    del event["headers"]["authorization"]
    refused = door_to(house.ops_app)(event, CONTEXT)
    assert (refused["statusCode"], refused["isBase64Encoded"]) == (401, False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/api/ops/status", "operators"), ("/api/opsx", "users"), ("/api/nft", "users")],
)
def test_on_one_machine_both_doors_are_in_one_process(path: str, expected: str) -> None:
    seen: list[str] = []

    def door(name: str) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(name)

        return app

    scope = {"type": "http", "path": path}
    app = both(door("users"), door("operators"), PREFIX)

    async def call_it() -> None:
        await app(scope, CONTEXT, CONTEXT)

    asyncio.run(call_it())
    assert seen == [expected]
