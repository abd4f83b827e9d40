"""Naming a burn: what is accepted, what is answered, and what becomes of it."""

from collections.abc import Callable
from typing import Any

import pytest

from nft_upgrade.domain import base58
from tests.http.house import (
    ALICE,
    BOB,
    MINT,
    OTHER_MINT,
    House,
    confirm,
    open_upgrade,
    problem_of,
    some_signature,
)


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
    house.world.burning.verify(upgrade_id)  # not seen or not final yet: time runs from here
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
