"""Check a receipt of a completed upgrade, with nothing but our public key.

    pip install cryptography
    python verify_receipt.py receipt.json https://nft.example/.well-known/jwks.json

receipt.json is the answer of GET /api/nft/upgrade/{id}/receipt. The second argument is a file or an
https URL with the public keys (http://localhost:<port>/... for a stack on this machine). Keep the
keys: a receipt can be checked as long as they are at hand.
Exit code 0: the receipt is ours and unchanged. 1: it is not, and why.
"""

import base64
import http.client
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREFIX = b"nft-upgrade receipt v1\n"
OWN_MACHINE = ("http://localhost:", "http://127.0.0.1:")
MEMBERS = {
    "type": str,
    "version": int,
    "issuer": str,
    "upgradeRequestId": str,
    "wallet": str,
    "burnedNftId": str,
    "burnTransactionHash": str,
    "newNftId": str,
    "mintTransactionHash": str,
    "oldLevel": int,
    "newLevel": int,
    "completedAt": str,
    "eventHash": str,
}


class NotOurs(Exception):
    """The receipt proves nothing; the message says why."""


def verify(answer: Any, keys: Any) -> dict[str, Any]:
    """The receipt's facts. Raises NotOurs."""
    try:
        receipt, key_id, signature = answer["receipt"], answer["keyId"], answer["signature"]
        found = [key for key in keys["keys"] if key["kid"] == key_id]
        if not found:
            raise NotOurs(f"no public key has the id {key_id}")
        _require_members(receipt)
        if answer["algorithm"] != "Ed25519" or found[0]["crv"] != "Ed25519":
            raise NotOurs("not signed with Ed25519")
        public_key = Ed25519PublicKey.from_public_bytes(_bytes(found[0]["x"]))
        public_key.verify(_bytes(signature), signed_bytes(receipt))
    except InvalidSignature:
        raise NotOurs("the signature does not fit the receipt") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NotOurs(f"not the form of a receipt: {error!r}") from None
    return dict(receipt)


def signed_bytes(receipt: dict[str, Any]) -> bytes:
    """The prefix and the receipt's canonical JSON (RFC 8785: there are only texts and integers)."""
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return PREFIX + text.encode()


def _require_members(receipt: dict[str, Any]) -> None:
    if set(receipt) != set(MEMBERS):
        raise NotOurs(f"its members are not a receipt's: {sorted(set(receipt) ^ set(MEMBERS))}")
    for name, kind in MEMBERS.items():
        if type(receipt[name]) is not kind:
            raise NotOurs(f"{name} is not of its type")
    if (receipt["type"], receipt["version"]) != ("nft-upgrade-receipt", 1):
        raise NotOurs("another type or version")


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise ValueError("base64 that is not canonical")
    return raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member comes twice")
    return dict(pairs)


def read(place: str) -> Any:
    """JSON from a file, an https URL, or an http URL of this very machine."""
    if place.startswith(("https://", *OWN_MACHINE)):
        # What this machine answers itself goes through no proxy.
        proxies = urllib.request.ProxyHandler({} if place.startswith(OWN_MACHINE) else None)
        with urllib.request.build_opener(proxies).open(place, timeout=10) as response:
            return json.load(response, object_pairs_hook=_unique)
    return json.loads(Path(place).read_text(encoding="utf-8"), object_pairs_hook=_unique)


def main(arguments: list[str]) -> int:
    """See above."""
    if len(arguments) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        receipt = verify(read(arguments[0]), read(arguments[1]))
    except (NotOurs, OSError, ValueError, RecursionError, http.client.HTTPException) as problem:
        sys.stdout.write(f"NOT VALID: {problem}\n")
        return 1
    sys.stdout.write(json.dumps(receipt, indent=2, ensure_ascii=False) + "\nVALID\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
