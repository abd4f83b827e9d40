"""The relay's log lines."""

import json
import logging
import sys
from typing import Any

from relay.logs import JsonLines, about, about_record


def line(text: str, **extra: Any) -> dict[str, Any]:
    """What a record is written as."""
    record = logging.LogRecord("relay.server", logging.WARNING, __file__, 1, text, (), None)
    record.__dict__.update(extra)
    written: dict[str, Any] = json.loads(JsonLines().format(record))
    return written


def test_a_line_about_an_upgrade_names_it() -> None:
    written = line("table: gone", **about("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
    assert written["upgrade_request_id"] == "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert (written["level"], written["message"]) == ("WARNING", "table: gone")


def test_a_line_about_a_record_names_its_event_and_the_call_that_made_it() -> None:
    headers = [("eventId", b"01ARZ:3"), ("traceId", b"1-2-3"), ("other", b"\xff")]
    assert about_record(headers) == {
        "upgrade_request_id": "01ARZ",
        "event_id": "01ARZ:3",
        "xray_trace_id": "1-2-3",
    }


def test_a_record_of_somebody_else_is_logged_all_the_same() -> None:
    assert about_record([]) == {}


def test_an_exception_stays_within_its_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        written = line("unexpected", exc_info=sys.exc_info())
    assert "ValueError: two\nlines" in written["exception"]
