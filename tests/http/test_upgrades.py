"""Looking, retrying, cancelling, listing, and whose it is."""

from base64 import b64decode

import pytest
from solders.transaction import VersionedTransaction

from tests.fakes.signing import TestKey
from tests.http.house import (
    BOB,
    MINT,
    UNKNOWN_ID,
    House,
    confirm,
    open_upgrade,
    problem_of,
    some_signature,
)

# --- looking, retrying, cancelling ----------------------------------------------------------


def test_the_status_has_the_members_clients_read(house: House) -> None:
    upgrade_id, burn_signature = house.completed()
    answered = house.signed_in().get(f"/api/nft/upgrade/{upgrade_id}/status")
    body = answered.json()
    upgrade = house.stored(upgrade_id)
    assert answered.status_code == 200
    assert set(body) == {"success", "upgradeRequest", "statusHistory", "canRetry"}
    assert body["upgradeRequest"] == {
        "id": upgrade_id,
        "status": "completed",
        "mode": "two_step",
        "currentNftId": MINT,
        "currentLevel": 1,
        "targetLevel": 2,
        "burnTransactionHash": burn_signature,
        "mintTransactionHash": upgrade.mint_signature,
        "newNftId": upgrade.successor,
        "retryCount": 0,
        "maxRetries": 3,
        "errorDetails": None,
        "createdAt": "2026-11-01T12:00:00.000Z",
        "updatedAt": body["upgradeRequest"]["updatedAt"],
        "expiresAt": "2026-11-01T12:30:00.000Z",
    }
    types = [entry["type"] for entry in body["statusHistory"]]
    assert (types[0], types[-1]) == ("upgrade_initiated", "upgrade_completed")
    assert [entry["sequence"] for entry in body["statusHistory"]] == [1, 2, 3, 4, 5]
    assert body["canRetry"] is False


def test_a_failed_mint_can_be_retried(house: House) -> None:
    upgrade_id = house.failed()
    client = house.signed_in()
    told = client.get(f"/api/nft/upgrade/{upgrade_id}/status").json()
    assert told["canRetry"] is True
    assert told["upgradeRequest"]["errorDetails"]["retryable"] is True
    answered = client.post(f"/api/nft/upgrade/{upgrade_id}/retry")
    assert (answered.status_code, answered.json()["status"]) == (202, "mint_pending")


def test_only_a_failed_mint_can_be_retried(house: House) -> None:
    answered = house.signed_in().post(f"/api/nft/upgrade/{house.opened()}/retry")
    assert problem_of(answered) == (409, "not_retryable")


def test_an_upgrade_without_a_burn_is_cancelled(house: House) -> None:
    upgrade_id = house.opened()
    house.chain.finalize()
    answered = house.signed_in().post(f"/api/nft/upgrade/{upgrade_id}/cancel")
    assert (answered.status_code, answered.json()["status"]) == (200, "cancelled")


def test_cancelling_waits_for_a_claimed_burn(house: House) -> None:
    upgrade_id = house.opened()
    confirm(house.signed_in(), upgrade_id, some_signature())
    answered = house.signed_in().post(f"/api/nft/upgrade/{upgrade_id}/cancel")
    assert (answered.status_code, answered.json()["status"]) == (202, "burn_pending")


def test_after_a_proven_burn_nothing_is_cancelled(house: House) -> None:
    upgrade_id, _ = house.burned()
    answered = house.signed_in().post(f"/api/nft/upgrade/{upgrade_id}/cancel")
    assert problem_of(answered) == (409, "cannot_cancel_after_burn")


def test_a_fresh_burn_transaction_can_be_had_until_the_burn_is_claimed(house: House) -> None:
    upgrade_id = house.opened()
    path = f"/api/nft/upgrade/{upgrade_id}/burn-transaction"
    answered = house.signed_in().get(path)
    assert answered.status_code == 200 and answered.json()["success"] is True
    VersionedTransaction.from_bytes(b64decode(answered.json()["burnTransaction"]))
    confirm(house.signed_in(), upgrade_id, some_signature())
    assert problem_of(house.signed_in().get(path)) == (409, "wrong_status")


def test_requests_are_listed_page_by_page(house: House) -> None:
    cancelled = house.cancelled()
    client = house.signed_in()
    house.clock.advance(seconds=1)
    running = open_upgrade(client).json()["upgradeRequestId"]
    first = client.get("/api/nft/upgrade/user/requests", params={"limit": 1}).json()
    assert [request["id"] for request in first["requests"]] == [running]
    second = client.get(
        "/api/nft/upgrade/user/requests", params={"limit": 1, "cursor": first["nextCursor"]}
    ).json()
    assert [request["id"] for request in second["requests"]] == [cancelled]
    by_status = client.get("/api/nft/upgrade/user/requests", params={"status": "cancelled"})
    assert [request["id"] for request in by_status.json()["requests"]] == [cancelled]
    others = house.signed_in(BOB).get("/api/nft/upgrade/user/requests").json()
    assert others == {"success": True, "requests": [], "nextCursor": None}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=happy", "invalid_status"),
        ("limit=0", "invalid_limit"),
        ("limit=101", "invalid_limit"),
        ("limit=many", "invalid_limit"),
        ("cursor=nonsense", "invalid_cursor"),
        ("cursor=%FF%00", "invalid_cursor"),
        ("cursor=" + "x" * 1025, "invalid_cursor"),
    ],
)
def test_a_listing_refuses_what_it_does_not_understand(house: House, query: str, code: str) -> None:
    answered = house.signed_in().get(f"/api/nft/upgrade/user/requests?{query}")
    assert problem_of(answered) == (400, code)


# --- NFTs -----------------------------------------------------------------------------------


def test_the_callers_nfts_are_listed(house: House) -> None:
    house.give_nft()
    body = house.signed_in().get("/api/nft").json()
    (nft,) = body["nfts"]
    assert body["success"] is True
    assert (nft["nftId"], nft["level"], nft["name"]) == (MINT, 1, "Tech Chicken")
    assert (nft["status"], nft["version"]) == ("active", 1)
    assert house.signed_in(BOB).get("/api/nft").json()["nfts"] == []


def test_an_nft_beyond_the_catalogue_is_still_listed(house: House) -> None:
    house.give_nft(level=9)
    (nft,) = house.signed_in().get("/api/nft").json()["nfts"]
    assert nft["name"] == "Level 9"


def test_the_caller_is_told_whether_an_upgrade_is_possible(house: House) -> None:
    house.give_nft()
    body = house.signed_in().get("/api/nft/can-upgrade").json()
    assert (body["success"], body["canUpgrade"], body["blockers"]) == (True, True, [])
    assert (body["currentLevel"], body["targetLevel"]) == (1, 2)
    assert set(body["requirements"]) == {"tradingVolumeUsdt", "badges", "enforced"}
    refused = house.signed_in().get("/api/nft/can-upgrade?targetLevel=3").json()
    assert refused["canUpgrade"] is False
    assert [blocker["code"] for blocker in refused["blockers"]] == ["invalid_target_level"]


@pytest.mark.parametrize("level", ["0", "6", "-1", "two", "", "1e3", "9" * 5000])
def test_levels_that_do_not_exist_cannot_be_asked_about(house: House, level: str) -> None:
    answered = house.signed_in().get(f"/api/nft/can-upgrade?targetLevel={level}")
    assert problem_of(answered) == (422, "invalid_target_level")


# --- whose it is ----------------------------------------------------------------------------

STEPS = [
    ("GET", "status"),
    ("GET", "burn-transaction"),
    ("POST", "burn-confirmation"),
    ("POST", "retry"),
    ("POST", "cancel"),
    ("POST", "events-ticket"),
]


@pytest.mark.parametrize(("method", "step"), STEPS)
def test_a_foreign_upgrade_looks_like_an_unknown_one(house: House, method: str, step: str) -> None:
    body = {"burnTransactionHash": some_signature()} if step == "burn-confirmation" else None
    mallory = house.signed_in(TestKey("mallory"))
    answers = [
        mallory.request(method, f"/api/nft/upgrade/{upgrade_id}/{step}", json=body)
        for upgrade_id in (house.opened(), UNKNOWN_ID, "nonsense", "%00", UNKNOWN_ID.lower())
    ]
    assert {problem_of(answered) for answered in answers} == {(404, "upgrade_not_found")}
    assert len({answered.json()["detail"] for answered in answers}) == 1


def test_what_cannot_be_an_id_is_not_looked_up(house: House) -> None:
    """Storage has opinions about keys (none is empty, none is long) that are not the caller's."""
    client = house.signed_in()
    house.world.upgrades.get = None  # type: ignore[method-assign,assignment]
    for text in ("nonsense", UNKNOWN_ID.lower(), UNKNOWN_ID + "0", "9" * 26):
        answered = client.get(f"/api/nft/upgrade/{text}/status")
        assert problem_of(answered) == (404, "upgrade_not_found")
