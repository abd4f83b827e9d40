"""The check of the archive: a whole chain passes, and the first broken link is named."""

from collections.abc import Mapping, Sequence
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
from nft_upgrade.domain.upgrade import Upgrade
from tests.fakes.events import START, FakeMeter, FixedClock, story, transitions

LATER = START + timedelta(days=1)


def archived(event: UpgradeEvent) -> ArchivedEntry:
    return ArchivedEntry(event.sequence, document(AuditEntry(event, START)), False)


def request(events: Sequence[UpgradeEvent]) -> Upgrade:
    """The request as its last event left it."""
    return transitions(events[0].upgrade_id, events[0].user_id)[-1].after


class FakeRequests:
    """`Requests`, two on a page at most."""

    def __init__(self, requests: Mapping[str, Upgrade]) -> None:
        self._requests = requests

    def get(self, upgrade_id: str) -> Upgrade | None:
        return self._requests.get(upgrade_id)

    def page(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Upgrade], str | None]:
        ids = [id_ for id_ in sorted(self._requests) if id_ > (cursor or "")]
        page = [self._requests[id_] for id_ in ids[: min(limit, 2)]]
        return page, page[-1].id if len(ids) > len(page) else None


class World:
    """An archive and a table that agree, until a test lays hands on one of them."""

    def __init__(self, count: int = 1) -> None:
        self.table = {f"up-{n}": story(f"up-{n}", f"wallet-{n}") for n in range(1, count + 1)}
        self.archive = {
            id_: {event.sequence: archived(event) for event in events}
            for id_, events in self.table.items()
        }
        self.trail = {
            id_: {event.sequence: event for event in events} for id_, events in self.table.items()
        }
        self.clock = FixedClock(LATER)
        self.meter = FakeMeter()
        self.place: str | None = None
        self.seconds_per_upgrade = 0.0
        self.requests = {id_: request(events) for id_, events in self.table.items()}

    def upgrade_ids(self, *, after: str | None, limit: int) -> Sequence[str]:
        return [id_ for id_ in sorted(self.archive) if id_ > (after or "")][:limit]

    def entries(self, upgrade_id: str) -> Sequence[ArchivedEntry]:
        self.clock.sleep(self.seconds_per_upgrade)
        return [entry for _, entry in sorted(self.archive.get(upgrade_id, {}).items())]

    def count(self, upgrade_id: str) -> int:
        return len(self.archive.get(upgrade_id, {}))

    def get(self) -> str | None:
        return self.place

    def put(self, place: str | None) -> None:
        self.place = place

    @property
    def check(self) -> AuditCheck:
        def committed(upgrade_id: str) -> Sequence[UpgradeEvent]:
            return self.table.get(upgrade_id, ())

        requests = FakeRequests(self.requests)
        return AuditCheck(
            self, read_document, committed, self.trailed, requests, self.clock, self.meter
        )

    def trailed(self, upgrade_id: str) -> Sequence[AuditEntry]:
        events = self.trail.get(upgrade_id, {})
        return [AuditEntry(event, START) for _, event in sorted(events.items())]

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


# --- what the archive alone cannot show ---------------------------------------------------------


def test_an_upgrade_of_which_nothing_was_archived_is_named() -> None:
    world = World(3)
    del world.archive["up-2"]
    report = world.check.run()
    assert (report.checked, report.compared) == (2, 3)
    assert report.broken == [BrokenLink("up-2", 1, Fault.MISSING)]


def test_an_upgrade_whose_events_are_gone_everywhere_is_named_by_its_request() -> None:
    world = World()
    world.archive.clear()
    world.table.clear()
    assert world.check.run().broken == [BrokenLink("up-1", 1, Fault.MISSING)]


def test_a_tail_that_was_cut_off_in_archive_and_table_is_missing_by_the_requests_version() -> None:
    world = World()
    for number in (8, 9):
        del world.archive["up-1"][number]
    del world.table["up-1"][7:]
    assert world.check.run().broken == [BrokenLink("up-1", 8, Fault.MISSING)]


def test_an_upgrade_opened_a_moment_ago_may_be_on_its_way() -> None:
    world = World()
    world.archive.clear()
    world.clock.at = START + GRACE
    assert world.check.run().broken == []
    world.clock.at += timedelta(seconds=1)
    assert world.check.run().broken == [BrokenLink("up-1", 1, Fault.MISSING)]


def test_a_chain_that_ends_otherwise_than_the_request_says_is_contradicted() -> None:
    world = World()
    forged = resealed(world.table["up-1"], 9, user_id="thief")
    world.archive["up-1"] = {event.sequence: archived(event) for event in forged}
    world.table["up-1"] = forged
    assert world.found == (9, Fault.CONTRADICTED)


def test_a_chain_that_is_longer_than_the_request_says_is_contradicted() -> None:
    world = World()
    world.requests["up-1"] = transitions()[6].after
    world.table["up-1"] = world.table["up-1"][:7]
    assert world.found == (8, Fault.CONTRADICTED)


def test_a_round_goes_on_in_the_table_where_the_last_run_stopped() -> None:
    world = World(5)
    del world.archive["up-5"]
    world.seconds_per_upgrade = 10.0
    seen = []
    while True:
        report = world.check.resume(world, seconds=5.0)
        seen.append((report.checked, report.compared, len(report.broken)))
        if report.next is None:
            break
    assert seen[:4] == [(1, 0, 0)] * 4
    assert sum(compared for _, compared, _ in seen) == 5
    assert sum(broken for _, _, broken in seen) == 1


# --- what hashes alone do not show: nothing kept beside an event is believed ------------------


def test_an_upgrade_that_the_table_does_not_know_was_invented() -> None:
    world = World(2)
    invented = story("up-9", "thief")
    world.archive["up-9"] = {event.sequence: archived(event) for event in invented}
    world.trail["up-9"] = {event.sequence: event for event in invented}
    assert world.check.run().broken == [BrokenLink("up-9", 1, Fault.CONTRADICTED)]


def test_an_upgrade_that_was_removed_from_the_table_is_named() -> None:
    world = World()
    world.table.clear()
    world.requests.clear()
    assert world.found == (1, Fault.CONTRADICTED)


def test_an_event_that_was_removed_from_the_table_is_named() -> None:
    world = World()
    del world.table["up-1"][3]
    assert world.found == (4, Fault.CONTRADICTED)


def test_content_that_was_changed_in_the_table_under_its_old_hash_is_named() -> None:
    world = World()
    world.table["up-1"][4] = replace(world.table["up-1"][4], new_nft_id="FORGED")
    assert world.found == (5, Fault.CONTRADICTED)


def test_content_that_was_changed_in_the_trail_under_its_old_hash_is_named() -> None:
    world = World()
    world.trail["up-1"][5] = replace(world.trail["up-1"][5], user_id="thief")
    assert world.found == (5, Fault.TRAIL)


def test_an_entry_that_was_removed_from_the_trail_is_named_once_it_cannot_be_on_its_way() -> None:
    world = World()
    last = world.table["up-1"][-1]
    del world.trail["up-1"][last.sequence]
    world.clock.at = last.occurred_at + GRACE
    assert world.found is None
    world.clock.at += timedelta(seconds=1)
    assert world.found == (last.sequence, Fault.TRAIL)


def test_an_entry_that_the_trail_alone_has_is_named() -> None:
    world = World()
    extra = replace(world.table["up-1"][-1], sequence=10)
    world.trail["up-1"][10] = extra
    assert world.found == (10, Fault.MISSING)
