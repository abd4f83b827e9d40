"""Sessions that were verified before, so that a reconnect costs no signature check.

1. A token's signature, issuer and audience do not change, and its beginning only recedes; what
   changes is whether it has ended, and that is asked each time.
2. Only a digest of the token is kept: what this memory shows must not open a stream.
3. The memory is shared with processes that are forked later. When one of several is killed, its
   streams come back to the others and to its successor all at once, and half of what a reconnect
   costs is the signature.
4. Nothing is locked. A slot that two processes write at once fails its check and is not believed;
   it costs one verification.
"""

import mmap
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b

from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.sessions import Session

CAPACITY = 65_536
"""Sessions; 160 bytes each, of which those that were never used cost nothing."""
WAYS = 4
"""Places a session may be at; the one that ends first gives way."""
_SLOT_BYTES = 160
_CHECK_BYTES = 8
_FIXED = struct.Struct("<16sqBB")
"""Digest, end in seconds since 1970, lengths of user id and session id."""
_MOST_TEXT = _SLOT_BYTES - _CHECK_BYTES - _FIXED.size


class RememberedSessions:
    """`verify` of another verifier, asked once per token. Make it before forking."""

    def __init__(
        self, verify: Callable[[str, datetime], Session], *, capacity: int = CAPACITY
    ) -> None:
        self._verify = verify
        self._buckets = max(1, capacity // WAYS)
        self._memory = mmap.mmap(-1, self._buckets * WAYS * _SLOT_BYTES)

    def verify(self, access_token: str, at: datetime) -> Session:
        """InvalidToken for anything that is not ours and alive."""
        digest = blake2b(access_token.encode("utf-8", "replace"), digest_size=16).digest()
        session = self._recall(digest)
        if session is None:
            session = self._verify(access_token, at)
            self._remember(digest, session)
        elif at >= session.expires_at:
            raise InvalidToken("The session is not valid (any more). Sign in again.")
        return session

    def _places(self, digest: bytes) -> range:
        first = int.from_bytes(digest[:8], "little") % self._buckets * WAYS * _SLOT_BYTES
        return range(first, first + WAYS * _SLOT_BYTES, _SLOT_BYTES)

    def _recall(self, digest: bytes) -> Session | None:
        for place in self._places(digest):
            if self._memory[place + _CHECK_BYTES : place + _CHECK_BYTES + 16] == digest:
                return _decoded(self._memory[place : place + _SLOT_BYTES])
        return None

    def _remember(self, digest: bytes, session: Session) -> None:
        slot = _encoded(digest, session)
        if slot is not None:
            place = min(self._places(digest), key=self._end_at)
            self._memory[place : place + _SLOT_BYTES] = slot

    def _end_at(self, place: int) -> int:
        _, ends_at, _, _ = _FIXED.unpack_from(self._memory, place + _CHECK_BYTES)
        return int(ends_at)


def _encoded(digest: bytes, session: Session) -> bytes | None:
    """None for one that is too long to keep; ours never are."""
    user_id, session_id = session.user_id.encode(), session.session_id.encode()
    if len(user_id) + len(session_id) > _MOST_TEXT:
        return None
    ends_at = int(session.expires_at.timestamp())
    fixed = _FIXED.pack(digest, ends_at, len(user_id), len(session_id))
    content = (fixed + user_id + session_id).ljust(_SLOT_BYTES - _CHECK_BYTES, b"\0")
    return _check(content) + content


def _decoded(slot: bytes) -> Session | None:
    """None for a slot that was written by two at once."""
    content = slot[_CHECK_BYTES:]
    if _check(content) != slot[:_CHECK_BYTES]:
        return None
    _, ends_at, of_user, of_session = _FIXED.unpack_from(content)
    text = content[_FIXED.size :]
    user_id, session_id = text[:of_user], text[of_user : of_user + of_session]
    return Session(user_id.decode(), datetime.fromtimestamp(ends_at, UTC), session_id.decode())


def _check(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECK_BYTES).digest()
