"""Statistics and leaderboard, as their readers see them."""

import pytest

from tests.fakes.events import START, STEP, story
from tests.http.house import ALICE, BOB, House, problem_of


def test_a_new_user_has_zeros_and_no_badges(house: House) -> None:
    answered = house.signed_in().get("/api/stats/me")
    assert answered.status_code == 200
    assert answered.json() == {
        "success": True,
        "level": 0,
        "levelName": None,
        "reachedAt": None,
        "upgrades": {"opened": 0, "burned": 0, "completed": 0, "givenUp": 0, "mintFailures": 0},
        "steps": {"openedToBurned": None, "burnedToCompleted": None, "openedToCompleted": None},
        "badges": [],
        "lastEventAt": None,
    }


def test_a_user_sees_level_upgrades_times_and_badges(house: House) -> None:
    house.statistics.take(story(user_id=ALICE.address))
    answered = house.signed_in().get("/api/stats/me").json()
    assert (answered["level"], answered["levelName"]) == (2, "Quant Ape")
    assert answered["reachedAt"] == answered["lastEventAt"] == "2026-11-01T12:00:08.000Z"
    assert answered["upgrades"] == {
        "opened": 1,
        "burned": 1,
        "completed": 1,
        "givenUp": 0,
        "mintFailures": 1,
    }
    times = {"count": 1, "meanMs": 4000, "shortestMs": 4000}
    assert answered["steps"]["openedToBurned"] == times
    assert [badge["name"] for badge in answered["badges"]] == ["first_to_level_2", "first_upgrade"]


def test_the_figures_are_the_callers_own(house: House) -> None:
    house.statistics.take(story(user_id=BOB.address))
    assert house.signed_in(ALICE).get("/api/stats/me").json()["upgrades"]["opened"] == 0


def test_the_leaderboard_goes_page_by_page(house: House) -> None:
    house.statistics.take(story("up-1", "late", at=START + 60 * STEP))
    house.statistics.take(story("up-2", "early"))
    house.statistics.take(story("up-3", "top", level=2, at=START + 90 * STEP))
    client = house.signed_in()
    first = client.get("/api/leaderboard?limit=2").json()
    second = client.get("/api/leaderboard", params={"cursor": first["nextCursor"]}).json()
    users = [*first["users"], *second["users"]]
    assert [(user["position"], user["wallet"]) for user in users] == [
        (1, "top"),
        (2, "early"),
        (3, "late"),
    ]
    assert users[0] == {
        "position": 1,
        "wallet": "top",
        "level": 3,
        "levelName": "On-chain Hunter",
        "reachedAt": "2026-11-01T12:01:38.000Z",
        "upgradesCompleted": 1,
    }
    assert second["nextCursor"] is None


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1e3", ""])
def test_a_page_has_1_to_100_users(house: House, limit: str) -> None:
    answered = house.signed_in().get("/api/leaderboard", params={"limit": limit})
    assert problem_of(answered) == (400, "invalid_limit")


@pytest.mark.parametrize("cursor", ["nonsense", "", "x" * 2000])
def test_a_cursor_of_somebody_elses_is_refused(house: House, cursor: str) -> None:
    answered = house.signed_in().get("/api/leaderboard", params={"cursor": cursor})
    assert problem_of(answered) == (400, "invalid_cursor")


@pytest.mark.parametrize("path", ["/api/stats/me", "/api/leaderboard"])
def test_only_signed_in_users_read_statistics(house: House, path: str) -> None:
    assert problem_of(house.browser().get(path)) == (401, "invalid_token")


@pytest.mark.parametrize("path", ["/api/stats/me", "/api/leaderboard"])
def test_statistics_take_no_post(house: House, path: str) -> None:
    assert problem_of(house.signed_in().post(path)) == (405, "method_not_allowed")
