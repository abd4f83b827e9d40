"""A resume is answered from memory only where nothing can be missing; else from the table."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nft_upgrade.config import RelaySettings
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.messages import to_record
from relay.replay import snapshot_after, snapshot_of
from relay.ring import (
    BYTES_PER_RECORD,
    EVERYTHING,
    FLOOR_AGE_LIMIT,
    MARGIN_SECONDS,
    MOST_PER_USER,
    Ring,
)
from tests.relay.harness import STRANGER, USER, Story, World, bearer, now
from tests.relay.test_streams import eventually, sequences

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = timedelta(seconds=MARGIN_SECONDS)


def event(sequence: int, *, at: datetime = BEGIN, upgrade_id: str = "01A") -> UpgradeEvent:
    return UpgradeEvent(
        upgrade_id=upgrade_id,
        sequence=sequence,
        type=EventType.MINT_STARTED,
        occurred_at=at,
        user_id=USER,
        nft_id="nft",
        current_level=1,
        target_level=2,
        status="mint_pending",
        message="m",
        retry_count=0,
    )


def filled(*events: UpgradeEvent, floor: float = EVERYTHING, capacity: int = 100) -> Ring:
    ring = Ring(capacity)
    ring.restart(floor=floor)
    add(ring, *events)
    return ring


def add(ring: Ring, *events: UpgradeEvent) -> None:
    for each in events:
        ring.add(USER.encode(), to_record(each).value, each.occurred_at.timestamp())


def after(ring: Ring, position: int, user_id: str = USER) -> list[int] | None:
    found = ring.after(user_id, "01A", position)
    return None if found is None else [e.sequence for e in found]


def test_everything_from_the_position_on_is_found_in_order() -> None:
    ring = filled(event(3), event(1), event(2), event(2), event(1, upgrade_id="01B"))
    assert after(ring, 1) == [1, 2, 3]
    assert after(ring, 3) == [3]


def test_an_event_ahead_of_what_is_known_proves_nothing() -> None:
    assert after(filled(event(1), event(2)), 3) is None


def test_beyond_a_gap_the_table_is_asked() -> None:
    """What is beyond has been read and does not come again, so the run before the gap would be
    followed by the event inside it, and then by nothing."""
    assert after(filled(event(1), event(3)), 1) is None
    assert after(filled(event(4)), 2) is None
    assert after(filled(event(1), event(3), event(2)), 1) == [1, 2, 3]


def test_the_next_event_is_proof_enough_without_the_one_seen() -> None:
    assert after(filled(event(4)), 3) == [4]


def test_an_event_older_than_the_ring_proves_nothing() -> None:
    """It may be a late copy: what followed it was dropped long ago, or never read."""
    floor = BEGIN.timestamp()
    old, new = event(2, at=BEGIN + LATER / 2), event(3, at=BEGIN + LATER)
    assert after(filled(old, floor=floor), 2) is None
    assert after(filled(old, new, floor=floor), 2) == [2, 3]
    assert after(filled(old, new, floor=floor), 1) is None


def test_dropping_a_record_raises_the_floor() -> None:
    ring = filled(event(1), capacity=1)
    assert after(ring, 1) == [1]
    add(ring, event(2, at=BEGIN + LATER / 2))
    assert (len(ring), after(ring, 2)) == (1, None)
    add(ring, event(3, at=BEGIN + 3 * LATER))
    assert after(ring, 3) == [3]


@pytest.mark.parametrize("rate", [500, 1000])
def test_under_load_the_newest_events_can_be_proven(rate: int) -> None:
    """The margin must be less than what a full ring spans."""
    ring = Ring(RelaySettings.model_fields["relay_ring_records"].default)
    ring.restart(floor=EVERYTHING)
    end = BEGIN.timestamp()
    for number in range(200 * rate):
        ring.add(b"%d" % number, b"x", end - 200 + number / rate)
    add(ring, event(1))
    assert len(ring) == ring.capacity
    assert after(ring, 1) == [1]
    assert ring.span(end) == pytest.approx(ring.capacity / rate, abs=0.1)


def test_large_records_take_the_room_of_several() -> None:
    ring = Ring(8)
    ring.restart(floor=EVERYTHING)
    for number in range(8):
        ring.add(b"user", b"x" * 2 * BYTES_PER_RECORD, float(number))
    assert (len(ring), ring.floor) == (4, 3.0)


def test_a_ring_that_proves_nothing_spans_nothing() -> None:
    assert (Ring(8).span(100.0), filled(floor=90.0).span(100.0)) == (0.0, 10.0)
    assert filled().span(100.0) == FLOOR_AGE_LIMIT


def test_another_user_s_records_are_out_of_reach() -> None:
    assert after(filled(event(1)), 1, STRANGER) is None


def test_what_is_no_event_is_passed_over() -> None:
    ring = filled(event(1))
    ring.add(USER.encode(), b'{"upgradeRequestId": "01A"}', 0.0)
    assert after(ring, 1) == [1]


def test_whoever_has_very_many_records_is_answered_by_the_table() -> None:
    ring = filled(*(event(n) for n in range(1, MOST_PER_USER + 1)), capacity=1000)
    assert after(ring, 1) is not None
    add(ring, event(MOST_PER_USER + 1))
    assert after(ring, 1) is None


@given(
    capacity=st.integers(1, 6),
    begin=st.integers(0, 8),
    late=st.lists(st.integers(1, 9), max_size=3),
    position=st.integers(1, 9),
)
def test_an_answer_is_never_short_of_what_was_published(
    capacity: int, begin: int, late: Sequence[int], position: int
) -> None:
    """Nine events, one per margin; reading begins inside the log; some are published twice. The
    ring may decline, but what it answers ends with the newest one."""
    log = [(n, event(n, at=BEGIN + n * LATER)) for n in range(1, 10)]
    # A copy is written when it is written, however old the event is.
    log += [(10 + k, event(n, at=BEGIN + n * LATER)) for k, n in enumerate(late)]
    ring = Ring(capacity)
    ring.restart({"log"} if begin else (), floor=EVERYTHING)
    for written, each in log[begin:]:
        created_at = (BEGIN + written * LATER).timestamp()
        ring.see_first("log", created_at)
        ring.add(USER.encode(), to_record(each).value, created_at)
    assert after(ring, position) in (None, list(range(position, 10)), list(range(position + 1, 10)))


# --- in the relay ------------------------------------------------------------------------------


def remember(world: World, *events: UpgradeEvent) -> None:
    assert world.relay is not None
    world.relay.ring.restart(floor=EVERYTHING)
    for each in events:
        record = to_record(each)
        world.relay.ring.add(record.message_key, record.value, each.occurred_at.timestamp())


def told(story: Story, count: int) -> list[UpgradeEvent]:
    story.steps(count)
    return list(story.world.table.events(story.upgrade.id))


def test_a_resume_from_the_ring_asks_no_table_and_goes_on_live(world: World) -> None:
    story = Story(world)
    remember(world, *told(story, 3))
    reads = world.table.reads
    with world.open(last_id="2") as stream:
        messages = stream.take(3)
        assert sequences(messages) == [2, 3, 4]
        assert messages[0].json["data"]["currentSequence"] == 4
        story.step()
        assert sequences(stream.take(1)) == [5]
    assert (world.table.reads, world.figure("ring_answers_total")) == (reads, 1)


def test_what_the_ring_has_not_got_yet_arrives_as_a_record(world: World) -> None:
    story = Story(world)
    remember(world, *told(story, 1))
    hidden = story.step(publish=False)
    with world.open(last_id="2") as stream:
        assert sequences(stream.take(1)) == [2]
        world.publish(hidden)
        assert sequences(stream.take(1)) == [3]


def test_an_end_that_was_read_before_what_it_follows_is_not_lost(world: World) -> None:
    """`completed` is a topic of its own; its record may be read before the last of `progress`."""
    story = Story(world)
    known = told(story, 2)
    late, end = story.step(publish=False), story.complete(publish=False)
    remember(world, *known, end)
    with world.open(last_id="3") as stream:
        world.publish(late)
        assert sequences(list(stream.messages())) == [3, 4, 5]


def test_a_first_connection_asks_the_table(world: World) -> None:
    story = Story(world)
    remember(world, *told(story, 1))
    reads = world.table.reads
    with world.open() as stream:
        stream.take(3)
    assert world.table.reads == reads + 1


def test_only_the_table_says_that_an_upgrade_is_over(world: World) -> None:
    story = Story(world)
    story.cancel()
    remember(world, *world.table.events("01UPGRADE"))
    reads = world.table.reads
    with world.open(last_id="2") as answer:
        assert answer.status == 204
    assert world.table.reads == reads + 1


def test_while_kafka_is_away_the_table_is_asked(world: World) -> None:
    story = Story(world)
    remember(world, *told(story, 1))
    world.source.is_connected = False
    story.step(publish=False)
    with world.open(last_id="2") as stream:
        assert sequences(stream.take(2)) == [2, 3]


def test_the_ring_opens_nobody_else_s_upgrade(world: World) -> None:
    story = Story(world)
    remember(world, *told(story, 2))
    assert world.open(last_id="2", headers=bearer(STRANGER)).status == 404


def test_a_storm_of_reconnects_is_no_storm_of_reads() -> None:
    with World(relay_streams_per_user=300) as world:
        story = Story(world)
        remember(world, *told(story, 3))
        reads = world.table.reads
        streams = [world.open(last_id="3") for _ in range(200)]
        for stream in streams:
            assert sequences(stream.take(2)) == [3, 4]
        eventually(lambda: world.figure("streams") == 200)
        assert world.table.reads == reads


@pytest.mark.parametrize("steps", range(5))
def test_an_event_tells_the_same_state_as_the_table(world: World, steps: int) -> None:
    story = Story(world)
    events = told(story, steps)
    assert snapshot_after(events[-1]) == snapshot_of(story.upgrade)
    moved = replace(events[-1], occurred_at=now())
    assert snapshot_after(moved) == snapshot_of(story.upgrade)
