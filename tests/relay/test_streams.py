"""What a stream says and where it goes on (docs/events.md), over real sockets."""

import time
from datetime import timedelta

import pytest

from nft_upgrade.domain.burn import BurnProof
from tests.relay.harness import STRANGER, Story, World, access_token, bearer, now, outage
from tests.sse import EventSource, Message


def sequences(messages: list[Message]) -> list[int]:
    return [m.json["sequence"] for m in messages]


def eventually(condition: object, seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends, "did not happen in time"
        time.sleep(0.01)


def test_a_stream_begins_with_the_current_state_and_the_whole_history(world: World) -> None:
    story = Story(world)
    story.steps(2)
    with world.open() as stream:
        first, *history = stream.take(4)
    assert first.json["type"] == "connection_established"
    assert first.json["status"] == "burn_confirmed"
    assert [m.json["type"] for m in history] == [
        "upgrade_initiated",
        "burn_pending",
        "burn_confirmed",
    ]


def test_the_answer_is_an_unbuffered_event_stream(world: World) -> None:
    Story(world)
    with world.open() as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in stream.headers


def test_messages_are_unnamed_and_carry_their_sequence_as_id(world: World) -> None:
    story = Story(world)
    story.steps(3)
    with world.open() as stream:
        messages = stream.take(5)
    assert {m.type for m in messages} == {"message"}
    assert [m.id for m in messages] == ["0", "1", "2", "3", "4"]
    assert [m.id for m in messages] == [str(m.json["sequence"]) for m in messages]


def test_an_envelope_has_the_contract_s_members(world: World) -> None:
    Story(world)
    with world.open() as stream:
        _, event = stream.take(2)
    members = {"type", "upgradeRequestId", "status", "message", "timestamp", "sequence", "data"}
    assert set(event.json) == members
    assert event.json["data"] == {"mode": "two_step"}


def test_live_events_follow(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        story.steps(5)
        assert sequences(stream.take(5)) == [2, 3, 4, 5, 6]


def test_retry_is_sent_once(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        story.complete()
        list(stream.messages())
    assert stream.parser.retries == [2000]


def test_a_reconnect_gets_what_it_has_not_seen_and_nothing_else(world: World) -> None:
    story = Story(world)
    story.steps(4)
    with world.open(last_id="3") as stream:
        first, *rest = stream.take(3)
    assert (first.json["type"], first.id) == ("connection_established", "3")
    assert sequences(rest) == [4, 5]


def test_the_last_id_may_come_in_the_query(world: World) -> None:
    story = Story(world)
    story.steps(4)
    with world.open(query="?lastEventId=4") as stream:
        assert sequences(stream.take(2)) == [4, 5]


def test_the_header_s_last_id_is_the_newer_one(world: World) -> None:
    """A URL with lastEventId stays the same on the browser's automatic reconnect."""
    story = Story(world)
    story.steps(4)
    with world.open(query="?lastEventId=1", last_id="4") as stream:
        assert sequences(stream.take(2)) == [4, 5]


@pytest.mark.parametrize("last_id", ["99", "abc", "-1", "1.5", "1234567890123", "2_0"])
def test_an_unknown_or_ahead_id_gets_reset_and_the_whole_history(
    world: World, last_id: str
) -> None:
    story = Story(world)
    story.steps(2)
    with world.open(last_id=last_id) as stream:
        first, second, *history = stream.take(5)
    assert (first.json["type"], first.id) == ("connection_established", "0")
    assert (second.json["type"], second.id) == ("reset", "0")
    assert sequences(history) == [1, 2, 3]


def test_a_terminal_event_ends_the_stream(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        story.complete()
        rest = list(stream.messages())
    assert rest[-1].json["type"] == "upgrade_completed"
    data = rest[-1].json["data"]
    assert {"oldLevel", "newLevel", "newNftId", "mintTransactionHash"} <= set(data)
    assert stream.ended


def test_a_late_subscriber_sees_the_end_too(world: World) -> None:
    """The page that subscribes after the mint must not wait for ever."""
    Story(world).complete()
    with world.open() as stream:
        messages = list(stream.messages())
    assert messages[0].json["status"] == "completed"
    assert messages[-1].json["type"] == "upgrade_completed"


def test_a_reconnect_after_the_terminal_event_is_answered_204(world: World) -> None:
    last = Story(world).complete()
    with world.open(last_id=str(last.sequence)) as answer:
        assert answer.status == 204
        assert answer.body() == b""


def test_a_browser_stops_by_itself_after_the_end(world: World) -> None:
    story = Story(world)
    story.complete()
    source = EventSource(
        f"{world.url}/api/nft/upgrade/01UPGRADE/events", headers=bearer(), patience=0
    )
    seen = [m.json["type"] for m in source]
    assert (seen.count("upgrade_completed"), source.final_status, source.connects) == (1, 204, 2)


def test_a_stream_goes_on_after_a_cancelled_upgrade_turned_out_burned(world: World) -> None:
    """A late burn moves a cancelled request on: its old end is no end any more."""
    story = Story(world)
    cancelled = story.cancel()
    with world.open(last_id=str(cancelled.sequence)) as answer:
        assert answer.status == 204
    late = _late_burn(story)
    with world.open(last_id=str(cancelled.sequence)) as stream:
        assert sequences(stream.take(2))[1:] == [late]
        story.step()
        assert sequences(stream.take(1)) == [late + 1]


def _late_burn(story: Story) -> int:
    """The wallet burned all the same."""
    proof = BurnProof("late", story.nft.mint, 1, story.upgrade.user_id, ())
    return story.take(story.upgrade.prove_burn(proof, nft=story.nft, at=now())).sequence


def test_records_out_of_order_are_put_in_order(world: World) -> None:
    """A user's records come from several partitions."""
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        events = story.steps(6, publish=False)
        world.publish(*reversed(events))
        assert sequences(stream.take(6)) == [2, 3, 4, 5, 6, 7]


def test_a_record_delivered_twice_is_sent_once(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        events = story.steps(2)
        world.publish(*events, *events)
        story.step()
        assert sequences(stream.take(3)) == [2, 3, 4]
    assert (world.figure("events_dropped_total"), world.figure("gaps_total")) == (4, 0)


def test_a_lost_record_is_filled_from_the_table_when_the_next_one_shows_the_gap(
    world: World,
) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        story.steps(3, publish=False)
        story.step()
        assert sequences(stream.take(4)) == [2, 3, 4, 5]
    assert world.figure("gaps_total") == 1


def test_a_record_lost_while_the_table_is_read_is_filled_without_waiting_for_the_next(
    world: World,
) -> None:
    story = Story(world)
    moves = [lambda: story.step(publish=False), story.step]
    world.table.meanwhile = lambda: [moves.pop(0)() for _ in range(len(moves))]
    with world.open(last_id="1") as stream:
        assert sequences(stream.take(3)) == [1, 2, 3]


def test_what_no_record_ever_told_is_found_in_the_table() -> None:
    with World(relay_recheck_seconds=0.3, relay_outage_recheck_seconds=0.1) as world:
        story = Story(world)
        with world.open() as stream:
            stream.take(2)
            story.steps(2, publish=False)
            assert sequences(stream.take(2, seconds=3)) == [2, 3]


def test_streams_are_fed_from_the_table_while_kafka_is_away() -> None:
    with World(relay_recheck_seconds=600, relay_outage_recheck_seconds=0.1) as world:
        story = Story(world)
        world.source.is_connected = False
        with world.open() as stream:
            stream.take(2)
            story.complete(publish=False)
            assert list(stream.messages())[-1].json["type"] == "upgrade_completed"


def test_streams_are_checked_as_soon_as_kafka_is_back(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        story.steps(2, publish=False)
        assert world.relay is not None
        world.relay.reconnected()
        assert sequences(stream.take(2, seconds=1)) == [2, 3]


def test_a_check_that_failed_is_made_once_the_table_answers() -> None:
    """Not at the next slow round: Kafka's return is when an event is most likely missing."""
    with World(relay_recheck_seconds=600, relay_outage_recheck_seconds=0.1) as world:
        story = Story(world)
        with world.open() as stream:
            stream.take(2)
            assert world.relay is not None
            world.table.fault = outage()
            story.step(publish=False)
            world.relay.reconnected()
            eventually(lambda: world.figure("table_read_failures_total") > 1)
            world.table.fault = None
            assert sequences(stream.take(1)) == [2]


def test_a_record_that_is_no_event_harms_nobody(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        assert world.relay is not None
        key = story.upgrade.user_id.encode()
        for value in (b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000):
            world.relay.receive([(key, value)])
        story.step()
        assert sequences(stream.take(1)) == [2]
    assert world.figure("kafka_bad_records_total") == 7


def test_each_stream_gets_its_own_upgrade_s_events_only(world: World) -> None:
    mine, other = Story(world, "01MINE"), Story(world, "01OTHER", STRANGER)
    with world.open("01MINE") as stream, world.open("01OTHER", headers=bearer(STRANGER)) as second:
        stream.take(2)
        second.take(2)
        mine.steps(3)
        other.steps(2)
        assert {m.json["upgradeRequestId"] for m in stream.take(3)} == {"01MINE"}
        assert {m.json["upgradeRequestId"] for m in second.take(2)} == {"01OTHER"}


def test_a_quiet_stream_has_heartbeats() -> None:
    with World(relay_heartbeat_seconds=0.4) as world:
        Story(world)
        with world.open() as stream:
            stream.take(2)
            assert [stream.wait_comment(1.0) < 0.6 for _ in range(4)] == [True] * 4


def test_a_stream_lives_for_its_time_and_resumes() -> None:
    with World(relay_heartbeat_seconds=0.2, relay_stream_seconds=1.0) as world:
        story = Story(world)
        source = EventSource(
            f"{world.url}/api/nft/upgrade/01UPGRADE/events", headers=bearer(), patience=0
        )
        seen = []
        for message in source:
            seen.append(message)
            if source.connects == 2 and message.json["type"] == "connection_established":
                story.complete()
        assert source.final_status == 204
        numbers = [n for m, n in zip(seen, sequences(seen), strict=True) if is_event(m)]
        assert numbers == list(range(1, story.upgrade.version + 1))


def is_event(message: Message) -> bool:
    return message.json["type"] not in ("connection_established", "reset", "evicted")


def test_no_stream_outlives_its_session() -> None:
    with World(relay_heartbeat_seconds=0.4) as world:
        Story(world)
        headers = bearer(life=timedelta(seconds=2))
        with world.open(headers=headers) as stream:
            began = time.monotonic()
            messages = list(stream.messages())
            assert time.monotonic() - began < 2.1
        assert messages[-1].json["type"] == "session_expiring"
        assert messages[-1].id == "1"


def test_a_table_that_does_not_answer_is_a_200_with_retry_and_an_end(world: World) -> None:
    """Any other status would stop a native EventSource for good."""
    Story(world)
    world.table.fault = outage()
    with world.open() as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert list(stream.messages()) == []
        assert stream.parser.retry is not None and 2000 <= stream.parser.retry <= 10_000


def test_a_fault_nobody_thought_of_is_a_200_with_retry_too(world: World) -> None:
    Story(world)
    world.table.fault = RuntimeError("surprise")
    with world.open() as stream:
        assert (stream.status, list(stream.messages())) == (200, [])
        assert stream.parser.retry is not None


def test_a_gap_is_filled_once_the_table_answers_again(world: World) -> None:
    story = Story(world)
    with world.open() as stream:
        stream.take(2)
        world.table.fault = outage()
        story.step(publish=False)
        story.step()
        time.sleep(0.2)
        world.table.fault = None
        assert sequences(stream.take(2)) == [2, 3]


def test_many_listeners_of_one_upgrade_share_one_read(world: World) -> None:
    story = Story(world)
    streams = [world.open() for _ in range(3)]
    for stream in streams:
        stream.take(2)
    before = world.table.reads
    story.step(publish=False)
    story.step()
    for stream in streams:
        assert sequences(stream.take(2)) == [2, 3]
        stream.close()
    assert world.table.reads == before + 1


def test_a_stream_is_forgotten_when_its_client_leaves(world: World) -> None:
    Story(world)
    with world.open() as stream:
        stream.take(2)
        assert world.figure("streams") == 1
    eventually(lambda: world.figure("streams") == 0)
    assert world.relay is not None
    assert not world.relay.hub.upgrade_ids()


def test_nobody_s_records_are_not_even_parsed(world: World) -> None:
    Story(world).steps(3)
    with world.get("/metrics") as answer:
        assert answer.status == 200
    assert world.relay is not None
    world.relay.receive([(STRANGER.encode(), b"not json")])
    assert world.figure("kafka_bad_records_total") == 0


def test_a_token_opens_a_stream_by_cookie_too(world: World) -> None:
    Story(world)
    with world.open(headers={"Cookie": f"a=b; session={access_token()}"}) as stream:
        assert stream.status == 200
