"""Session tokens: JWTs signed by KMS, read without asking anybody.

Used by the relay too, so no web framework is imported here. The algorithm is the fully specified
`Ed25519` of RFC 9864 (the older name `EdDSA` is deprecated there), pinned on both sides; the type
is RFC 9068's `at+jwt`. Signing happens in KMS, so the compact form is put together here (RFC 7515
section 5.1); reading is joserfc's.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64encode

from nft_upgrade.http.errors import InvalidToken

ALGORITHM = "Ed25519"
TOKEN_TYPE = "at+jwt"
AUDIENCE = "nft-upgrade"
LONGEST_TOKEN = 2048
CLOCK_SKEW = timedelta(seconds=5)
"""Tokens count from that long before they are issued: another machine's clock may lag."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_CLAIMS = jwt.JWTClaimsRegistry


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
    jwk: dict[str, str | list[str]] = {"kty": "OKP", "crv": "Ed25519", "x": _base64(public_key)}
    return {**jwk, "kid": OKPKey.import_key(jwk).thumbprint(), "use": "sig", "alg": ALGORITHM}


@dataclass(frozen=True)
class SessionVerifier:
    """Reads session tokens. `load_public_key` is asked once, on first use."""

    load_public_key: Callable[[], bytes]
    issuer: str
    audience: str = AUDIENCE

    @cached_property
    def jwk(self) -> dict[str, Any]:
        """The public key, as published."""
        return public_jwk(self.load_public_key())

    @cached_property
    def _key(self) -> OKPKey:
        return OKPKey.import_key(self.jwk)

    def jwks(self) -> dict[str, Any]:
        """The body of `/.well-known/jwks.json`."""
        return {"keys": [self.jwk]}

    def verify(self, access_token: str, at: datetime) -> Session:
        """The session behind a token; InvalidToken for anything that is not ours and alive."""
        if len(access_token) > LONGEST_TOKEN or not _COMPACT.fullmatch(access_token):
            raise InvalidToken("The session token is not readable.")
        try:
            return self._session(access_token, at)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError) as refused:
            raise InvalidToken("The session is not valid (any more). Sign in again.") from refused

    def _session(self, access_token: str, at: datetime) -> Session:
        parsed = jwt.decode(access_token, self._key, algorithms=[ALGORITHM])
        if (parsed.header.get("typ"), parsed.header.get("kid")) != (TOKEN_TYPE, self.jwk["kid"]):
            raise InvalidToken("The token is not a session's.")
        self._registry(at).validate(parsed.claims)
        expires_at = datetime.fromtimestamp(parsed.claims["exp"], UTC)
        return Session(parsed.claims["sub"], expires_at, parsed.claims["jti"])

    def _registry(self, at: datetime) -> jwt.JWTClaimsRegistry:
        return _CLAIMS(
            now=int(at.timestamp()),
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            sub={"essential": True},
            exp={"essential": True},
            nbf={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )


@dataclass(frozen=True)
class SessionSigner:
    """Issues session tokens that live for `life`."""

    key: SessionKey
    issuer: str
    life: timedelta
    audience: str = AUDIENCE

    @cached_property
    def _header(self) -> dict[str, str]:
        return {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": public_jwk(self.key.public_key)["kid"]}

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
    return urlsafe_b64encode(value).decode()
