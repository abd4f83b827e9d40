"""What the relay's benchmark adds to the relay: a table that survives it, and a door to feed it by.

The table is a file that the publisher writes and the relay reads: an event is committed before it
is published, and a killed relay finds it again. Reading it costs next to nothing, so the figures
are the relay's own; what a DynamoDB read adds is not in them.

Shared by the relay under test (`python -m benchmarks.relay_stand`) and by the load generator's
adapter (sse_load/adapters/relay.py).
"""

import mmap
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.http.sessions import SessionSigner

ORIGIN = "http://localhost:8000"
SLOTS = 256
"""Events per stream; the file is sparse."""
SLOT_BYTES = 384
_COUNT = struct.Struct("<I")


class BenchKey:
    """A session key from a fixed seed; for the benchmark alone."""

    _key = Ed25519PrivateKey.from_private_bytes(bytes(32))

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def user_of(stream: int) -> str:
    return f"user-{stream}"


def upgrade_of(stream: int) -> str:
    return f"01BENCH{stream}"


def access_token(stream: int) -> str:
    signer = SessionSigner(BenchKey(), issuer=ORIGIN, life=timedelta(hours=4))
    return signer.issue(user_of(stream), session_id=f"s{stream}", at=datetime.now(UTC))[0]


class SharedTable:
    """`get_many` and `events` as the relay asks them; `commit` as the publisher does."""

    def __init__(self, path: Path, streams: int) -> None:
        self._streams = streams
        self._slots_at = streams * _COUNT.size
        size = self._slots_at + streams * SLOTS * SLOT_BYTES
        with path.open("a+b") as file:
            file.truncate(size)
            self._data = mmap.mmap(file.fileno(), size)
        self._began = datetime.now(UTC)

    def commit(self, stream: int, payload: str) -> UpgradeEvent:
        """The stream's next event; its data is `payload`, a JSON object as text."""
        count = self._count(stream)
        if count >= SLOTS:
            raise ValueError(f"more than {SLOTS} events for one stream")
        text = payload.encode()
        at = self._slot(stream, count)
        self._data[at : at + _COUNT.size + len(text)] = _COUNT.pack(len(text)) + text
        # The count last: a reader must not see an event that is half written.
        _COUNT.pack_into(self._data, stream * _COUNT.size, count + 1)
        return self._event(stream, count + 1)

    def get(self, upgrade_id: str) -> Upgrade | None:
        stream = int(upgrade_id.removeprefix("01BENCH"))
        if not 0 <= stream < self._streams:
            return None
        return Upgrade(
            id=upgrade_id,
            user_id=user_of(stream),
            nft_id=f"nft-{stream}",
            current_level=1,
            target_level=2,
            status=Status.MINT_PENDING,
            version=self._count(stream),
            token_program="token-2022",
            mint_base="base",
            successor=f"successor-{stream}",
            opened_slot=1,
            created_at=self._began,
            updated_at=self._began,
            expires_at=self._began + timedelta(minutes=30),
        )

    def get_many(self, upgrade_ids: Sequence[str]) -> Mapping[str, Upgrade]:
        found = {each: self.get(each) for each in upgrade_ids}
        return {each: upgrade for each, upgrade in found.items() if upgrade}

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        stream = int(upgrade_id.removeprefix("01BENCH"))
        return [self._event(stream, n) for n in range(after + 1, self._count(stream) + 1)]

    def _count(self, stream: int) -> int:
        return int(_COUNT.unpack_from(self._data, stream * _COUNT.size)[0])

    def _slot(self, stream: int, number: int) -> int:
        return self._slots_at + (stream * SLOTS + number) * SLOT_BYTES

    def _event(self, stream: int, sequence: int) -> UpgradeEvent:
        at = self._slot(stream, sequence - 1)
        (length,) = _COUNT.unpack_from(self._data, at)
        text = self._data[at + _COUNT.size : at + _COUNT.size + length]
        return UpgradeEvent(
            upgrade_id=upgrade_of(stream),
            sequence=sequence,
            type=EventType.MINT_STARTED,
            occurred_at=datetime.now(UTC),
            user_id=user_of(stream),
            nft_id=f"nft-{stream}",
            current_level=1,
            target_level=2,
            status=Status.MINT_PENDING,
            message="Minting the upgraded NFT.",
            retry_count=0,
            data={"load": text.decode()},
        )
