"""Atomic mode over HTTP: opening, a fresh transaction, submitting."""

from base64 import b64decode, b64encode
from typing import Any

import pytest
from httpx2 import Response
from solders.message import to_bytes_versioned
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from nft_upgrade.domain.upgrade import Status
from tests.http.house import ALICE, BOB, MINT, House, problem_of


def opened(house: House) -> dict[str, Any]:
    house.give_nft()
    body = {"currentNftId": MINT, "targetLevel": 2, "mode": "atomic"}
    answered = house.signed_in().post("/api/nft/upgrade", json=body)
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


def signed(transaction: str) -> str:
    message = VersionedTransaction.from_bytes(b64decode(transaction)).message
    signature = Signature.from_bytes(ALICE.sign(to_bytes_versioned(message)))
    wire = VersionedTransaction.populate(message, [signature, Signature.default()])
    return b64encode(bytes(wire)).decode()


def submit(house: House, upgrade_id: str, transaction: Any, **headers: str) -> Response:
    path = f"/api/nft/upgrade/{upgrade_id}/submit"
    return house.signed_in(ALICE, **headers).post(path, json={"transaction": transaction})


def test_opening_gives_one_transaction_instead_of_the_burn(house: House) -> None:
    body = opened(house)
    assert body["burnTransaction"] is None
    transaction = VersionedTransaction.from_bytes(b64decode(body["atomicTransaction"]))
    assert str(transaction.message.account_keys[0]) == ALICE.address
    assert len(transaction.signatures) == 2


def test_a_signed_transaction_is_submitted_and_completes(house: House) -> None:
    body = opened(house)
    upgrade_id = body["upgradeRequestId"]
    answered = submit(house, upgrade_id, signed(body["atomicTransaction"]))
    assert (answered.status_code, answered.json()["code"]) == (202, "submitted")
    assert house.world.run_workflow(house.stored(upgrade_id)).status is Status.COMPLETED
    again = submit(house, upgrade_id, signed(body["atomicTransaction"]))
    assert (again.status_code, again.json()["status"]) == (200, "completed")
    status = house.signed_in().get(f"/api/nft/upgrade/{upgrade_id}/status").json()
    assert status["upgradeRequest"]["mode"] == "atomic"


def test_a_fresh_transaction_can_be_had(house: House) -> None:
    upgrade_id = opened(house)["upgradeRequestId"]
    house.chain.advance()
    path = f"/api/nft/upgrade/{upgrade_id}/atomic-transaction"
    fresh = house.signed_in().get(path)
    assert fresh.status_code == 200
    assert submit(house, upgrade_id, signed(fresh.json()["atomicTransaction"])).status_code == 202


def test_a_request_in_two_steps_has_no_atomic_transaction(house: House) -> None:
    path = f"/api/nft/upgrade/{house.opened()}/atomic-transaction"
    assert problem_of(house.signed_in().get(path)) == (409, "wrong_status")


@pytest.mark.parametrize("mode", ["", "both", 1, None])
def test_another_mode_is_refused(house: House, mode: Any) -> None:
    house.give_nft()
    body = {"currentNftId": MINT, "targetLevel": 2, "mode": mode}
    answered = house.signed_in().post("/api/nft/upgrade", json=body)
    assert problem_of(answered) == (400, "invalid_field")


@pytest.mark.parametrize(
    ("transaction", "wanted"),
    [
        ("", (422, "wrong_transaction")),
        ("!", (422, "wrong_transaction")),
        ("AAAA", (422, "wrong_transaction")),
        (7, (400, "invalid_field")),
        (None, (400, "invalid_field")),
        ("A" * 5000, (400, "invalid_field")),
    ],
)
def test_what_is_no_transaction_of_ours_is_refused(
    house: House, transaction: Any, wanted: tuple[int, str]
) -> None:
    upgrade_id = opened(house)["upgradeRequestId"]
    assert problem_of(submit(house, upgrade_id, transaction)) == wanted


def test_an_unsigned_transaction_is_refused(house: House) -> None:
    body = opened(house)
    answered = submit(house, body["upgradeRequestId"], body["atomicTransaction"])
    assert problem_of(answered) == (422, "wrong_transaction")


def test_another_wallets_request_takes_nothing(house: House) -> None:
    body = opened(house)
    path = f"/api/nft/upgrade/{body['upgradeRequestId']}/submit"
    sent = {"transaction": signed(body["atomicTransaction"])}
    assert problem_of(house.signed_in(BOB).post(path, json=sent)) == (404, "upgrade_not_found")


def test_the_same_key_gets_the_same_answer(house: House) -> None:
    body = opened(house)
    transaction = signed(body["atomicTransaction"])
    first, again = (
        submit(house, body["upgradeRequestId"], transaction, **{"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert first.json() == again.json()
    assert house.stored(body["upgradeRequestId"]).version == 2
