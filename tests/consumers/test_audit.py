"""The audit record is complete, append-only and proves itself."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from nft_upgrade.consumers.audit import Audit
from nft_upgrade.consumers.intake import Poison
from nft_upgrade.consumers.ports import AuditArchive
from nft_upgrade.domain.errors import StorageUnavailable
from tests.fakes.events import (
    FakeAuditArchive,
    FakeAuditTrail,
    FakeMeter,
    FixedClock,
    story,
)


def audit_of(
    trail: FakeAuditTrail, *archives: AuditArchive, meter: FakeMeter | None = None
) -> Audit:
    return Audit(trail, archives, FixedClock(), meter or FakeMeter())


def test_every_event_is_recorded_with_the_hash_of_the_one_before() -> None:
    trail = FakeAuditTrail()
    audit = audit_of(trail)
    for event in story():
        assert audit.take(event)
    entries = trail.entries("up-1")
    assert [entry.event for entry in entries] == story()
    for before, after in pairwise(entries):
        assert after.event.previous_hash == before.event.hash
    assert audit.verify("up-1").is_sound


def test_the_record_holds_the_burn_proof_and_both_signatures() -> None:
    trail = FakeAuditTrail()
    for event in story():
        audit_of(trail).take(event)
    proven, completed = trail.kept["up-1", 5].event, trail.kept["up-1", 9].event
    assert proven.data["proof"]["checks"][0]["evidence"]["slot"] == 42
    assert (completed.burn_signature, completed.mint_signature) == ("up-1-burn", "up-1-mint")


@pytest.mark.parametrize("seed", range(10))
def test_entries_in_any_order_and_twice_make_the_same_record(seed: int) -> None:
    trail = FakeAuditTrail()
    events = story() * 2
    random.Random(seed).shuffle(events)
    for event in events:
        audit_of(trail).take(event)
    assert [entry.event for entry in trail.entries("up-1")] == story()
    assert audit_of(trail).verify("up-1").is_sound


def test_a_missing_entry_is_named() -> None:
    trail = FakeAuditTrail()
    for event in story():
        if event.sequence not in {3, 4}:
            audit_of(trail).take(event)
    assert list(audit_of(trail).verify("up-1").missing) == [3, 4]
    assert [audit_of(trail).has("up-1", number) for number in (2, 3, 5)] == [True, False, True]


def test_a_changed_entry_breaks_the_chain_at_its_place() -> None:
    trail = FakeAuditTrail()
    for event in story():
        audit_of(trail).take(event)
    entry = trail.kept["up-1", 4]
    trail.kept["up-1", 4] = replace(entry, event=replace(entry.event, user_id="thief"))
    assert audit_of(trail).verify("up-1").broken_at == 4


def test_another_event_at_a_recorded_place_is_refused_and_changes_nothing() -> None:
    trail, meter = FakeAuditTrail(), FakeMeter()
    event = story()[0]
    audit_of(trail).take(event)
    with pytest.raises(Poison):
        audit_of(trail, meter=meter).take(replace(event, message="Other.").sealed())
    assert trail.kept["up-1", 1].event == event
    assert meter.counts["AuditConflicts"] == 1


class DeadArchive:
    def keep(self, entry: object) -> None:
        raise StorageUnavailable("no bucket")


def test_an_entry_in_the_trail_says_that_the_archive_has_it() -> None:
    trail, archive = FakeAuditTrail(), FakeAuditArchive()
    event = story()[0]
    with pytest.raises(StorageUnavailable):
        audit_of(trail, DeadArchive()).take(event)
    assert len(trail) == 0
    audit_of(trail, archive).take(event)
    assert archive.kept[event.event_id].event == event
