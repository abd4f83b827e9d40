"""Receipts: for completed upgrades alone, checked with the public key alone, and no session."""

import importlib.util
import json
import subprocess
import sys
from base64 import urlsafe_b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nft_upgrade.domain.receipt import PREFIX, signed_bytes
from nft_upgrade.http.errors import InvalidToken
from tests.http.house import BOB, MINT, ORIGIN, UNKNOWN_ID, House, problem_of

SCRIPT = Path(__file__).parents[2] / "docs/verify_receipt.py"


def script() -> Any:
    """The stand-alone verifier, loaded from its file."""
    spec = importlib.util.spec_from_file_location("verify_receipt", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERIFIER = script()


def receipt_path(upgrade_id: str) -> str:
    return f"/api/nft/upgrade/{upgrade_id}/receipt"


@pytest.fixture
def answered(house: House) -> dict[str, Any]:
    upgrade_id, _ = house.completed()
    answer = house.signed_in().get(receipt_path(upgrade_id))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def keys(house: House) -> dict[str, Any]:
    return dict(house.browser().get("/.well-known/jwks.json").json())


def test_a_receipt_names_request_wallet_both_nfts_and_both_signatures(house: House) -> None:
    upgrade_id, burn_signature = house.completed()
    upgrade = house.stored(upgrade_id)
    last = house.world.upgrades.events(upgrade_id)[-1]
    body = house.signed_in().get(receipt_path(upgrade_id)).json()
    assert body["receipt"] == {
        "type": "nft-upgrade-receipt",
        "version": 1,
        "issuer": ORIGIN,
        "upgradeRequestId": upgrade_id,
        "wallet": upgrade.user_id,
        "burnedNftId": MINT,
        "burnTransactionHash": burn_signature,
        "newNftId": upgrade.successor,
        "mintTransactionHash": upgrade.mint_signature,
        "oldLevel": 1,
        "newLevel": 2,
        "completedAt": body["receipt"]["completedAt"],
        "eventHash": last.hash,
    }


def test_the_same_receipt_is_signed_the_same_way_again(house: House) -> None:
    upgrade_id, _ = house.completed()
    first, second = (house.signed_in().get(receipt_path(upgrade_id)).json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("keeps_the_hash", [True, False])
def test_a_history_that_was_changed_in_the_table_is_not_signed(
    house: House, keeps_the_hash: bool
) -> None:
    upgrade_id, _ = house.completed()
    kept = house.world.store.events[upgrade_id]
    forged = replace(kept[-1], new_nft_id="FORGED")
    kept[-1] = forged if keeps_the_hash else forged.sealed()
    answered = house.signed_in().get(receipt_path(upgrade_id))
    assert problem_of(answered) == (500, "internal_error")


def test_a_signature_has_one_spelling(answered: dict[str, Any], keys: dict[str, Any]) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    signature = answered["signature"].rstrip("=")
    other = signature[:-1] + letters[letters.index(signature[-1]) ^ 1]
    assert urlsafe_b64decode(other + "==") == urlsafe_b64decode(signature + "==")
    with pytest.raises(VERIFIER.NotOurs, match="canonical"):
        VERIFIER.verify({**answered, "signature": other}, keys)


def test_a_url_that_is_none_is_no_traceback(tmp_path: Path, capsys: Any) -> None:
    assert VERIFIER.main(["http://localhost:x/", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("NOT VALID: ")


def test_the_verifier_needs_nothing_but_the_public_keys(
    answered: dict[str, Any], keys: dict[str, Any]
) -> None:
    assert VERIFIER.verify(answered, keys) == answered["receipt"]


@pytest.mark.parametrize(
    "member",
    ["upgradeRequestId", "wallet", "burnedNftId", "newNftId", "mintTransactionHash", "issuer"],
)
def test_a_changed_receipt_is_refused(
    answered: dict[str, Any], keys: dict[str, Any], member: str
) -> None:
    answered["receipt"][member] += "x"
    with pytest.raises(VERIFIER.NotOurs, match="signature"):
        VERIFIER.verify(answered, keys)


@pytest.mark.parametrize(
    "change",
    [
        {"receipt": None},
        {"receipt": {}},
        {"signature": "AA"},
        {"signature": "!" * 86},
        {"signature": None},
        {"keyId": "another"},
        {"algorithm": "none"},
    ],
)
def test_what_has_not_the_form_of_a_receipt_is_refused(
    answered: dict[str, Any], keys: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(VERIFIER.NotOurs):
        VERIFIER.verify({**answered, **change}, keys)


def test_an_added_member_is_refused(answered: dict[str, Any], keys: dict[str, Any]) -> None:
    answered["receipt"]["bonus"] = "level 5"
    with pytest.raises(VERIFIER.NotOurs, match="bonus"):
        VERIFIER.verify(answered, keys)


def test_a_number_written_as_another_type_is_refused(
    answered: dict[str, Any], keys: dict[str, Any]
) -> None:
    answered["receipt"]["version"] = True
    with pytest.raises(VERIFIER.NotOurs, match="version"):
        VERIFIER.verify(answered, keys)


def test_verifier_and_signer_agree_on_the_bytes(answered: dict[str, Any]) -> None:
    assert VERIFIER.PREFIX == PREFIX
    assert VERIFIER.signed_bytes(answered["receipt"]) == signed_bytes(answered["receipt"])


def test_a_receipts_signature_is_no_session_and_a_sessions_no_receipt(
    house: House, answered: dict[str, Any], keys: dict[str, Any]
) -> None:
    """The key is the same: what keeps them apart are the bytes that are signed."""
    access_token = house.access_token()
    head, claims, signature = access_token.split(".")
    raw = urlsafe_b64decode(signature + "==")
    Ed25519PublicKey.from_public_bytes(house.session_key.public_key).verify(
        raw, f"{head}.{claims}".encode()
    )
    with pytest.raises(VERIFIER.NotOurs, match="signature"):
        VERIFIER.verify({**answered, "signature": signature}, keys)
    forged = f"{head}.{claims}.{answered['signature']}"
    with pytest.raises(InvalidToken):
        house.parts.session_verifier.verify(forged, house.clock.now())
    words = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert not set(PREFIX) <= words  # no signing input of a JWT begins like a receipt


def test_only_a_completed_upgrade_has_a_receipt(house: House) -> None:
    upgrade_id = house.opened()
    answer = house.signed_in().get(receipt_path(upgrade_id))
    assert problem_of(answer) == (409, "wrong_status")


def test_a_foreign_and_an_unknown_upgrade_answer_the_same(house: House) -> None:
    upgrade_id, _ = house.completed()
    for path in (receipt_path(upgrade_id), receipt_path(UNKNOWN_ID)):
        assert problem_of(house.signed_in(BOB).get(path)) == (404, "upgrade_not_found")
    assert problem_of(house.browser().get(receipt_path(upgrade_id))) == (401, "invalid_token")


def test_the_script_runs_by_itself(
    answered: dict[str, Any], keys: dict[str, Any], tmp_path: Path
) -> None:
    receipt, jwks = tmp_path / "receipt.json", tmp_path / "jwks.json"
    jwks.write_text(json.dumps(keys))

    def run() -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-I", str(SCRIPT), str(receipt), str(jwks)]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    receipt.write_text(json.dumps(answered))
    valid = run()
    assert (valid.returncode, valid.stdout.endswith("VALID\n")) == (0, True), valid.stderr
    answered["receipt"]["newLevel"] = 5
    receipt.write_text(json.dumps(answered))
    forged = run()
    assert (forged.returncode, forged.stdout.startswith("NOT VALID: ")) == (1, True)
    receipt.write_text('{"receipt": {}, "receipt": {}}')
    assert "comes twice" in run().stdout
