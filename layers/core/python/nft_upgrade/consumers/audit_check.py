"""Whether the audit record is whole: every upgrade's chain, link by link, in the locked archive.

A round goes through the archive, upgrade by upgrade, and then through the requests in the upgrades
table: one of which the archive has nothing, or less than its version says, is met there alone.

Nobody who tampers can recompute a chain unseen: the archive keeps the first version of each object,
and the same events lie in the upgrades table, which other roles write.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from nft_upgrade.consumers.ports import AuditEntry, Meter
from nft_upgrade.domain.events import GENESIS_HASH, UpgradeEvent, event_hash
from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.ports import Clock

NAME = "nft-audit"
"""In metrics: the consumer whose work is checked."""
GRACE = timedelta(minutes=15)
"""How long an event may take from its commit into the archive."""
PAGE = 100
IN_TABLE = "table|"
"""How a place begins at which the round goes through the table; ids have no such character."""


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
    """The upgrades table holds another event at this place, or none, or another end of the
    chain, or knows no such upgrade."""
    TRAIL = "trail"
    """The record that operators query holds another event at this place, or has had none for a
    while."""


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

    def count(self, upgrade_id: str) -> int:
        """How many objects there are; those marked deleted do not count."""


class Requests(Protocol):
    """The upgrades table's requests. `version` and `last_event_hash` say how a chain ends."""

    def get(self, upgrade_id: str) -> Upgrade | None:
        """Strongly consistent."""

    def page(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Upgrade], str | None]:
        """All of them in some lasting order; None after the last page. ValueError: bad cursor."""


class Place(Protocol):
    """How far the check has come, from one run to the next."""

    def get(self) -> str | None: ...

    def put(self, place: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first broken link of one upgrade's chain."""

    upgrade_id: str
    sequence: int
    fault: Fault


@dataclass(slots=True)
class AuditReport:
    """One run; `next` is where the following one begins, None after the last upgrade. `checked`:
    upgrades in the archive, `compared`: requests in the table."""

    checked: int = 0
    compared: int = 0
    broken: list[BrokenLink] = field(default_factory=list)
    next: str | None = None


class AuditCheck:
    """Checks upgrade by upgrade, as far as the time goes."""

    def __init__(
        self,
        archive: AuditArchiveReader,
        read: Callable[[bytes], UpgradeEvent],
        committed: Callable[[str], Sequence[UpgradeEvent]],
        trail: Callable[[str], Sequence[AuditEntry]],
        requests: Requests,
        clock: Clock,
        meter: Meter,
    ) -> None:
        """`read`: an object's content as the event in it, ValueError or KeyError when it is none;
        `committed`, `trail`: an upgrade's events in the table, and in the record that operators
        query, by sequence."""
        self._archive = archive
        self._read = read
        self._committed = committed
        self._trail = trail
        self._requests = requests
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
        for place in self._round(report, after):
            report.next = place
            if ends and self._clock.now() >= ends:
                break
        self._meter.count("AuditRuns", NAME)
        return report

    def _round(self, report: AuditReport, after: str | None) -> Iterator[str | None]:
        """Do the rest of the round step by step; after each step the place behind it."""
        if after is None or not after.startswith(IN_TABLE):
            yield from self._through_archive(report, after)
            after = IN_TABLE
        yield from self._through_table(report, after.removeprefix(IN_TABLE) or None)

    def _through_archive(self, report: AuditReport, after: str | None) -> Iterator[str]:
        while ids := self._archive.upgrade_ids(after=after, limit=PAGE):
            for after in ids:
                report.checked += 1
                self._check_into(report, after)
                yield after
        yield IN_TABLE

    def _through_table(self, report: AuditReport, cursor: str | None) -> Iterator[str | None]:
        while True:
            page, cursor = self._requests.page(limit=PAGE, cursor=cursor)
            for request in page:
                report.compared += 1
                if self._is_short(request):
                    self._check_into(report, request.id)
            yield cursor and IN_TABLE + cursor
            if cursor is None:
                return

    def _is_short(self, request: Upgrade) -> bool:
        """Whether the archive has less of it than there was, and may be late no longer."""
        is_due = request.created_at < self._clock.now() - GRACE
        return is_due and self._archive.count(request.id) < request.version

    def _check_into(self, report: AuditReport, upgrade_id: str) -> None:
        link = self.first_broken_link(upgrade_id)
        if link and link not in report.broken:
            report.broken.append(link)
            self._meter.count("AuditBroken", NAME)

    def first_broken_link(self, upgrade_id: str) -> BrokenLink | None:
        """None for a chain that is whole."""
        # The archive first: what the table has more than it may still be on its way.
        archived = {entry.sequence: entry for entry in self._archive.entries(upgrade_id)}
        trail = {each.event.sequence: each.event for each in self._trail(upgrade_id)}
        committed = {event.sequence: event for event in self._committed(upgrade_id)}
        request = self._requests.get(upgrade_id)
        expected_hash = GENESIS_HASH
        for sequence in range(1, self._last(archived, trail, committed, request) + 1):
            entry = archived.get(sequence)
            event, fault = self._event(entry, upgrade_id, expected_hash)
            if fault is None and event and _is_contradicted(event, committed, request):
                fault = Fault.CONTRADICTED
            if fault is None and event and self._differs(event, trail.get(sequence)):
                fault = Fault.TRAIL
            if fault or event is None:
                return BrokenLink(upgrade_id, sequence, fault or Fault.MISSING)
            expected_hash = event.hash
        return None

    def _last(
        self,
        archived: Mapping[int, ArchivedEntry],
        trail: Mapping[int, UpgradeEvent],
        committed: Mapping[int, UpgradeEvent],
        request: Upgrade | None,
    ) -> int:
        """The highest place where an object must be."""
        due = self._clock.now() - GRACE
        known = (*committed.items(), *trail.items())
        old = [number for number, event in known if event.occurred_at < due]
        if request and request.updated_at < due:
            old.append(request.version)
        return max((*archived, *old), default=0)

    def _differs(self, event: UpgradeEvent, recorded: UpgradeEvent | None) -> bool:
        """Whether the trail holds anything else; what is missing may be on its way."""
        if recorded is None:
            return event.occurred_at < self._clock.now() - GRACE
        return _own_hash(recorded) != event.hash

    def _event(
        self, entry: ArchivedEntry | None, upgrade_id: str, expected_hash: str
    ) -> tuple[UpgradeEvent | None, Fault | None]:
        if entry is None:
            return None, Fault.MISSING
        try:
            event = self._read(entry.body)
            own_hash = event_hash(event)
        except (ValueError, KeyError, TypeError):
            return None, Fault.UNREADABLE
        if event.hash != own_hash or event.previous_hash != expected_hash:
            return event, Fault.CHANGED
        if (event.upgrade_id, event.sequence) != (upgrade_id, entry.sequence):
            return event, Fault.MISPLACED
        return event, Fault.REPLACED if entry.is_replaced else None


def _is_contradicted(
    event: UpgradeEvent, committed: Mapping[int, UpgradeEvent], request: Upgrade | None
) -> bool:
    """Whether the table says something else. It was written before the archive and read after it,
    so an upgrade or an event that it does not have was invented, or removed there."""
    same_place = committed.get(event.sequence)
    if request is None or same_place is None or _own_hash(same_place) != event.hash:
        return True
    if event.sequence < request.version:
        return False
    return event.sequence > request.version or event.hash != request.last_event_hash


def _own_hash(event: UpgradeEvent) -> str | None:
    """Of the content as it is: the hash kept beside it proves nothing. None: no event has it."""
    try:
        return event_hash(event)
    except (ValueError, TypeError):
        return None
