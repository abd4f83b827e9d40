"""Encoding against the strict parser, for any payload, at any split."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.messages import from_record, to_record
from relay.replay import frame_of, frame_of_record
from relay.wire import (
    HEARTBEAT,
    Malformed,
    Request,
    RequestReader,
    cookies,
    encode_chunk,
    encode_message,
    encode_retry,
    split_target,
)
from tests.sse import EventStreamParser, Message, _Wire

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
IDS = st.from_regex(r"[0-9A-Za-z._-]{1,64}", fullmatch=True)
CUTS = st.lists(st.integers(0, 4000), max_size=12)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def parsed(blocks: list[bytes]) -> list[Message]:
    parser = EventStreamParser()
    return [message for block in blocks for message in parser.feed(block)]


@given(st.lists(st.tuples(JSON, IDS), max_size=5), CUTS)
def test_any_json_comes_back_at_any_split(messages: list[tuple[Any, str]], cuts: list[int]) -> None:
    stream = b"".join(
        encode_message(json.dumps(body, ensure_ascii=False), event_id=id_) + HEARTBEAT
        for body, id_ in messages
    )
    assert [(m.json, m.id) for m in parsed(split(stream, cuts))] == messages


@given(ANY_TEXT, CUTS)
def test_any_text_comes_back_with_its_line_ends_as_lf(text: str, cuts: list[int]) -> None:
    [message] = parsed(split(encode_message(text), cuts))
    assert message.data == text.replace("\r\n", "\n").replace("\r", "\n")


def test_a_lone_surrogate_does_not_break_the_stream() -> None:
    [message] = parsed([encode_message(json.dumps("\ud83d!", ensure_ascii=False))])
    assert message.json == "\ud83d!"


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), CUTS)
def test_chunks_carry_any_bytes_at_any_split(blocks: list[bytes], cuts: list[int]) -> None:
    raw = b"".join(map(encode_chunk, blocks))
    wire = _Wire.__new__(_Wire)
    wire.buffer, wire.is_chunked, wire.is_over, wire.left = b"", True, False, None
    got = b""
    for part in split(raw, cuts):
        wire.buffer += part
        while block := wire._next_block():
            got += block
    assert got == b"".join(blocks)


@pytest.mark.parametrize("bad", ["", "a b", "a\nb", "é", "x" * 65, "a,b"])
def test_an_id_that_would_cost_a_preflight_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not an event id"):
        encode_message("{}", event_id=bad)


def test_a_retry_alone_dispatches_nothing() -> None:
    parser = EventStreamParser()
    assert parser.feed(encode_retry(1500)) == []
    assert parser.retry == 1500


HEAD = (
    b"GET /api/nft/upgrade/01X/events?lastEventId=7&a=%20b HTTP/1.1\r\nHost: example\r\n"
    b"Cookie: a=1\r\nCookie: session=abc\r\nLast-Event-ID: 9\r\n\r\n"
)


@given(CUTS)
@settings(max_examples=50)
def test_a_head_is_read_the_same_at_any_split(cuts: list[int]) -> None:
    reader = RequestReader()
    requests = [found for part in split(HEAD, cuts) if (found := reader.feed(part)) is not None]
    assert requests[0].query == {"lastEventId": "7", "a": " b"}
    assert requests[0].headers["last-event-id"] == "9"
    assert cookies(requests[0]) == {"a": "1", "session": "abc"}
    assert requests[0].keep_alive


@given(st.binary(max_size=400), CUTS)
def test_any_bytes_are_a_request_or_malformed(data: bytes, cuts: list[int]) -> None:
    reader = RequestReader()
    try:
        for part in split(data, cuts):
            if reader.feed(part):
                return
    except Malformed as error:
        assert error.status in (400, 414, 431, 505)


@given(st.binary(max_size=200))
def test_any_target_is_split_or_malformed(target: bytes) -> None:
    try:
        path, query = split_target(target.decode("latin-1"))
    except Malformed:
        return
    assert isinstance(path, str) and isinstance(query, dict)


def test_the_first_of_a_repeated_cookie_or_field_counts() -> None:
    request = Request("GET", *split_target("/?a=1&a=2"), headers={"cookie": "s=1; s=2"})
    assert (request.query["a"], cookies(request)["s"]) == ("1", "1")


@given(
    st.sampled_from(list(EventType)),
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5) | st.integers()),
    st.none() | st.text(max_size=9),
    st.none() | st.booleans(),
)
def test_a_record_gives_the_frame_that_its_event_gives(
    type_: EventType, message: str, data: dict[str, Any], error: str | None, retryable: bool | None
) -> None:
    """Two ways from an event to the browser, one by the table, one by Kafka: no difference."""
    event = UpgradeEvent(
        upgrade_id="01A",
        sequence=7,
        type=type_,
        occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        user_id="user",
        nft_id="nft",
        current_level=1,
        target_level=2,
        status="mint_pending",
        message=message,
        retry_count=0,
        error_code=error,
        error_message=error,
        retryable=retryable,
        data=data,
    )
    value = to_record(event).value
    assert frame_of_record(value) == ("01A", frame_of(from_record(value)))


def test_neither_way_tells_the_browser_which_operator_decided() -> None:
    decided = {"review": {"operator": "who", "reason": "why"}, "proof": {"verdict": "held"}}
    event = UpgradeEvent(
        upgrade_id="01A",
        sequence=7,
        type=EventType.BURN_CONFIRMED,
        occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
        user_id="user",
        nft_id="nft",
        current_level=1,
        target_level=2,
        status="burn_confirmed",
        message="It counts.",
        retry_count=0,
        data=decided,
    )
    for frame in (frame_of(event), frame_of_record(to_record(event).value)[1]):
        assert b"held" in frame.data and b"review" not in frame.data
