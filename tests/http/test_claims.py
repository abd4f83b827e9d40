"""Claims, burn proofs and lineages over HTTP."""

from typing import Any

import pytest
from httpx2 import Response

from tests.http.house import (
    ALICE,
    BOB,
    MINT,
    OTHER_MINT,
    UNKNOWN_ID,
    House,
    problem_of,
    some_signature,
)


def claim(house: House, body: dict[str, Any], **headers: str) -> Response:
    return house.signed_in(ALICE, **headers).post("/api/nft/upgrade/claims", json=body)


def burned_outside(house: House) -> str:
    house.give_nft()
    burn_signature = house.chain.burn(ALICE.address, MINT)
    house.chain.finalize()
    return burn_signature


def test_a_burned_nft_is_claimed_by_its_mint(house: House) -> None:
    burned_outside(house)
    answered = claim(house, {"mint": MINT})
    body = answered.json()
    assert answered.status_code == 202
    assert (body["success"], body["code"], body["status"]) == (
        True,
        "claim_accepted",
        "burn_pending",
    )
    upgrade_id = body["upgradeRequestId"]
    assert body["eventsUrl"] == f"/api/nft/upgrade/{upgrade_id}/events"
    assert answered.headers["location"] == f"/api/nft/upgrade/{upgrade_id}/status"
    status = house.signed_in().get(answered.headers["location"]).json()
    assert status["upgradeRequest"]["currentNftId"] == MINT


def test_a_burned_nft_is_claimed_by_its_burn(house: House) -> None:
    answered = claim(house, {"burnTransactionHash": burned_outside(house)})
    assert answered.json()["code"] == "claim_accepted"


def test_a_completed_claim_answers_its_final_state(house: House) -> None:
    burned_outside(house)
    upgrade_id = claim(house, {"mint": MINT}).json()["upgradeRequestId"]
    house.world.run_workflow(house.stored(upgrade_id))
    answered = claim(house, {"mint": MINT})
    assert (answered.status_code, answered.json()["status"]) == (200, "completed")
    assert answered.json()["upgradeRequestId"] == upgrade_id


def test_an_undecided_claim_is_to_be_repeated(house: House) -> None:
    house.give_nft()
    answered = claim(house, {"burnTransactionHash": some_signature()})
    assert (answered.status_code, answered.headers["retry-after"]) == (202, "5")
    body = answered.json()
    assert (body["code"], body["upgradeRequestId"], body["eventsUrl"], body["status"]) == (
        "claim_pending",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, (400, "missing_field")),
        ({"mint": None}, (400, "missing_field")),
        ({"mint": "abc"}, (400, "invalid_mint")),
        ({"burnTransactionHash": "abc"}, (400, "invalid_signature_format")),
        ({"mint": MINT, "recipient": BOB.address}, (400, "unknown_field")),
        ({"mint": OTHER_MINT}, (404, "nft_not_found")),
        ({"mint": MINT}, (409, "nft_not_burned")),
    ],
)
def test_what_cannot_be_claimed_is_refused(
    house: House, body: dict[str, Any], wanted: tuple[int, str]
) -> None:
    house.give_nft()
    house.chain.finalize()
    assert problem_of(claim(house, body)) == wanted


def test_a_refused_burn_is_explained_check_by_check(house: House) -> None:
    house.give_nft()
    burn_signature = house.chain.burn(ALICE.address, MINT, error='"x"')
    house.chain.finalize()
    answered = claim(house, {"mint": MINT, "burnTransactionHash": burn_signature})
    assert problem_of(answered) == (409, "burn_refused")
    failed = [c["rule"] for c in answered.json()["burnProof"]["checks"] if c["outcome"] == "fail"]
    assert "V4" in failed


def test_another_wallets_burn_is_refused(house: House) -> None:
    burned_outside(house)
    answered = house.signed_in(BOB).post("/api/nft/upgrade/claims", json={"mint": MINT})
    assert problem_of(answered) == (403, "nft_not_owned")


def test_a_claim_is_for_signed_in_wallets(house: House) -> None:
    answered = house.browser().post("/api/nft/upgrade/claims", json={"mint": MINT})
    assert problem_of(answered) == (401, "invalid_token")


def test_claims_count_in_the_rate_limit_of_opens() -> None:
    house = House(upgrade_rate_per_minute=2)
    codes = [claim(house, {"mint": MINT}).status_code for _ in range(3)]
    assert codes == [404, 404, 429]


def test_the_same_key_gets_the_same_claim(house: House) -> None:
    burned_outside(house)
    first, again = (claim(house, {"mint": MINT}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == again.json() and len(house.world.upgrades) == 1


def test_a_pending_claim_is_not_kept_for_its_key(house: House) -> None:
    house.give_nft()
    burn_signature = house.chain.burn(ALICE.address, MINT)
    house.chain.advance()
    body, key = {"burnTransactionHash": burn_signature}, {"Idempotency-Key": "k"}
    assert claim(house, body, **key).json()["code"] == "claim_pending"
    house.chain.finalize()
    assert claim(house, body, **key).json()["code"] == "claim_accepted"


def burn_proof(house: House, upgrade_id: str) -> dict[str, Any]:
    answered = house.signed_in().get(f"/api/nft/upgrade/{upgrade_id}/burn-proof")
    assert answered.status_code == 200, answered.text
    body: dict[str, Any] = answered.json()
    return body


def test_a_proven_burn_shows_every_check_with_its_evidence(house: House) -> None:
    upgrade_id, burn_signature = house.completed()
    body = burn_proof(house, upgrade_id)
    proof = body["burnProof"]
    assert (body["isDecided"], body["status"], proof["verdict"]) == (True, "completed", "proven")
    assert (proof["signature"], proof["owner"], proof["mint"]) == (
        burn_signature,
        ALICE.address,
        MINT,
    )
    assert proof["commitment"] == "finalized" and proof["slot"] > 0
    checks = {check["rule"]: check for check in proof["checks"]}
    assert set(checks) == {f"V{number}" for number in range(1, 14)}
    assert {check["outcome"] for check in checks.values()} == {"pass"}
    assert checks["V6"]["evidence"]["before"][0]["amount"] == 1
    assert checks["V6"]["evidence"]["after"] == []
    assert checks["V8"]["evidence"]["supply"] == 0


def test_the_proof_in_the_audited_event_is_the_one_that_is_shown(house: House) -> None:
    upgrade_id, _ = house.completed()
    events = house.world.upgrades.events(upgrade_id)
    audited = [event.data["proof"] for event in events if "proof" in event.data]
    assert audited == [burn_proof(house, upgrade_id)["burnProof"]]


def test_an_undecided_burn_says_what_it_waits_for(house: House) -> None:
    upgrade_id = house.opened()
    path = f"/api/nft/upgrade/{upgrade_id}/burn-confirmation"
    house.signed_in().post(path, json={"burnTransactionHash": some_signature()})
    body = burn_proof(house, upgrade_id)
    assert (body["isDecided"], body["burnProof"]["verdict"]) == (False, "pending")
    pending = [c["code"] for c in body["burnProof"]["checks"] if c["outcome"] == "pending"]
    assert pending == ["burn_not_seen"]


def test_before_a_burn_there_is_no_proof(house: House) -> None:
    body = burn_proof(house, house.opened())
    assert (body["burnProof"], body["isDecided"], body["lookedAt"]) == (None, False, None)


@pytest.mark.parametrize("upgrade_id", [UNKNOWN_ID, "x", None])
def test_a_foreign_proof_and_an_unknown_one_look_the_same(
    house: House, upgrade_id: str | None
) -> None:
    theirs, _ = house.burned(BOB)
    answered = house.signed_in().get(f"/api/nft/upgrade/{upgrade_id or theirs}/burn-proof")
    assert problem_of(answered) == (404, "upgrade_not_found")


def test_anybody_can_follow_a_line(house: House) -> None:
    upgrade_id, burn_signature = house.completed()
    upgrade = house.stored(upgrade_id)
    answered = house.browser().get(f"/api/nft/{upgrade.successor}/lineage")
    assert answered.status_code == 200
    newest, oldest = answered.json()["lineage"]
    assert (newest["nftId"], newest["level"], newest["predecessor"]) == (
        upgrade.successor,
        2,
        MINT,
    )
    assert newest["mintTransactionHash"] == upgrade.mint_signature
    assert len(newest["seed"]) == 32 and oldest["seed"] is None
    assert (oldest["nftId"], oldest["burnTransactionHash"], oldest["successor"]) == (
        MINT,
        burn_signature,
        upgrade.successor,
    )


@pytest.mark.parametrize(
    ("mint", "wanted"), [("abc", (400, "invalid_mint")), (OTHER_MINT, (404, "nft_not_found"))]
)
def test_a_line_starts_at_an_nft_of_ours(house: House, mint: str, wanted: tuple[int, str]) -> None:
    assert problem_of(house.browser().get(f"/api/nft/{mint}/lineage")) == wanted
