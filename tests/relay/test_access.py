"""Who may listen: session, ownership, tickets, origins."""

import json
from datetime import timedelta

import pytest

from nft_upgrade.http.sessions import Session
from nft_upgrade.http.tickets import issue_ticket
from tests.relay.harness import (
    FRIEND,
    ORIGIN,
    STRANGER,
    USER,
    Story,
    World,
    access_token,
    bearer,
    now,
    outage,
)
from tests.sse import SseResponse, request


def problem(answer: SseResponse) -> dict[str, object]:
    with answer:
        assert answer.headers["content-type"] == "application/problem+json"
        body: dict[str, object] = json.loads(answer.body())
    assert body["success"] is False
    assert body["status"] == answer.status
    return body


def ticket(world: World, upgrade_id: str = "01UPGRADE") -> str:
    session = Session(USER, now() + timedelta(hours=1), "s")
    return issue_ticket(world.tickets, session, upgrade_id, random_bytes=bytes, at=now())[0]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer"},
        {"Cookie": "session="},
        {"Cookie": "other=1"},
    ],
)
def test_without_a_session_nobody_listens(world: World, headers: dict[str, str]) -> None:
    Story(world)
    answer = world.open(headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert problem(answer)["code"] == "invalid_token"


def test_an_expired_session_is_refused(world: World) -> None:
    Story(world)
    assert (
        problem(world.open(headers=bearer(life=timedelta(seconds=-5))))["code"] == "invalid_token"
    )


def test_a_forged_session_is_refused(world: World) -> None:
    Story(world)
    head, claims, signature = access_token().split(".")
    forged = f"{head}.{claims}.{signature[:-4]}AAAA"
    assert world.open(headers={"Authorization": f"Bearer {forged}"}).status == 401


def test_foreign_and_unknown_upgrades_look_the_same(world: World) -> None:
    Story(world)
    foreign, unknown = world.open(headers=bearer(STRANGER)), world.open("01NOBODY")
    assert (foreign.status, unknown.status) == (404, 404)
    assert problem(foreign) == problem(unknown)


def test_somebody_else_s_attempt_leaves_no_trace_in_the_hub(world: World) -> None:
    Story(world)
    assert world.open(headers=bearer(STRANGER)).status == 404
    assert world.relay is not None
    assert world.relay.hub.upgrade_ids() == []


@pytest.mark.parametrize("name", ["token", "access_token", "accessToken", "session", "whatever"])
def test_a_session_token_in_the_url_is_refused_even_a_valid_one(world: World, name: str) -> None:
    Story(world)
    answer = world.open(query=f"?{name}={access_token()}")
    assert answer.status == 400
    body = problem(answer)
    assert body["code"] == "token_in_url"
    assert access_token()[:20] not in json.dumps(body)


def test_a_table_that_fails_while_a_ticket_is_redeemed_stops_no_browser(world: World) -> None:
    """Any status but 200 would; so it comes back, and the ticket is still good."""
    Story(world)
    query = f"?ticket={ticket(world)}"
    world.tickets.fault = outage()
    with world.open(headers={}, query=query) as answer:
        assert answer.status == 200
        assert list(answer.messages()) == []
        assert answer.parser.retry is not None
    world.tickets.fault = None
    with world.open(headers={}, query=query) as stream:
        stream.take(2)


def test_a_ticket_opens_one_stream(world: World) -> None:
    Story(world)
    query = f"?ticket={ticket(world)}"
    with world.open(headers={}, query=query) as stream:
        assert stream.status == 200
        again = world.open(headers={}, query=query)
        assert again.status == 401
        assert problem(again)["code"] == "ticket_invalid"


def test_the_stream_a_ticket_opened_may_reconnect_with_it(world: World) -> None:
    story = Story(world)
    query = f"?ticket={ticket(world)}"
    with world.open(headers={}, query=query) as stream:
        last = stream.take(1)[0]
    story.step()
    # Cut right after the very first message: even that one's id makes it a reconnect.
    with world.open(headers={}, query=query, last_id=last.id) as stream:
        assert [m.json["sequence"] for m in stream.take(3)] == [0, 1, 2]


def test_a_ticket_s_first_use_may_resume(world: World) -> None:
    Story(world).steps(3)
    with world.open(headers={}, query=f"?ticket={ticket(world)}", last_id="2") as stream:
        assert [m.json["sequence"] for m in stream.take(3)] == [2, 3, 4]


def test_a_ticket_is_for_its_upgrade_only(world: World) -> None:
    Story(world)
    other = ticket(world, "01OTHER")
    assert world.open(headers={}, query=f"?ticket={other}").status == 401


def test_an_unknown_ticket_is_refused_even_beside_a_good_cookie(world: World) -> None:
    Story(world)
    headers = {"Cookie": f"session={access_token()}"}
    assert world.open(headers=headers, query="?ticket=unknown").status == 401


def test_a_head_request_does_not_spend_a_ticket(world: World) -> None:
    Story(world)
    query = f"?ticket={ticket(world)}"
    world.open(headers={}, query=query, method="HEAD").close()
    with world.open(headers={}, query=query) as stream:
        assert stream.status == 200


@pytest.mark.parametrize("origin", [ORIGIN, FRIEND])
def test_configured_origins_may_read_with_credentials(world: World, origin: str) -> None:
    Story(world)
    with world.open(headers={**bearer(), "Origin": origin}) as stream:
        assert stream.headers["access-control-allow-origin"] == origin
        assert stream.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in stream.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://friend.example.evil.example", f"{FRIEND}/"]
)
def test_other_origins_may_not(world: World, origin: str) -> None:
    Story(world)
    with world.open(headers={**bearer(), "Origin": origin}) as stream:
        assert "access-control-allow-origin" not in stream.headers
        assert "Origin" in stream.headers["vary"]


def test_errors_can_be_read_across_origins_too(world: World) -> None:
    answer = world.open(headers={"Origin": FRIEND})
    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"] == FRIEND
    answer.close()


def preflight(world: World, origin: str) -> SseResponse:
    return request(
        f"{world.url}/api/nft/upgrade/01UPGRADE/events",
        method="OPTIONS",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,last-event-id",
        },
    )


def test_a_preflight_allows_the_headers_of_a_fetch_based_client(world: World) -> None:
    with preflight(world, FRIEND) as answer:
        assert answer.status == 204
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert {"authorization", "last-event-id"} <= {name.strip() for name in allowed.split(",")}
        assert answer.headers["access-control-allow-origin"] == FRIEND


def test_a_preflight_of_another_origin_allows_nothing(world: World) -> None:
    with preflight(world, "https://evil.example") as answer:
        assert not [name for name in answer.headers if name.startswith("access-control")]
