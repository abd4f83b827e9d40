"""An event's JSON against the schema of its type and version, on the way out and on the way in.

`schemas/<type>.v<n>.json` describes one type; what all types share is in `upgrade-event.v<n>.json`.
Who writes must write nothing else; who reads ignores members it does not know (the rule for new
versions is in docs/events.md).
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from nft_upgrade.domain.events import EventType, UpgradeEvent, event_hash, iso
from nft_upgrade.messages import SCHEMA_VERSION, from_record, read_json, to_record

_FOLDER = Path(__file__).parent.parent / "schemas"
COMMON = "upgrade-event"
LARGEST_EVENT = 96 * 1024
"""Bytes of a record's value. The audit record keeps it, written again, in an item of DynamoDB,
which takes 400 KB; written again it is at most 3.8 times as long (`1e15,`). Ours have a few KB."""


class UnreadableEvent(ValueError):
    """A value that is no event for this reader; `reason` is one word for metrics and replays."""

    reason = "broken"


class UnknownVersion(UnreadableEvent):
    """Written by a newer publisher: another `schemaVersion`."""

    reason = "unknown_version"


class UnknownType(UnreadableEvent):
    """Written by a newer publisher: an event type of this version that we do not know."""

    reason = "unknown_type"


@cache
def schema(name: str = COMMON) -> dict[str, Any]:
    """The schema of an event type, or what all types share, in the version that we write."""
    path = _FOLDER / f"{name}.v{SCHEMA_VERSION}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def read_event(value: bytes) -> UpgradeEvent:
    """The event in a record's value, whole and unchanged. UnreadableEvent names the member at
    fault."""
    facts = _object(value)
    version, type_ = facts.get("schemaVersion"), facts.get("eventType")
    # True is 1 to Python, and not to JSON.
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise UnknownVersion(f"$.schemaVersion: {version!r} is not {SCHEMA_VERSION}")
    if type_ not in tuple(EventType):
        raise UnknownType(f"$.eventType: {type_!r} is not known in version {SCHEMA_VERSION}")
    if fault := best_match(_reader(type_).iter_errors(facts)):
        raise UnreadableEvent(f"{fault.json_path}: {fault.message}")
    try:
        event = from_record(value)
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableEvent(str(error)) from error
    if event.hash != event_hash(event):
        raise UnreadableEvent("$.hash: does not fit the event's content")
    _require_same(facts, event)
    return event


def check_event(event: UpgradeEvent) -> None:
    """UnreadableEvent when the schema does not describe what we would write, member by member."""
    try:
        value = to_record(event).value
        facts = json.loads(value)
    except (AttributeError, TypeError) as error:  # an item that lacks a fact
        raise UnreadableEvent(f"{event.event_id}: {error}") from error
    if fault := best_match(_reader(event.type).iter_errors(facts)):
        raise UnreadableEvent(f"{event.event_id} {fault.json_path}: {fault.message}")
    if len(value) > LARGEST_EVENT:
        raise UnreadableEvent(f"{event.event_id} $: {len(value)} bytes are too many")
    if unknown := sorted(set(facts) - set(schema()["properties"])):
        raise UnreadableEvent(f"{event.event_id} $: {', '.join(unknown)} is in no schema")


def _require_same(facts: Mapping[str, Any], event: UpgradeEvent) -> None:
    """What a record says twice follows from members that the hash covers."""
    said_twice = {
        "eventId": event.event_id,
        "newLevel": event.target_level,
        "timestamp": iso(event.occurred_at),
    }
    for name, fact in said_twice.items():
        if facts[name] != fact:
            raise UnreadableEvent(f"$.{name}: {facts[name]!r} is not {fact!r}")


def _object(value: bytes) -> Mapping[str, Any]:
    if len(value) > LARGEST_EVENT:
        raise UnreadableEvent(f"$: {len(value)} bytes are more than {LARGEST_EVENT}")
    try:
        facts = read_json(value)
    except ValueError as error:  # no JSON, no UTF-8, or too deep
        raise UnreadableEvent(f"{type(error).__name__}: {error}") from error
    if not isinstance(facts, dict):
        raise UnreadableEvent("$: not an object")
    return facts


@cache
def _reader(type_: str) -> Draft202012Validator:
    return Draft202012Validator(schema(type_), registry=_registry())


@cache
def _registry() -> "Registry[Any]":
    """All schemas by their `$id`; none is ever fetched."""
    documents = [schema(name) for name in (COMMON, *(type_.value for type_ in EventType))]
    for document in documents:
        Draft202012Validator.check_schema(document)
    resources = [(each["$id"], Resource.from_contents(each)) for each in documents]
    return Registry().with_resources(resources)
