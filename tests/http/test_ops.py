"""The operators' door: who is let in, what is shown, what is done, and with which words."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from nft_upgrade.domain.upgrade import Status
from nft_upgrade.http import routes_ops
from nft_upgrade.http.problems import MEDIA_TYPE
from tests.http.house import ALICE, ORIGIN, PARTNER, UNKNOWN_ID, open_upgrade
from tests.http.ops_house import COLLEAGUE, OPERATOR, OpsHouse

WHY = {"reason": "The owner signed the delegation."}
READS = (
    "/api/ops/status",
    "/api/ops/requests",
    f"/api/ops/requests/{UNKNOWN_ID}",
    f"/api/ops/requests/{UNKNOWN_ID}/burn-proof",
    "/api/ops/journal",
)
ACTS = (
    "/api/ops/minting/pause",
    "/api/ops/minting/resume",
    f"/api/ops/requests/{UNKNOWN_ID}/retry",
    f"/api/ops/requests/{UNKNOWN_ID}/accept",
    f"/api/ops/requests/{UNKNOWN_ID}/refuse",
)
Calls = list[tuple[str, str]]
EVERY: Calls = [*(("GET", path) for path in READS), *(("POST", path) for path in ACTS)]


@pytest.fixture
def house() -> OpsHouse:
    return OpsHouse()


def call(client: TestClient, method: str, path: str) -> Response:
    return client.request(method, path, json=WHY if method == "POST" else None)


def code(response: Response) -> tuple[int, str]:
    assert response.headers["content-type"] == MEDIA_TYPE
    body = response.json()
    assert body["success"] is False and body["requestId"]
    return response.status_code, body["code"]


# --- who is let in -----------------------------------------------------------------------------


def test_every_route_is_in_the_lists_above() -> None:
    known = {(method, path.replace(UNKNOWN_ID, "{id}")) for method, path in EVERY}
    routes: Any = routes_ops.router.routes
    assert known == {(method, route.path) for route in routes for method in route.methods}


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_without_a_session_nobody_is_let_in(house: OpsHouse, method: str, path: str) -> None:
    assert code(call(house.ops(None), method, path)) == (401, "invalid_token")


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_a_user_is_no_operator(house: OpsHouse, method: str, path: str) -> None:
    assert code(call(house.ops(ALICE), method, path)) == (403, "not_operator")
    assert len(house.world.journal) == 0
    assert house.world.switch.paused() is None


def test_a_wallet_that_was_taken_off_the_list_is_let_in_no_more(house: OpsHouse) -> None:
    client = house.ops()
    assert client.get("/api/ops/status").status_code == 200
    object.__setattr__(house.ops_parts, "operators", frozenset())
    assert code(client.get("/api/ops/status")) == (403, "not_operator")


def test_an_expired_session_is_none(house: OpsHouse) -> None:
    client = house.ops()
    house.clock.advance(hours=13)
    assert code(client.get("/api/ops/status")) == (401, "invalid_token")


def test_the_users_api_has_no_operators_routes(house: OpsHouse) -> None:
    assert code(house.signed_in(OPERATOR).get("/api/ops/status")) == (404, "route_not_found")


# --- pages of others ---------------------------------------------------------------------------


def test_our_own_page_acts_with_the_cookie(house: OpsHouse) -> None:
    page = house.ops_page(Origin=ORIGIN)
    assert page.post("/api/ops/minting/pause", json=WHY).status_code == 200
    assert page.get("/api/ops/status").json()["operator"] == OPERATOR.address


@pytest.mark.parametrize("origin", ["https://evil.example", PARTNER, "null"])
def test_no_other_page_acts_with_it_not_even_one_that_users_may_use(
    house: OpsHouse, origin: str
) -> None:
    answer = house.ops_page(Origin=origin).post("/api/ops/minting/pause", json=WHY)
    assert code(answer) == (403, "wrong_origin")
    assert house.world.switch.paused() is None


def test_a_cross_site_form_without_an_origin_is_refused(house: OpsHouse) -> None:
    page = house.ops_page(OPERATOR, **{"Sec-Fetch-Site": "cross-site"})
    assert code(page.post("/api/ops/minting/pause", json=WHY)) == (403, "wrong_origin")


def test_a_simple_post_of_another_page_is_not_read_as_json(house: OpsHouse) -> None:
    plain = {"Content-Type": "text/plain", "Origin": PARTNER}
    answer = house.ops(OPERATOR, **plain).post(
        "/api/ops/minting/pause", content=b'{"reason": "because"}'
    )
    assert code(answer) == (415, "unsupported_media_type")


def test_another_origin_gets_no_permission_to_read(house: OpsHouse) -> None:
    answer = house.ops(Origin=PARTNER).get("/api/ops/status")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


# --- what is seen ------------------------------------------------------------------------------


def test_the_status_tells_people_wallet_events_and_streams(house: OpsHouse) -> None:
    house.burned()
    house.clock.advance(seconds=700)
    body = house.ops().get("/api/ops/status").json()
    assert body["success"] is True
    assert body["minting"] == {"isPaused": False, "reason": None}
    assert body["people"] == {"waiting": 1, "oldestSeconds": 700, "stuck": 1, "underReview": 0}
    assert body["wallet"]["lamports"] == house.chain.balance(body["wallet"]["address"])
    assert body["events"]["unpublished"] == 3
    assert body["events"]["oldestSeconds"] >= 700
    assert body["events"]["recordsBehind"] == {"nft-audit": 0}
    assert (body["relayStreams"], body["activeRequests"]) == (3, 1)


def test_who_waits_is_listed_with_what_can_be_done(house: OpsHouse) -> None:
    upgrade_id = house.under_review()
    body = house.ops().get("/api/ops/requests").json()
    (case,) = body["requests"]
    assert (body["total"], body["nextCursor"]) == (1, None)
    assert (case["id"], case["status"], case["userId"]) == (
        upgrade_id,
        "under_review",
        ALICE.address,
    )
    assert (case["canDecide"], case["canRetry"], case["isStuck"]) == (True, False, False)


def test_the_list_is_read_page_by_page(house: OpsHouse) -> None:
    upgrade_id = house.failed()
    page = house.ops().get("/api/ops/requests", params={"limit": 1}).json()
    assert page["nextCursor"] == upgrade_id
    rest = house.ops().get("/api/ops/requests", params={"limit": 1, "cursor": upgrade_id}).json()
    assert (rest["requests"], rest["nextCursor"], rest["total"]) == ([], None, 1)


@pytest.mark.parametrize("path", ["/api/ops/requests", "/api/ops/journal"])
@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_page_has_its_bounds(house: OpsHouse, path: str, limit: str) -> None:
    answer = house.ops().get(path, params={"limit": limit})
    assert code(answer) == (400, "invalid_limit")


@pytest.mark.parametrize(
    ("path", "cursor"),
    [("requests", "nowhere"), ("requests", "x" * 65), ("journal", "nowhere"), ("journal", "1")],
)
def test_a_foreign_cursor_is_refused(house: OpsHouse, path: str, cursor: str) -> None:
    answer = house.ops().get(f"/api/ops/{path}", params={"cursor": cursor})
    assert code(answer) == (400, "invalid_cursor")


def test_a_case_shows_the_evidence_whoever_it_belongs_to(house: OpsHouse) -> None:
    upgrade_id = house.under_review()
    body = house.ops().get(f"/api/ops/requests/{upgrade_id}").json()
    assert [step["type"] for step in body["history"]][-1] == "under_review"
    assert body["burnProof"]["verdict"] == "under_review"
    assert any(check["outcome"] == "review" for check in body["burnProof"]["checks"])
    live = house.ops().get(f"/api/ops/requests/{upgrade_id}/burn-proof").json()
    assert live["burnProof"]["signature"] == body["burnProof"]["signature"]


def test_mint_attempts_are_part_of_the_case(house: OpsHouse) -> None:
    upgrade_id, _ = house.burned()
    house.world.minting.prepare(upgrade_id)
    (attempt,) = house.ops().get(f"/api/ops/requests/{upgrade_id}").json()["attempts"]
    assert (attempt["number"], attempt["isSigned"]) == (1, False)


@pytest.mark.parametrize("id_", [UNKNOWN_ID, "OPERATORS", "x"])
def test_a_case_that_is_not_there_is_not_found(house: OpsHouse, id_: str) -> None:
    assert code(house.ops().get(f"/api/ops/requests/{id_}")) == (404, "upgrade_not_found")


# --- what is done ------------------------------------------------------------------------------


def test_a_pause_is_read_by_users_until_it_is_resumed(house: OpsHouse) -> None:
    nft = house.give_nft()
    house.ops().post("/api/ops/minting/pause", json={"reason": "  We move house.  "})
    refused = open_upgrade(house.signed_in(), nft.mint)
    assert refused.status_code == 503 and "We move house." in refused.json()["detail"]
    assert house.ops().get("/api/ops/status").json()["minting"] == {
        "isPaused": True,
        "reason": "We move house.",
    }
    house.ops().post("/api/ops/minting/resume", json=WHY)
    assert open_upgrade(house.signed_in(), nft.mint).status_code == 201


def test_a_failed_mint_is_tried_again(house: OpsHouse) -> None:
    upgrade_id = house.failed()
    answer = house.ops().post(f"/api/ops/requests/{upgrade_id}/retry", json=WHY)
    assert (answer.status_code, answer.json()["status"]) == (202, "mint_pending")
    again = house.ops().post(f"/api/ops/requests/{upgrade_id}/retry", json=WHY)
    assert code(again) == (409, "not_retryable")


@pytest.mark.parametrize(("act", "status"), [("accept", "burn_confirmed"), ("refuse", "initiated")])
def test_a_review_is_decided_once(house: OpsHouse, act: str, status: str) -> None:
    upgrade_id = house.under_review()
    answer = house.ops().post(f"/api/ops/requests/{upgrade_id}/{act}", json=WHY)
    assert (answer.status_code, answer.json()["status"]) == (202, status)
    for other in ("accept", "refuse"):
        late = house.ops(COLLEAGUE).post(f"/api/ops/requests/{upgrade_id}/{other}", json=WHY)
        assert code(late) == (409, "wrong_status")
        assert status in late.json()["detail"]


def test_two_operators_who_decide_at_once_one_wins_and_one_is_told(house: OpsHouse) -> None:
    upgrade_id = house.under_review()
    begin = threading.Barrier(2)
    examine = house.chain.burn_evidence

    def both_have_looked(signature: str, mint: str) -> object:
        evidence = examine(signature, mint)
        begin.wait(5)
        return evidence

    house.chain.burn_evidence = both_have_looked  # type: ignore[method-assign, assignment]
    answers: dict[str, Response] = {}

    def decide(act: str, client: TestClient) -> None:
        answers[act] = client.post(f"/api/ops/requests/{upgrade_id}/{act}", json=WHY)

    clients = {"accept": house.ops(OPERATOR), "refuse": house.ops(COLLEAGUE)}
    threads = [threading.Thread(target=decide, args=each) for each in clients.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.status_code for each in answers.values()) == [202, 409]
    lost = next(each for each in answers.values() if each.status_code == 409)
    assert code(lost) == (409, "wrong_status")
    assert "Somebody else was faster" in lost.json()["detail"]
    assert lost.json()["retryable"] is False


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "missing_field"),
        ({"reason": ""}, "invalid_field"),
        ({"reason": "   "}, "invalid_field"),
        ({"reason": "x" * 501}, "invalid_field"),
        ({"reason": 7}, "invalid_field"),
        ({"reason": "because", "operator": "somebody else"}, "unknown_field"),
    ],
)
def test_every_act_wants_a_reason_and_nothing_else(
    house: OpsHouse, path: str, body: dict[str, Any], expected: str
) -> None:
    assert code(house.ops().post(path, json=body)) == (400, expected)
    assert len(house.world.journal) == 0


def test_a_repeated_call_with_its_key_is_done_once(house: OpsHouse) -> None:
    upgrade_id = house.under_review()
    client = house.ops(OPERATOR, **{"Idempotency-Key": "k"})
    path = f"/api/ops/requests/{upgrade_id}/accept"
    first, again = (client.post(path, json=WHY) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert len(house.world.journal) == 1


def test_who_asked_for_what_and_why_is_in_the_journal(house: OpsHouse) -> None:
    upgrade_id = house.under_review()
    house.ops().post("/api/ops/minting/pause", json=WHY)
    house.ops(COLLEAGUE).post(f"/api/ops/requests/{upgrade_id}/refuse", json={"reason": "No."})
    body = house.ops().get("/api/ops/journal").json()
    assert body["isSound"] is True
    told = [
        (each["number"], each["act"], each["operator"], each["upgradeRequestId"])
        for each in body["entries"]
    ]
    assert told == [
        (2, "refuse", COLLEAGUE.address, upgrade_id),
        (1, "pause", OPERATOR.address, None),
    ]
    page = house.ops().get("/api/ops/journal", params={"limit": 1}).json()
    assert page["nextCursor"] == "2"
    rest = house.ops().get("/api/ops/journal", params={"limit": 1, "cursor": "2"}).json()
    assert ([each["number"] for each in rest["entries"]], rest["nextCursor"]) == ([1], None)


def test_while_solana_is_away_the_rest_is_shown_and_a_review_waits(house: OpsHouse) -> None:
    upgrade_id = house.under_review()
    house.chain.down = "no provider"
    assert house.ops().get("/api/ops/status").json()["wallet"]["lamports"] is None
    answer = house.ops().post(f"/api/ops/requests/{upgrade_id}/accept", json=WHY)
    assert code(answer) == (503, "chain_unavailable")
    assert house.stored(upgrade_id).status is Status.UNDER_REVIEW
