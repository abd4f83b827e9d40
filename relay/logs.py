"""The relay's log: JSON lines on standard error, named as the functions' (Powertools) are.

A line about an upgrade has `upgrade_request_id`; one about a record also `xray_trace_id`, the call
that made the event, so that one search finds the API's call, the steps and the delivery.
"""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

NAMED = ("upgrade_request_id", "event_id", "xray_trace_id")


class JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": record.name,
            "message": record.getMessage(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "service": "nft-upgrade-relay",
        }
        line |= {name: getattr(record, name) for name in NAMED if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Warnings of everybody, and what the relay itself tells."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("relay").setLevel(logging.INFO)
    # kafka-python tells every reconnect of every broker; the consumer tells what matters.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def about(upgrade_id: str) -> dict[str, str]:
    """`extra` of a line about one upgrade."""
    return {"upgrade_request_id": upgrade_id}


def about_record(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """`extra` of a line about one Kafka record, from the headers that the publisher wrote."""
    known = {name: content.decode("utf-8", "replace") for name, content in headers}
    facts = {
        "upgrade_request_id": known.get("eventId", "").rpartition(":")[0],
        "event_id": known.get("eventId"),
        "xray_trace_id": known.get("traceId"),
    }
    return {name: fact for name, fact in facts.items() if fact}
