"""`Journal` and `Instruments` in memory."""

import threading
from collections.abc import Sequence

from nft_upgrade.domain.errors import StorageUnavailable, VersionConflict
from nft_upgrade.domain.operations import JournalEntry
from nft_upgrade.ports import Readings


class FakeJournal:
    """Supports `len(fake)`; `is_down` refuses every write; `entries` is for tampering."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.is_down = False
        self._mutex = threading.Lock()

    def __len__(self) -> int:
        return len(self.entries)

    def last(self) -> JournalEntry | None:
        with self._mutex:
            return self.entries[-1] if self.entries else None

    def add(self, entry: JournalEntry) -> None:
        if self.is_down:
            raise StorageUnavailable("the journal does not answer")
        with self._mutex:
            taken = next((each for each in self.entries if each.number == entry.number), None)
            if taken is None:
                self.entries.append(entry)
            elif taken.hash != entry.hash:
                raise VersionConflict("the number is taken")

    def latest(self, *, limit: int, before: int | None = None) -> Sequence[JournalEntry]:
        with self._mutex:
            found = [each for each in self.entries if before is None or each.number < before]
            return found[::-1][:limit]


class FakeInstruments:
    """`readings` is what they show."""

    def __init__(self) -> None:
        self.readings = Readings(relay_streams=3, records_behind={"nft-audit": 0})

    def read(self) -> Readings:
        return self.readings
