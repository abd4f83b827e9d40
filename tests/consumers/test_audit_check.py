"""The check of the archive: a whole chain passes, and the first broken link is named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from nft_upgrade.adapters.s3_audit import document
from nft_upgrade.adapters.s3_audit_reader import read_document
from nft_upgrade.consumers.audit_check import (
    GRACE,
    ArchivedEntry,
    AuditCheck,
    BrokenLink,
    Fault,
)
from nft_upgrade.consumers.ports import AuditEntry
from nft_upgrade.domain.events import GENESIS_HASH, UpgradeEvent
from tests.fakes.events import START, FakeMeter, FixedClock, story

LATER = START + timedelta(days=1)


def archived(event: UpgradeEvent) -> ArchivedEntry:
    return ArchivedEntry(event.sequence, document(AuditEntry(event, START)), False)


class World:
    """An archive and a table that agree, until a test lays hands on one of them."""

    def __init__(self, count: int = 1) -> None:
        self.table = {f"up-{n}": story(f"up-{n}", f"wallet-{n}") for n in range(1, count + 1)}
        self.archive = {
            id_: {event.sequence: archived(event) for event in events}
            for id_, events in self.table.items()
        }
        self.clock = FixedClock(LATER)
        self.meter = FakeMeter()
        self.place: str | None = None
        self.seconds_per_upgrade = 0.0

    def upgrade_ids(self, *, after: str | None, limit: int) -> Sequence[str]:
        return [id_ for id_ in sorted(self.archive) if id_ > (after or "")][:limit]

    def entries(self, upgrade_id: str) -> Sequence[ArchivedEntry]:
        self.clock.sleep(self.seconds_per_upgrade)
        return [entry for _, entry in sorted(self.archive.get(upgrade_id, {}).items())]

    def get(self) -> str | None:
        return self.place

    def put(self, upgrade_id: str | None) -> None:
        self.place = upgrade_id

    @property
    def check(self) -> AuditCheck:
        def committed(upgrade_id: str) -> Sequence[UpgradeEvent]:
            return self.table.get(upgrade_id, ())

        return AuditCheck(self, read_document, committed, self.clock, self.meter)

    @property
    def found(self) -> tuple[int, Fault] | None:
        link = self.check.first_broken_link("up-1")
        return (link.sequence, link.fault) if link else None


def resealed(events: Sequence[UpgradeEvent], at: int, **changes: object) -> list[UpgradeEvent]:
    """The history as a forger who recomputes every hash would write it."""
    before, forged = GENESIS_HASH, []
    for event in events:
        told = replace(event, **changes) if event.sequence == at else event  # type: ignore[arg-type]
        forged.append(replace(told, previous_hash=before).sealed())
        before = forged[-1].hash
    return forged


def test_a_chain_that_nobody_touched_is_whole() -> None:
    assert World().found is None


@pytest.mark.parametrize("sequence", range(1, 10))
def test_a_changed_entry_is_the_first_broken_link(sequence: int) -> None:
    world = World()
    event = replace(world.table["up-1"][sequence - 1], user_id="thief")
    world.archive["up-1"][sequence] = archived(event)
    assert world.found == (sequence, Fault.CHANGED)


@pytest.mark.parametrize("sequence", range(1, 10))
def test_a_missing_entry_is_the_first_broken_link(sequence: int) -> None:
    world = World()
    del world.archive["up-1"][sequence]
    assert world.found == (sequence, Fault.MISSING)


def test_a_forged_history_whose_hashes_fit_is_contradicted_by_the_table() -> None:
    world = World()
    forged = resealed(world.table["up-1"], 4, user_id="thief")
    world.archive["up-1"] = {event.sequence: archived(event) for event in forged}
    assert world.found == (4, Fault.CONTRADICTED)


def test_a_forged_table_is_contradicted_by_the_archive() -> None:
    world = World()
    world.table["up-1"] = resealed(world.table["up-1"], 2, message="Other.")
    assert world.found == (2, Fault.CONTRADICTED)


def test_an_entry_that_was_written_over_is_named_though_its_first_version_is_sound() -> None:
    world = World()
    world.archive["up-1"][3] = replace(world.archive["up-1"][3], is_replaced=True)
    assert world.found == (3, Fault.REPLACED)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"{}", b'{"record":{}}', b'{"record":null}'])
def test_an_entry_that_holds_no_event_is_unreadable(body: bytes) -> None:
    world = World()
    world.archive["up-1"][5] = replace(world.archive["up-1"][5], body=body)
    assert world.found == (5, Fault.UNREADABLE)


def test_another_upgrades_entry_at_the_first_place_is_misplaced() -> None:
    world = World(2)
    world.table["up-1"] = []
    world.archive["up-1"] = {1: world.archive["up-2"][1]}
    assert world.found == (1, Fault.MISPLACED)


def test_what_the_table_has_had_for_a_moment_only_may_be_on_its_way() -> None:
    world = World()
    last = world.table["up-1"][-1]
    del world.archive["up-1"][last.sequence]
    world.clock.at = last.occurred_at + GRACE
    assert world.found is None
    world.clock.at += timedelta(seconds=1)
    assert world.found == (last.sequence, Fault.MISSING)


def test_a_run_counts_and_names_every_broken_upgrade() -> None:
    world = World(3)
    del world.archive["up-2"][4]
    report = world.check.run()
    assert (report.checked, report.next) == (3, None)
    assert report.broken == [BrokenLink("up-2", 4, Fault.MISSING)]
    assert world.meter.counts == {"AuditBroken": 1, "AuditRuns": 1}


def test_a_run_that_is_out_of_time_is_gone_on_with_by_the_next() -> None:
    world = World(5)
    world.seconds_per_upgrade = 10.0
    seen = []
    for _ in range(3):
        report = world.check.resume(world, seconds=15.0)
        seen.append((report.checked, report.next))
    assert seen == [(2, "up-2"), (2, "up-4"), (1, None)]
    assert world.check.resume(world, seconds=15.0).checked == 2
