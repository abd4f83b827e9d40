"""The tests' own EventSource parser, certified with cases written after the web-platform-tests
(`eventsource/format-*`), and its HTTP framing."""

import socket
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sse import Cut, EventStreamParser, Message, read_response

ARABIC_TEN = b"\xd9\xa1\xd9\xa0"


def parsed(*blocks: bytes) -> list[tuple[str, str]]:
    parser = EventStreamParser()
    return [(m.type, m.data) for block in blocks for m in parser.feed(block)]


FORMAT_CASES = {
    "byte order mark": (b"\xef\xbb\xbfdata:1\n\ndata:2\n\n", ["1", "2"]),
    "second mark is text": (b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\ndata:3\n\n", ["2", "3"]),
    "mark not at the start": (b"data:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n", ["1", "3"]),
    "comments": (
        b"data:1\n:\0\n:\r\n:" + b"x" * 2048 + b"\ndata:2\n:keep\ndata:3\n\n:end\n\n",
        ["1\n2\n3"],
    ),
    "data before the final empty line": (
        b"retry:1000\ndata:test1\n\nid:test\ndata:test2",
        ["test1"],
    ),
    "field data": (b"data:\n\ndata\ndata\n\ndata:test\n\n", ["", "\n", "test"]),
    "empty event name": (b"event: \ndata:data\n\n", ["data"]),
    "unknown fields": (b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:c\n\n", ["test\n"]),
    "leading space": (b"data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]),
    "two leading spaces": (b"data:  a\n\n", [" a"]),
    "line ends mixed": (b"data:test\r\ndata\ndata:test\r\n\r", ["test\n\ntest"]),
    "null is text": (b"data:\0\n\n\n\n", ["\0"]),
    "utf-8 always": ("data:ok…\n\n".encode(), ["ok…"]),
    "bad utf-8 is replaced": (b"data:a\xffb\n\n", ["a\ufffdb"]),
    "colon in the value": (b"data::a:b\n\n", [":a:b"]),
    "no data, no event": (b"event:x\nid:1\n\n", []),
    "two empty lines": (b"data:1\n\n\n\ndata:2\n\n", ["1", "2"]),
}


@pytest.mark.parametrize("name", FORMAT_CASES)
def test_the_format_is_read_as_browsers_read_it(name: str) -> None:
    stream, expected = FORMAT_CASES[name]
    # The trailing comment ends a lone CR without dispatching anything.
    assert [data for _, data in parsed(stream, b":")] == expected


@pytest.mark.parametrize("name", FORMAT_CASES)
def test_the_format_is_read_the_same_byte_by_byte(name: str) -> None:
    stream, expected = FORMAT_CASES[name]
    blocks = [bytes([byte]) for byte in stream + b":"]
    assert [data for _, data in parsed(*blocks)] == expected


def test_an_event_name_holds_for_one_event_only() -> None:
    assert parsed(b"event:test\ndata:x\n\ndata:x\n\n") == [("test", "x"), ("message", "x")]


def test_an_id_stays_until_another_comes() -> None:
    parser = EventStreamParser()
    messages = parser.feed(b"id:1\ndata:a\n\ndata:b\n\nid\ndata:c\n\n")
    assert [m.id for m in messages] == ["1", "1", ""]


def test_an_id_with_a_null_is_ignored() -> None:
    parser = EventStreamParser()
    messages = parser.feed(b"id:good\ndata:1\n\nid:ba\0d\ndata:2\n\n")
    assert [m.id for m in messages] == ["good", "good"]


def test_an_id_counts_from_the_empty_line_on_even_without_data() -> None:
    parser = EventStreamParser()
    parser.feed(b"id:7\n")
    assert parser.last_id == ""
    parser.feed(b"\n")
    assert parser.last_id == "7"


@pytest.mark.parametrize("value", [b"1000x", b"-1", b" 1000 ", b"", ARABIC_TEN])
def test_a_bogus_retry_is_ignored(value: bytes) -> None:
    parser = EventStreamParser()
    parser.feed(b"retry:3000\nretry:" + value + b"\ndata:x\n\n")
    assert parser.retry == 3000


def test_an_unfinished_event_at_the_end_is_dropped() -> None:
    assert parsed(b"data:1\n\ndata:2\n") == [("message", "1")]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_where_the_bytes_are_split_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    blocks = [stream[a:b] for a, b in pairwise(places)]
    assert parsed(*blocks) == parsed(stream)


def answered(raw: bytes) -> list[Message]:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(raw)
        far.shutdown(socket.SHUT_WR)
        return list(read_response(near).messages())


def test_a_chunked_body_that_ends_by_the_rules_is_an_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert [m.data for m in answered(head + b"9\r\ndata:1\n\n\n\r\n0\r\n\r\n")] == ["1"]


def test_a_chunked_body_without_its_last_chunk_is_a_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(Cut):
        answered(head + b"8\r\ndata:1\n\n\r\n")
