"""An event's forms: Kafka record (both directions) and SSE envelope. One place for all of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nft_upgrade.domain.events import EventType, UpgradeEvent, iso, parse_iso

SCHEMA_VERSION = 1
DEEPEST = 64
"""Levels of objects and lists in a record; ours have six."""

TOPIC_INITIATED = "nft-upgrade-initiated"
TOPIC_BURNED = "nft-burn-confirmed"
TOPIC_COMPLETED = "nft-upgrade-completed"
TOPIC_FAILED = "nft-upgrade-failed"
TOPIC_PROGRESS = "nft-upgrade-progress"
TOPIC_DEAD_LETTERS = "nft-dead-letters"
"""Records that a consumer could not take, whole, with the reason in their headers."""
TOPICS = (TOPIC_INITIATED, TOPIC_BURNED, TOPIC_COMPLETED, TOPIC_FAILED, TOPIC_PROGRESS)
"""Where events go."""
TOPIC_CONTROL = "nft-relay-control"
"""What relay processes tell each other (docs/events.md); nobody else reads or writes it."""
ALL_TOPICS = (*TOPICS, TOPIC_DEAD_LETTERS, TOPIC_CONTROL)

_TOPIC_OF = {
    EventType.UPGRADE_INITIATED: TOPIC_INITIATED,
    EventType.BURN_CONFIRMED: TOPIC_BURNED,
    EventType.UPGRADE_COMPLETED: TOPIC_COMPLETED,
    EventType.MINT_FAILED_RETRYABLE: TOPIC_FAILED,
    EventType.UPGRADE_FAILED: TOPIC_FAILED,
}


_TYPE_NAMES = {type_.value: type_.value for type_ in EventType}


@dataclass(frozen=True, slots=True)
class Record:
    """What is handed to Kafka; `message_key` is the user id, so one user's events keep order."""

    topic: str
    message_key: bytes
    value: bytes


def topic_of(event: UpgradeEvent) -> str:
    """Three of the topics hold one kind each, `failed` holds failures, `progress` the rest."""
    return _TOPIC_OF.get(event.type, TOPIC_PROGRESS)


def to_record(event: UpgradeEvent) -> Record:
    """The event as a Kafka record (docs/events.md); absent facts are left out."""
    value = {key: fact for key, fact in _value(event).items() if fact is not None}
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Record(topic_of(event), event.user_id.encode(), text.encode())


def _value(event: UpgradeEvent) -> dict[str, Any]:
    moment = iso(event.occurred_at)
    return {
        "eventId": event.event_id,
        "eventType": event.type.value,
        "schemaVersion": SCHEMA_VERSION,
        "sequence": event.sequence,
        "occurredAt": moment,
        "upgradeRequestId": event.upgrade_id,
        "userId": event.user_id,
        "currentNftId": event.nft_id,
        "oldLevel": event.current_level,
        "newLevel": event.target_level,
        "targetLevel": event.target_level,
        "status": event.status,
        "message": event.message,
        "burnTransactionHash": event.burn_signature,
        "mintTransactionHash": event.mint_signature,
        "newNftId": event.new_nft_id,
        "errorCode": event.error_code,
        "errorType": event.error_type,
        "errorMessage": event.error_message,
        "retryable": event.retryable,
        "retryCount": event.retry_count,
        "timestamp": moment,
        "data": dict(event.data),
        "previousHash": event.previous_hash,
        "hash": event.hash,
    }


def read_json(value: bytes | str) -> Any:
    """What anybody may have written, as JSON; ValueError for all that is none or nested deeper than
    any of ours. The parser's own bound is the stack, which others need after it."""
    try:
        read = json.loads(value, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    level = [read]
    for _ in range(DEEPEST):
        level = [each for parent in level for each in _inside(parent)]
        if not level:
            return read
    raise ValueError("nested too deep")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def from_record(value: bytes | str) -> UpgradeEvent:
    """The event a Kafka value holds; ValueError, KeyError or TypeError when it is none."""
    facts = read_json(value)
    try:
        event = _event(facts)
        iso(event.occurred_at)
    except (AttributeError, OverflowError) as error:  # no text, or a time before the year 1
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return event


def _event(facts: Mapping[str, Any]) -> UpgradeEvent:
    return UpgradeEvent(
        upgrade_id=facts["upgradeRequestId"],
        sequence=_whole(facts, "sequence"),
        type=EventType(facts["eventType"]),
        occurred_at=parse_iso(facts["occurredAt"]),
        user_id=facts["userId"],
        nft_id=facts["currentNftId"],
        current_level=_whole(facts, "oldLevel"),
        target_level=_whole(facts, "targetLevel"),
        status=facts["status"],
        message=facts["message"],
        retry_count=_whole(facts, "retryCount"),
        burn_signature=facts.get("burnTransactionHash"),
        mint_signature=facts.get("mintTransactionHash"),
        new_nft_id=facts.get("newNftId"),
        error_code=facts.get("errorCode"),
        error_type=facts.get("errorType"),
        error_message=facts.get("errorMessage"),
        retryable=facts.get("retryable"),
        data=facts["data"],
        previous_hash=facts["previousHash"],
        hash=facts["hash"],
    )


def _whole(facts: Mapping[str, Any], name: str) -> int:
    """JSON Schema's integers include 2.0, which is a float to Python and to whoever formats it."""
    fact = facts[name]
    if type(fact) is not int:
        raise ValueError(f"$.{name}: {fact!r} is not a whole number")
    return fact


def envelope(event: UpgradeEvent) -> dict[str, Any]:
    """The SSE message's JSON (docs/events.md); `sequence` is also the message's id."""
    body = {
        "type": event.type.value,
        "upgradeRequestId": event.upgrade_id,
        "status": event.status,
        "message": event.message,
        "timestamp": iso(event.occurred_at),
        "sequence": event.sequence,
    }
    return _with_data(body, {**event.data, **_error_data(event)})


def record_envelope(value: bytes | str) -> dict[str, Any]:
    """`envelope(from_record(value))`, at a third of its cost: the relay does it for every event.

    ValueError or KeyError when the value is no event.
    """
    facts = json.loads(value)
    body = {
        "type": _TYPE_NAMES[facts["eventType"]],
        "upgradeRequestId": facts["upgradeRequestId"],
        "status": facts["status"],
        "message": facts["message"],
        "timestamp": facts["occurredAt"],
        "sequence": facts["sequence"],
    }
    data = facts["data"]
    if "errorCode" in facts:
        named = ("errorType", "errorMessage", "retryable")
        data = {**data, "code": facts["errorCode"], **{name: facts.get(name) for name in named}}
    return _with_data(body, data)


def _with_data(body: dict[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Which operator decided is for the audit record, not for the browser."""
    told = {name: fact for name, fact in data.items() if name != "review"}
    return {**body, "data": told} if told else body


def own_envelope(
    type_: str, upgrade_id: str, status: str, message: str, *, sequence: int, at: datetime
) -> dict[str, Any]:
    """The stream's own messages (connection_established, reset, evicted, session_expiring)."""
    return {
        "type": type_,
        "upgradeRequestId": upgrade_id,
        "status": status,
        "message": message,
        "timestamp": iso(at),
        "sequence": sequence,
    }


def _error_data(event: UpgradeEvent) -> Mapping[str, Any]:
    if event.error_code is None:
        return {}
    return {
        "code": event.error_code,
        "errorType": event.error_type,
        "errorMessage": event.error_message,
        "retryable": event.retryable,
    }
