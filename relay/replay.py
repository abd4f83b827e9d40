"""From the table to frames: what a stream is told first, and where it goes on.

1. Without an id a stream gets the whole history: an upgrade has about ten events, and a page that
   subscribes late would otherwise never see the one it waits for.
2. `connection_established` tells the current state but carries the id the stream goes on from, not
   the newest one: cut right after it, the browser must come back for everything that follows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import TERMINAL, Upgrade
from nft_upgrade.messages import envelope, own_envelope, record_envelope
from relay.ring import Ring
from relay.stream import Frame
from relay.wire import encode_message

_TEXTS = {
    "connection_established": "Connected to the upgrade's events.",
    "reset": "The last event id is not known here. The whole history follows.",
    "evicted": "This stream was closed because a newer one was opened.",
    "session_expiring": "The session is ending. Sign in again to go on.",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An upgrade as a stream's beginning tells it; `version` is its newest event's sequence."""

    upgrade_id: str
    user_id: str
    version: int
    status: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one upgrade at one moment. `snapshot` None: there is none. `events` in
    order, those asked for."""

    snapshot: Snapshot | None
    events: Sequence[UpgradeEvent]

    def reaches(self, position: int) -> bool:
        """Whether nothing after `position` is missing in it."""
        version = self.snapshot.version if self.snapshot else 0
        first = self.events[0].sequence if self.events else version + 1
        return first <= position + 1


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a stream goes on: after `position`. `is_over`: it has seen the end already."""

    position: int
    is_reset: bool = False
    is_over: bool = False


def asked_position(last_id: str | None) -> int | None:
    """The sequence a Last-Event-ID names; 0 for none at all, None for one that is not ours."""
    if not last_id:
        return 0
    # isdecimal would accept other scripts' digits, which are nobody's ids.
    return int(last_id) if last_id.isascii() and last_id.isdigit() and len(last_id) < 10 else None


def resume(asked: int | None, at: Snapshot) -> Resume:
    """An unknown id, or one ahead of the table, starts over and says so: never a silent gap."""
    if asked is None or asked > at.version:
        return Resume(0, is_reset=True)
    return Resume(asked, is_over=asked == at.version and at.status in TERMINAL)


def recent_history(ring: Ring, user_id: str, upgrade_id: str, asked: int | None) -> History | None:
    """What the ring knows after `asked`; None when the table must be asked.

    Not for a first connection, which is to see the newest state; nor after an end, because 204
    stops a browser for good, and only the table can say that nothing followed (a cancelled upgrade
    may turn out burned).
    """
    events = ring.after(user_id, upgrade_id, asked) if asked else None
    if not events or events[-1].status in TERMINAL:
        return None
    return History(snapshot_after(events[-1]), [e for e in events if e.sequence > (asked or 0)])


def frame_of(event: UpgradeEvent) -> Frame:
    """The event as every stream gets it."""
    data = encode_message(_json(envelope(event)), event_id=str(event.sequence))
    return Frame(event.sequence, event.status, data, event.status in TERMINAL)


def frame_of_record(value: bytes) -> tuple[str, Frame]:
    """The upgrade's id and the same frame, straight from a record; ValueError, KeyError or
    TypeError when it holds no event."""
    body = record_envelope(value)
    sequence, status = int(body["sequence"]), body["status"]
    data = encode_message(_json(body), event_id=str(sequence))
    return body["upgradeRequestId"], Frame(sequence, status, data, status in TERMINAL)


def opening(snapshot: Snapshot, start: Resume, *, retry: int, at: datetime) -> bytes:
    """The first messages of a stream: the state and, where needed, `reset`."""
    told = (snapshot.upgrade_id, snapshot.status, start.position, at)
    body = _own("connection_established", *told)
    body["data"] = snapshot.facts
    data = encode_message(_json(body), event_id=str(start.position), retry=retry)
    if start.is_reset:
        data += encode_message(_json(_own("reset", *told)), event_id=str(start.position))
    return data


def notice(
    type_: str, upgrade_id: str, status: str, sequence: int, *, event_id: str, at: datetime
) -> bytes:
    """One of the stream's own messages; `event_id` is what a reconnect will present."""
    return encode_message(_json(_own(type_, upgrade_id, status, sequence, at)), event_id=event_id)


def _own(type_: str, upgrade_id: str, status: str, sequence: int, at: datetime) -> dict[str, Any]:
    return own_envelope(type_, upgrade_id, status, _TEXTS[type_], sequence=sequence, at=at)


def snapshot_of(upgrade: Upgrade) -> Snapshot:
    """As the table has it."""
    facts = _facts(upgrade, upgrade.version)
    return Snapshot(upgrade.id, upgrade.user_id, upgrade.version, upgrade.status, facts)


def snapshot_after(event: UpgradeEvent) -> Snapshot:
    """As its newest event tells it; an event carries the facts as they are after it."""
    facts = _facts(event, event.sequence)
    return Snapshot(event.upgrade_id, event.user_id, event.sequence, event.status, facts)


def _facts(of: Upgrade | UpgradeEvent, version: int) -> dict[str, object]:
    state = {
        "currentSequence": version,
        "currentNftId": of.nft_id,
        "currentLevel": of.current_level,
        "targetLevel": of.target_level,
        "burnTransactionHash": of.burn_signature,
        "mintTransactionHash": of.mint_signature,
        "newNftId": of.new_nft_id,
    }
    return {name: fact for name, fact in state.items() if fact is not None}


# Made once: json.dumps would make one for every call.
_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
