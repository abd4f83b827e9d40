"""What solders and the API say of bytes that the client handles itself, as vectors for its tests.

    .venv/bin/python -m tests.web.client_vectors     # writes web/client/test/vectors.json

TEST KEYS: from fixed seeds.
"""

import base64
import json
from pathlib import Path
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from nft_upgrade.http.siws import sign_in_text
from tests.chain_builders import burn

FILE = Path(__file__).parents[2] / "web" / "client" / "test" / "vectors.json"
SEED = bytes([7] * 32)
OWNER = Keypair.from_seed(SEED)
SYSTEM = Keypair.from_seed(bytes([8] * 32))
BLOCKHASH = Hash(bytes(range(32)))
SIGN_IN = {
    "domain": "nft.example",
    "address": str(OWNER.pubkey()),
    "statement": "Sign in to upgrade your NFT.",
    "uri": "https://nft.example",
    "version": "1",
    "chainId": "solana:devnet",
    "nonce": "0123456789abcdef0123456789abcdef",
    "issuedAt": "2026-11-24T06:20:00.000Z",
    "expirationTime": "2026-11-24T06:25:00.000Z",
    "notBefore": "2026-11-24T06:20:00.000Z",
}


def vectors() -> str:
    """The file's text."""
    facts = {
        "seed": SEED.hex(),
        "address": str(OWNER.pubkey()),
        "base58": [[raw.hex(), _base58(raw)] for raw in _samples()],
        "signIn": {"input": SIGN_IN, **_signed_text(sign_in_text(SIGN_IN))},
        "transactions": {name: _transaction(message) for name, message in _messages().items()},
    }
    return json.dumps(facts, indent=2) + "\n"


def _samples() -> list[bytes]:
    return [bytes(32), bytes([0, 0, *range(1, 31)]), bytes([255] * 32), bytes(range(32))]


def _base58(raw: bytes) -> str:
    return str(Pubkey.from_bytes(raw))


def _signed_text(text: str) -> dict[str, str]:
    return {"text": text, "signature": _base64(bytes(OWNER.sign_message(text.encode())))}


def _messages() -> dict[str, Message | MessageV0]:
    """A burn as the API builds it, two signers as in atomic mode, and a lookup table."""
    owner, system, mint = OWNER.pubkey(), SYSTEM.pubkey(), Pubkey(bytes([9] * 32))
    order = burn(Pubkey(bytes([10] * 32)), mint, owner)
    shared = Instruction(
        mint, b"\x01", [AccountMeta(system, True, True), AccountMeta(mint, False, True)]
    )
    table = AddressLookupTableAccount(Pubkey(bytes([11] * 32)), [Pubkey(bytes([10] * 32))])
    return {
        "legacy": Message.new_with_blockhash([order], owner, BLOCKHASH),
        "twoSigners": Message.new_with_blockhash([order, shared], owner, BLOCKHASH),
        "version0": MessageV0.try_compile(owner, [order], [], BLOCKHASH),
        "version0TwoSigners": MessageV0.try_compile(owner, [order, shared], [table], BLOCKHASH),
    }


def _transaction(message: Message | MessageV0) -> dict[str, Any]:
    count = message.header.num_required_signatures
    empty = [Signature.default()] * count
    signed = [OWNER.sign_message(to_bytes_versioned(message)), *empty[1:]]
    return {
        "unsigned": _base64(bytes(VersionedTransaction.populate(message, empty))),
        "signed": _base64(bytes(VersionedTransaction.populate(message, signed))),
        "message": _base64(to_bytes_versioned(message)),
        "signers": [str(key) for key in message.account_keys[:count]],
    }


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


if __name__ == "__main__":
    FILE.write_text(vectors(), encoding="utf-8")
