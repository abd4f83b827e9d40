"""Whether the audit record is whole: every upgrade's chain, link by link, in the locked archive.

Nobody who tampers can recompute a chain unseen: the archive keeps the first version of each object,
and the same events lie in the upgrades table, which other roles write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from nft_upgrade.consumers.ports import Meter
from nft_upgrade.domain.events import GENESIS_HASH, UpgradeEvent, event_hash
from nft_upgrade.ports import Clock

NAME = "nft-audit"
"""In metrics: the consumer whose work is checked."""
GRACE = timedelta(minutes=15)
"""How long an event may take from its commit into the archive."""
PAGE = 100


class Fault(StrEnum):
    """What can be wrong with one link."""

    MISSING = "missing"
    """No object at its place, though there are later ones or the table has had it for a while."""
    UNREADABLE = "unreadable"
    """The object holds no event."""
    CHANGED = "changed"
    """Its hash does not fit its content, or does not fit the link before it."""
    MISPLACED = "misplaced"
    """The object holds another place's event."""
    REPLACED = "replaced"
    """Somebody wrote a second version over it, or marked it deleted; the first is still there."""
    CONTRADICTED = "contradicted"
    """The upgrades table holds another event at this place."""


@dataclass(frozen=True, slots=True)
class ArchivedEntry:
    """One object: its place, its first version's content, and whether something came after."""

    sequence: int
    body: bytes
    is_replaced: bool


class AuditArchiveReader(Protocol):
    """The archive, for checking."""

    def upgrade_ids(self, *, after: str | None, limit: int) -> Sequence[str]:
        """In the archive's order, beginning behind `after`."""

    def entries(self, upgrade_id: str) -> Sequence[ArchivedEntry]:
        """By sequence."""


class Place(Protocol):
    """How far the check has come, from one run to the next."""

    def get(self) -> str | None: ...

    def put(self, upgrade_id: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first broken link of one upgrade's chain."""

    upgrade_id: str
    sequence: int
    fault: Fault


@dataclass(slots=True)
class AuditReport:
    """One run; `next` is where the following one begins, None after the last upgrade."""

    checked: int = 0
    broken: list[BrokenLink] = field(default_factory=list)
    next: str | None = None


class AuditCheck:
    """Checks upgrade by upgrade, as far as the time goes."""

    def __init__(
        self,
        archive: AuditArchiveReader,
        read: Callable[[bytes], UpgradeEvent],
        committed: Callable[[str], Sequence[UpgradeEvent]],
        clock: Clock,
        meter: Meter,
    ) -> None:
        """`read`: an object's content as the event in it, ValueError or KeyError when it is none;
        `committed`: an upgrade's events in the table, by sequence."""
        self._archive = archive
        self._read = read
        self._committed = committed
        self._clock = clock
        self._meter = meter

    def resume(self, place: Place, *, seconds: float) -> AuditReport:
        """From where the last run stopped; a run that dies is done again from there."""
        report = self.run(after=place.get(), seconds=seconds)
        place.put(report.next)
        return report

    def run(self, *, after: str | None = None, seconds: float | None = None) -> AuditReport:
        """From behind `after`; without `seconds` to the end. Counts AuditRuns, AuditBroken."""
        report = AuditReport()
        ends = self._clock.now() + timedelta(seconds=seconds) if seconds is not None else None
        while ids := self._archive.upgrade_ids(after=after, limit=PAGE):
            for upgrade_id in ids:
                self._check_into(report, upgrade_id)
                after = upgrade_id
                if ends and self._clock.now() >= ends:
                    report.next = after
                    break
            if report.next:
                break
        self._meter.count("AuditRuns", NAME)
        return report

    def _check_into(self, report: AuditReport, upgrade_id: str) -> None:
        report.checked += 1
        if link := self.first_broken_link(upgrade_id):
            report.broken.append(link)
            self._meter.count("AuditBroken", NAME)

    def first_broken_link(self, upgrade_id: str) -> BrokenLink | None:
        """None for a chain that is whole."""
        # The archive first: what the table has more than it may still be on its way.
        archived = {entry.sequence: entry for entry in self._archive.entries(upgrade_id)}
        committed = {event.sequence: event for event in self._committed(upgrade_id)}
        expected_hash = GENESIS_HASH
        for sequence in range(1, self._last(archived, committed) + 1):
            entry = archived.get(sequence)
            event, fault = self._event(entry, upgrade_id, expected_hash)
            if fault is None and event and sequence in committed:
                fault = Fault.CONTRADICTED if committed[sequence].hash != event.hash else None
            if fault or event is None:
                return BrokenLink(upgrade_id, sequence, fault or Fault.MISSING)
            expected_hash = event.hash
        return None

    def _last(self, archived: dict[int, ArchivedEntry], committed: dict[int, UpgradeEvent]) -> int:
        """The highest place where an object must be."""
        due = self._clock.now() - GRACE
        old = (number for number, event in committed.items() if event.occurred_at < due)
        return max(*archived, *old, 0, 0)

    def _event(
        self, entry: ArchivedEntry | None, upgrade_id: str, expected_hash: str
    ) -> tuple[UpgradeEvent | None, Fault | None]:
        if entry is None:
            return None, Fault.MISSING
        try:
            event = self._read(entry.body)
        except (ValueError, KeyError, TypeError):
            return None, Fault.UNREADABLE
        if event.hash != event_hash(event) or event.previous_hash != expected_hash:
            return event, Fault.CHANGED
        if (event.upgrade_id, event.sequence) != (upgrade_id, entry.sequence):
            return event, Fault.MISPLACED
        return event, Fault.REPLACED if entry.is_replaced else None
