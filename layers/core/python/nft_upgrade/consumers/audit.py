"""The compliance record: every event, once, as it was, each entry carrying the hash of the one
before. The chain is the events' own (`previous_hash`, `hash`), so entries may arrive in any order
and still be proven complete and unchanged. Burn proofs lie in `data`, both signatures beside it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from nft_upgrade.consumers.intake import Poison
from nft_upgrade.consumers.ports import AuditArchive, AuditEntry, AuditTrail, Meter
from nft_upgrade.domain.events import UpgradeEvent, first_broken_link
from nft_upgrade.ports import Clock

logger = logging.getLogger(__name__)
NAME = "nft-audit"
"""Also the Kafka consumer group."""


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What a check of one upgrade's record found; sound when both are empty."""

    missing: Sequence[int]
    """Sequences below the highest one that are not there."""
    broken_at: int | None
    """The first entry whose hash does not fit; not looked for while one is missing."""

    @property
    def is_sound(self) -> bool:
        return not self.missing and self.broken_at is None


class Audit:
    """Records each event once."""

    def __init__(
        self, trail: AuditTrail, archives: Sequence[AuditArchive], clock: Clock, meter: Meter
    ) -> None:
        """`archives`: further copies, written before the trail, so that an entry in the trail
        says that they exist."""
        self._trail = trail
        self._archives = archives
        self._clock = clock
        self._meter = meter

    def take(self, event: UpgradeEvent) -> bool:
        """False: it was recorded. Poison: another event is recorded in its place."""
        if known := self._trail.entry(event.upgrade_id, event.sequence):
            return self._require_same(known, event)
        entry = AuditEntry(event, self._clock.now())
        for archive in self._archives:
            archive.keep(entry)
        if self._trail.append(entry):
            return True
        known = self._trail.entry(event.upgrade_id, event.sequence)
        return known is not None and self._require_same(known, event)

    def has(self, upgrade_id: str, sequence: int) -> bool:
        """Whether there is an entry at that place."""
        return self._trail.entry(upgrade_id, sequence) is not None

    def verify(self, upgrade_id: str) -> AuditVerdict:
        """Whether the record is complete up to its last entry and unchanged."""
        return verdict_on(self._trail.entries(upgrade_id))

    def _require_same(self, known: AuditEntry, event: UpgradeEvent) -> bool:
        if known.event.hash != event.hash:
            self._meter.count("AuditConflicts", NAME)
            raise Poison(f"{event.event_id} is recorded with another hash, {known.event.hash}.")
        return False


def verdict_on(entries: Sequence[AuditEntry]) -> AuditVerdict:
    """On one upgrade's entries, by sequence."""
    events = [entry.event for entry in entries]
    present = {event.sequence for event in events}
    missing = [n for n in range(1, max(present, default=0) + 1) if n not in present]
    return AuditVerdict(missing, None if missing else first_broken_link(events))
