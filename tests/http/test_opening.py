"""Opening an upgrade: every row of the contract that can stand in the way."""

from base64 import b64decode
from typing import Any

import pytest
from solders.transaction import VersionedTransaction

from nft_upgrade.domain import base58
from nft_upgrade.domain.upgrade import Status
from tests.http.house import (
    ALICE,
    BOB,
    MINT,
    OTHER_MINT,
    House,
    open_upgrade,
    problem_of,
)


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
        "atomicTransaction": None,
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


def test_a_repeat_under_its_idempotency_key_is_no_new_open() -> None:
    """A page that waits for Solana repeats its call; the user may open again afterwards."""
    house = House(upgrade_rate_per_minute=5)
    house.give_nft()
    client = house.signed_in()
    house.chain.down = "no provider"
    for _ in range(20):
        answered = open_upgrade(client, headers={"Idempotency-Key": "one"})
        assert problem_of(answered) == (503, "chain_unavailable")
    house.chain.down = None
    assert open_upgrade(client, headers={"Idempotency-Key": "one"}).status_code == 201


def test_repeats_are_limited_all_the_same() -> None:
    """Each refused one is carried out anew: five a minute would be no limit otherwise."""
    house = House(upgrade_rate_per_minute=1)
    client = house.signed_in()
    repeated = [open_upgrade(client, headers={"Idempotency-Key": "one"}) for _ in range(6)]
    assert [problem_of(each)[0] for each in repeated] == [404] * 5 + [429]
    other = open_upgrade(client, headers={"Idempotency-Key": "two"})
    assert problem_of(other) == (429, "rate_limited"), "another key is another open"
