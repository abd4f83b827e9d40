"""The rows of the contract, one by one, through HTTP."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from solders.transaction import VersionedTransaction

from nft_upgrade.domain import base58
from nft_upgrade.domain.upgrade import Status
from tests.fakes.signing import TestKey
from tests.http.house import (
    ALICE,
    BOB,
    MINT,
    OTHER_MINT,
    UNKNOWN_ID,
    House,
    confirm,
    open_upgrade,
    problem_of,
    some_signature,
)

# --- opening --------------------------------------------------------------------------------


def test_opening_gives_the_burn_to_sign_and_where_to_watch(house: House) -> None:
    house.give_nft()
    answered = open_upgrade(house.signed_in())
    body = answered.json()
    upgrade_id = body["upgradeRequestId"]
    assert answered.status_code == 201
    assert body == {
        "success": True,
        "upgradeRequestId": upgrade_id,
        "status": "initiated",
        "message": body["message"],
        "burnTransaction": body["burnTransaction"],
        "expiresAt": "2026-11-01T12:30:00.000Z",
        "eventsUrl": f"/api/nft/upgrade/{upgrade_id}/events",
    }
    assert answered.headers["location"] == f"/api/nft/upgrade/{upgrade_id}/status"
    burn = VersionedTransaction.from_bytes(b64decode(body["burnTransaction"]))
    assert str(burn.message.account_keys[0]) == ALICE.address


@pytest.mark.parametrize(
    "mint", ["", "abc", "0" * 44, MINT + "1", MINT[:-2], base58.encode(bytes(64)), 7, None, []]
)
def test_a_mint_must_be_base58_of_32_bytes(house: House, mint: Any) -> None:
    assert problem_of(open_upgrade(house.signed_in(), mint)) == (400, "invalid_mint")


def test_an_nft_we_do_not_know_is_not_found(house: House) -> None:
    assert problem_of(open_upgrade(house.signed_in())) == (404, "nft_not_found")


def test_somebody_elses_nft_is_refused(house: House) -> None:
    house.give_nft(BOB)
    assert problem_of(open_upgrade(house.signed_in(ALICE))) == (403, "nft_not_owned")


@pytest.mark.parametrize("level", [1, 3, 0, -1, 10**30, "2", True, None, 2.0, 1e999, [2], {}])
def test_only_the_next_level_may_be_asked_for(house: House, level: Any) -> None:
    house.give_nft()
    body = f'{{"currentNftId": "{MINT}", "targetLevel": {_json(level)}}}'
    answered = house.signed_in().post(
        "/api/nft/upgrade", content=body, headers={"Content-Type": "application/json"}
    )
    assert problem_of(answered) == (422, "invalid_target_level")


def _json(value: Any) -> str:
    special = {True: "true", None: "null"}
    if isinstance(value, bool) or value is None:
        return special[value]
    if value == float("inf"):
        return "1e999"
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_the_final_level_has_no_next(house: House) -> None:
    house.give_nft(level=5)
    assert problem_of(open_upgrade(house.signed_in(), level=6)) == (409, "max_level")


def test_an_nft_that_is_frozen_or_delegated_is_refused(house: House) -> None:
    house.give_nft()
    for trouble in ({"frozen": True}, {"delegate": BOB.address}):
        house.chain.give_nft(ALICE.address, MINT, **trouble)
        assert problem_of(open_upgrade(house.signed_in())) == (409, "nft_not_free")


def test_a_second_upgrade_of_the_same_user_is_refused_with_the_running_ones_id(
    house: House,
) -> None:
    upgrade_id = house.opened()
    answered = open_upgrade(house.signed_in())
    assert problem_of(answered) == (409, "upgrade_active")
    assert answered.json()["upgradeRequestId"] == upgrade_id


def test_a_failed_mint_still_counts_as_an_active_upgrade(house: House) -> None:
    upgrade_id = house.failed()
    house.chain.give_nft(ALICE.address, OTHER_MINT)
    answered = open_upgrade(house.signed_in(), MINT)
    assert answered.status_code == 409
    assert answered.json()["code"] in ("upgrade_active", "already_redeemed")
    assert house.stored(upgrade_id).status is Status.FAILED_RETRYABLE


def test_an_nft_in_another_active_upgrade_is_locked(house: House) -> None:
    house.opened(ALICE)
    house.chain.transfer(ALICE.address, MINT, BOB.address)
    house.chain.finalize()
    assert problem_of(open_upgrade(house.signed_in(BOB))) == (409, "nft_locked")


def test_a_redeemed_nft_is_not_redeemed_again(house: House) -> None:
    house.completed()
    assert problem_of(open_upgrade(house.signed_in())) == (409, "already_redeemed")


def test_nobody_opens_while_minting_is_paused(house: House) -> None:
    house.give_nft()
    house.world.switch.set_paused("maintenance", at=house.clock.now())
    answered = open_upgrade(house.signed_in())
    assert problem_of(answered) == (503, "minting_paused")
    assert int(answered.headers["retry-after"]) > 0


def test_nobody_opens_while_the_system_wallet_is_low(house: House) -> None:
    house.give_nft()
    house.chain.fund(house.world.signer.address(), -10_000_000_000)
    answered = open_upgrade(house.signed_in())
    assert problem_of(answered) == (503, "minting_paused")


def test_nobody_opens_while_solana_is_away(house: House) -> None:
    house.give_nft()
    house.chain.down = "no provider"
    answered = open_upgrade(house.signed_in())
    assert problem_of(answered) == (503, "chain_unavailable")
    assert answered.json()["errorType"] == "solana_rpc_error"


def test_the_sixth_open_within_a_minute_waits() -> None:
    house = House(upgrade_rate_per_minute=5)
    client = house.signed_in()
    for _ in range(5):
        open_upgrade(client)
    answered = open_upgrade(client)
    assert problem_of(answered) == (429, "rate_limited")
    assert answered.json()["error"] == "Too many upgrade requests, please try again later"
    assert answered.json()["errorType"] == "rate_limit_exceeded"
    assert 1 <= int(answered.headers["retry-after"]) <= 60
    assert problem_of(open_upgrade(house.signed_in(BOB))) == (404, "nft_not_found")
    house.clock.advance(minutes=1)
    assert problem_of(open_upgrade(client)) == (404, "nft_not_found")


# --- confirming -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "burn_signature",
    ["", "abc", "0" * 88, some_signature()[:-1], base58.encode(bytes(32)), "1" * 65, 7, None, {}],
)
def test_a_signature_must_be_base58_of_64_bytes(house: House, burn_signature: Any) -> None:
    answered = confirm(house.signed_in(), house.opened(), burn_signature)
    assert problem_of(answered) == (400, "invalid_signature_format")


def test_a_claimed_burn_is_accepted_and_looked_at_later(house: House) -> None:
    upgrade_id = house.opened()
    answered = confirm(house.signed_in(), upgrade_id, some_signature())
    body = answered.json()
    assert answered.status_code == 202
    assert (body["success"], body["status"], body["code"]) == (True, "burn_pending", "burn_pending")
    assert len(house.world.workflow) == 1 and (upgrade_id, 1) in house.world.workflow


def test_a_claim_is_taken_while_solana_is_away(house: House) -> None:
    upgrade_id = house.opened()
    house.chain.down = "no provider"
    assert confirm(house.signed_in(), upgrade_id, some_signature()).status_code == 202


def test_the_same_signature_again_changes_nothing(house: House) -> None:
    upgrade_id = house.opened()
    first = confirm(house.signed_in(), upgrade_id, some_signature())
    again = confirm(house.signed_in(), upgrade_id, some_signature())
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["status"] == "burn_pending"
    assert house.stored(upgrade_id).version == 2


def test_a_burn_that_proved_another_request_is_refused(house: House) -> None:
    given_up = house.cancelled()
    client = house.signed_in()
    second = open_upgrade(client).json()["upgradeRequestId"]
    burn_signature = house.chain.burn(ALICE.address, MINT)
    confirm(client, second, burn_signature)
    house.chain.finalize()
    house.world.burning.verify(second)
    answered = confirm(client, given_up, burn_signature)
    assert problem_of(answered) == (409, "burn_already_used")


def test_confirming_a_completed_upgrade_answers_its_final_state(house: House) -> None:
    upgrade_id, burn_signature = house.completed()
    before = house.stored(upgrade_id)
    for signature in (burn_signature, some_signature(9)):
        answered = confirm(house.signed_in(), upgrade_id, signature)
        assert (answered.status_code, answered.json()["status"]) == (200, "completed")
    assert house.stored(upgrade_id) == before


def test_a_late_burn_of_a_cancelled_upgrade_is_honoured(house: House) -> None:
    upgrade_id = house.cancelled()
    burn_signature = house.chain.burn(ALICE.address, MINT)
    house.chain.finalize()
    answered = confirm(house.signed_in(), upgrade_id, burn_signature)
    assert (answered.status_code, answered.json()["code"]) == (202, "late_burn_accepted")
    assert answered.json()["status"] == "burn_confirmed"


def failed_burn(house: House) -> str:
    return house.chain.burn(ALICE.address, MINT, error='{"InstructionError":[0,"Custom"]}')


def other_burn(house: House) -> str:
    house.chain.give_nft(ALICE.address, OTHER_MINT)
    return house.chain.burn(ALICE.address, OTHER_MINT)


def transfer(house: House) -> str:
    return house.chain.transfer(ALICE.address, MINT, "1nc1nerator11111111111111111111111111111111")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda _: some_signature(), "burn_not_found"),
        (failed_burn, "burn_tx_failed"),
        (other_burn, "burn_wrong_mint"),
        (transfer, "burn_is_transfer"),
    ],
    ids=["not found", "failed", "other mint", "transfer"],
)
def test_a_rejected_burn_is_told_with_its_reason(
    house: House, wrong: Callable[[House], str], code: str
) -> None:
    upgrade_id = house.opened()
    confirm(house.signed_in(), upgrade_id, wrong(house))
    house.chain.advance(1_000)
    house.world.burning.verify(upgrade_id)
    told = house.signed_in().get(f"/api/nft/upgrade/{upgrade_id}/status").json()
    assert told["upgradeRequest"]["status"] == "initiated"
    assert told["upgradeRequest"]["errorDetails"]["code"] == code
    assert [entry["type"] for entry in told["statusHistory"]][-1] == "burn_rejected"


def test_after_a_rejected_burn_the_right_one_may_be_named(house: House) -> None:
    upgrade_id = house.opened()
    confirm(house.signed_in(), upgrade_id, failed_burn(house))
    house.chain.finalize()
    house.world.burning.verify(upgrade_id)
    right = house.chain.burn(ALICE.address, MINT)
    answered = confirm(house.signed_in(), upgrade_id, right)
    assert (answered.status_code, answered.json()["code"]) == (202, "burn_pending")


def test_a_burn_by_a_delegate_is_held_for_review(house: House) -> None:
    upgrade_id = house.opened()
    burn_signature = house.chain.burn(ALICE.address, MINT, authority=BOB.address)
    assert confirm(house.signed_in(), upgrade_id, burn_signature).status_code == 202
    house.chain.finalize()
    house.world.burning.verify(upgrade_id)
    told = house.signed_in().get(f"/api/nft/upgrade/{upgrade_id}/status").json()
    assert told["upgradeRequest"]["status"] == "under_review"
    again = confirm(house.signed_in(), upgrade_id, burn_signature)
    assert (again.status_code, again.json()["code"]) == (202, "under_review")


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
