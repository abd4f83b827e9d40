"""Sign-In With Solana: the challenge, its text, and what a signed text must pass.

Fields and text follow the Wallet Standard's `solana:signIn` and the ABNF published with it
(github.com/phantom/sign-in-with-solana). Every field is sent, so the wallet has nothing to choose,
and the signed text must equal ours byte for byte.
"""

import re
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from nft_upgrade.domain import base58
from nft_upgrade.domain.events import iso, parse_iso
from nft_upgrade.http import ed25519
from nft_upgrade.http.base58_text import address_text
from nft_upgrade.http.errors import SignInFailed
from nft_upgrade.ports import Challenges, JsonObject

CHALLENGE_LIFE = timedelta(minutes=5)
STATEMENT = "Sign in to upgrade your NFT. This does not send a transaction and costs nothing."
_NONCE_LINE = re.compile(rb"^Nonce: ([0-9A-Za-z]{8,64})$", re.MULTILINE)
_LINES = (
    ("URI", "uri"),
    ("Version", "version"),
    ("Chain ID", "chainId"),
    ("Nonce", "nonce"),
    ("Issued At", "issuedAt"),
    ("Expiration Time", "expirationTime"),
    ("Not Before", "notBefore"),
)


def sign_in_text(fields: JsonObject) -> str:
    """What the wallet shows and signs."""
    head = (
        f"{fields['domain']} wants you to sign in with your Solana account:\n"
        f"{fields['address']}\n\n{fields['statement']}\n"
    )
    return "\n".join([head, *(f"{label}: {fields[name]}" for label, name in _LINES)])


@dataclass(frozen=True, slots=True)
class SignedText:
    """What the wallet gave back: the text's bytes and the signature's, and by which wallet."""

    address: str
    message: bytes
    signature: bytes

    @classmethod
    def from_base64(cls, address: str, message: str, signature: str) -> "SignedText":
        """SignInFailed when one of the two is not base64."""
        try:
            return cls(
                address, b64decode(message, validate=True), b64decode(signature, validate=True)
            )
        except ValueError as broken:
            raise SignInFailed("signedMessage and signature must be base64.") from broken


@dataclass(frozen=True, slots=True)
class SignIn:
    """Challenges and their answers. `origins`: whose pages may sign in, the first is our own."""

    challenges: Challenges
    origins: Collection[str]
    chain_id: str

    def challenge(self, address: str, *, origin: str, nonce: str, at: datetime) -> JsonObject:
        """The fields to hand to the wallet, kept under their nonce for five minutes."""
        address_text(address)
        expires_at = at + CHALLENGE_LIFE
        fields = {
            "domain": urlsplit(origin).netloc,
            "address": address,
            "statement": STATEMENT,
            "uri": origin,
            "version": "1",
            "chainId": self.chain_id,
            "nonce": nonce,
            "issuedAt": iso(at),
            "expirationTime": iso(expires_at),
            "notBefore": iso(at),
        }
        self.challenges.put(nonce, fields, expires_at=expires_at)
        return fields

    def verify(self, signed: SignedText, *, at: datetime) -> str:
        """The wallet that signed in; SignInFailed whatever is wrong.

        The signature is checked first: only a real one may use up a nonce.
        """
        public_key = base58.decode(address_text(signed.address))
        if not ed25519.verifies(public_key, signed.signature, signed.message):
            raise SignInFailed("The signature is not this wallet's over this text.")
        self._require_expected(self._take(signed.message, at), signed, at)
        return signed.address

    def _take(self, message: bytes, at: datetime) -> JsonObject:
        nonce = _NONCE_LINE.search(message)
        fields = self.challenges.take(nonce[1].decode(), at=at) if nonce else None
        if fields is None:
            raise SignInFailed("The challenge is unknown, used or expired. Ask for a new one.")
        return fields

    def _require_expected(self, fields: JsonObject, signed: SignedText, at: datetime) -> None:
        if signed.message != sign_in_text(fields).encode() or fields["address"] != signed.address:
            raise SignInFailed("The signed text is not the challenge that was sent.")
        if fields["domain"] not in {urlsplit(origin).netloc for origin in self.origins}:
            raise SignInFailed("The challenge is for another domain.")
        if fields["chainId"] != self.chain_id:
            raise SignInFailed("The challenge is for another chain.")
        if not parse_iso(fields["notBefore"]) <= at < parse_iso(fields["expirationTime"]):
            raise SignInFailed("The challenge is not valid now. Ask for a new one.")
