"""Session tokens: JWTs signed by KMS, read without asking anybody.

Used by the relay too, so no web framework is imported here. The algorithm is the fully specified
`Ed25519` of RFC 9864 (the older name `EdDSA` is deprecated there), pinned on both sides; the type
is RFC 9068's `at+jwt`. Signing happens in KMS, so the compact form is put together here (RFC 7515
section 5.1). It is read here too: there is one header, ours, and whatever else a library would
understand (other algorithms, keys named in the header, `crit`) is refused by not being it. A relay
that thousands come back to reads as many tokens at once, at a third of a library's cost.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

from nft_upgrade.http import ed25519
from nft_upgrade.http.errors import InvalidToken

ALGORITHM = "Ed25519"
TOKEN_TYPE = "at+jwt"
AUDIENCE = "nft-upgrade"
LONGEST_TOKEN = 2048
CLOCK_SKEW = timedelta(seconds=5)
"""Tokens count from that long before they are issued: another machine's clock may lag."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)

Verifies = Callable[[bytes, bytes, bytes], bool]
"""Whether a public key (32 bytes), a signature (64) and a message belong together."""


class SessionKey(Protocol):
    """The key that signs sessions; in AWS it never leaves KMS."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, until when. `user_id` is the wallet's address."""

    user_id: str
    expires_at: datetime
    session_id: str


def cookie_name(public_origin: str) -> str:
    """Browsers take the `__Host-` prefix (no subdomain can set it) from https origins only."""
    return "__Host-session" if public_origin.startswith("https://") else "session"


def public_jwk(public_key: bytes) -> dict[str, Any]:
    """The key as RFC 8037 writes it; `kid` is its RFC 7638 thumbprint."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": _base64(public_key)}
    thumbprint = sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**jwk, "kid": _base64(thumbprint), "use": "sig", "alg": ALGORITHM}


def token_header(kid: str) -> dict[str, str]:
    """The only header there is."""
    return {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": kid}


@dataclass(frozen=True)
class SessionVerifier:
    """Reads session tokens. `load_public_key` is asked once, on first use."""

    load_public_key: Callable[[], bytes]
    issuer: str
    audience: str = AUDIENCE
    verifies: Verifies = ed25519.verifies

    @cached_property
    def _public_key(self) -> bytes:
        return self.load_public_key()

    @cached_property
    def jwk(self) -> dict[str, Any]:
        """The public key, as published."""
        return public_jwk(self._public_key)

    @cached_property
    def _header(self) -> dict[str, str]:
        return token_header(self.jwk["kid"])

    def jwks(self) -> dict[str, Any]:
        """The body of `/.well-known/jwks.json`."""
        return {"keys": [self.jwk]}

    def verify(self, access_token: str, at: datetime) -> Session:
        """The session behind a token; InvalidToken for anything that is not ours and alive."""
        if len(access_token) > LONGEST_TOKEN or not _COMPACT.fullmatch(access_token):
            raise InvalidToken("The session token is not readable.")
        try:
            return self._session(self._signed_claims(access_token), at)
        except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError) as refused:
            raise InvalidToken("The session is not valid (any more). Sign in again.") from refused

    def _signed_claims(self, access_token: str) -> Mapping[str, Any]:
        signed, _, signature = access_token.rpartition(".")
        header, _, claims = signed.partition(".")
        if json.loads(_bytes(header)) != self._header:
            raise ValueError("another header")
        if not self.verifies(self._public_key, _bytes(signature), signed.encode()):
            raise ValueError("another signature")
        told: Mapping[str, Any] = json.loads(_bytes(claims))
        return told

    def _session(self, claims: Mapping[str, Any], at: datetime) -> Session:
        moment, audience = int(at.timestamp()), claims["aud"]
        if claims["iss"] != self.issuer:
            raise ValueError("another issuer")
        if self.audience not in (audience if isinstance(audience, list) else [audience]):
            raise ValueError("another audience")
        if not _whole(claims["nbf"]) <= moment < _whole(claims["exp"]):
            raise ValueError("before or after its time")
        _whole(claims["iat"])
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Session(_text(claims["sub"]), expires_at, _text(claims["jti"]))


def _whole(claim: object) -> int:
    """JSON's numbers may be true or infinite to Python; ours are whole seconds."""
    if type(claim) is not int:
        raise TypeError("not a whole number")
    return claim


def _text(claim: object) -> str:
    if not isinstance(claim, str) or not claim:
        raise TypeError("no text")
    return claim


@dataclass(frozen=True)
class SessionSigner:
    """Issues session tokens that live for `life`."""

    key: SessionKey
    issuer: str
    life: timedelta
    audience: str = AUDIENCE

    @cached_property
    def _header(self) -> dict[str, str]:
        return token_header(public_jwk(self.key.public_key)["kid"])

    def issue(self, user_id: str, *, session_id: str, at: datetime) -> tuple[str, Session]:
        """The access token and the session it stands for; times are whole seconds."""
        now = at.replace(microsecond=0)
        session = Session(user_id, now + self.life, session_id)
        return self._compact(self._claims(session, now - CLOCK_SKEW)), session

    def _claims(self, session: Session, begin: datetime) -> dict[str, Any]:
        moment = int(begin.timestamp())
        return {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": session.user_id,
            "iat": moment,
            "nbf": moment,
            "exp": int(session.expires_at.timestamp()),
            "jti": session.session_id,
        }

    def _compact(self, claims: dict[str, Any]) -> str:
        signed = f"{_base64_json(self._header)}.{_base64_json(claims)}"
        return f"{signed}.{_base64(self.key.sign(signed.encode()))}"


def _base64_json(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    """Without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
