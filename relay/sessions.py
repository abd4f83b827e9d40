"""Sessions that were verified before, so that a reconnect costs no signature check.

A token's signature, issuer and audience do not change, and its beginning only recedes; what
changes is whether it has ended, and that is asked each time. Only a digest of the token is kept:
what the memory of this process shows must not open a stream.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b

from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.sessions import Session

CAPACITY = 32_768
"""About 350 bytes each; the oldest goes first."""


class RememberedSessions:
    """`verify` of another verifier, asked once per token."""

    def __init__(self, verify: Callable[[str, datetime], Session]) -> None:
        self._verify = verify
        self._known: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._known)

    def verify(self, access_token: str, at: datetime) -> Session:
        """InvalidToken for anything that is not ours and alive."""
        digest = blake2b(access_token.encode("utf-8", "replace"), digest_size=16).digest()
        session = self._known.get(digest)
        if session is None:
            session = self._verify(access_token, at)
            self._remember(digest, session)
        elif at >= session.expires_at:
            del self._known[digest]
            raise InvalidToken("The session is not valid (any more). Sign in again.")
        return session

    def _remember(self, digest: bytes, session: Session) -> None:
        while len(self._known) >= CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[digest] = session
