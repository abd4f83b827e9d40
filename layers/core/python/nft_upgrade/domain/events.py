"""What happened to an upgrade. One event per transition, chained by hash, never changed.

The event item is history, outbox and replay source at once: it is written in the transaction that
makes the transition, so neither exists without the other (docs/architecture.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from nft_upgrade.domain.canonical import canonical_hash


class EventType(StrEnum):
    """The kinds of event, named as the browser sees them (docs/events.md)."""

    UPGRADE_INITIATED = "upgrade_initiated"
    BURN_PENDING = "burn_pending"
    BURN_CONFIRMED = "burn_confirmed"
    BURN_REJECTED = "burn_rejected"
    UNDER_REVIEW = "under_review"
    MINT_STARTED = "mint_started"
    MINT_FAILED_RETRYABLE = "mint_failed_retryable"
    RETRY_STARTED = "retry_started"
    UPGRADE_COMPLETED = "upgrade_completed"
    UPGRADE_CANCELLED = "upgrade_cancelled"
    UPGRADE_EXPIRED = "upgrade_expired"
    UPGRADE_FAILED = "upgrade_failed"


GENESIS_HASH = "0" * 64
"""`previous_hash` of an upgrade's first event."""


def iso(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds and `Z`, as every door writes times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """The inverse of `iso`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeEvent:
    """One committed transition, with the facts a consumer needs to act without asking back.

    `sequence` counts from 1 within an upgrade and equals the upgrade's version after the
    transition. `hash` covers every other field and the hash before it. `data` is JSON: for
    `burn_confirmed`, `burn_rejected` and `under_review` it holds the burn proof. `trace_id` is no
    fact about the upgrade: it names the call that committed it, for whoever reads logs, and is
    neither hashed nor compared (the same transition may be committed by a second call).
    """

    upgrade_id: str
    sequence: int
    type: EventType
    occurred_at: datetime
    user_id: str
    nft_id: str
    current_level: int
    target_level: int
    status: str
    message: str
    retry_count: int
    burn_signature: str | None = None
    mint_signature: str | None = None
    new_nft_id: str | None = None
    error_code: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    retryable: bool | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    previous_hash: str = GENESIS_HASH
    hash: str = ""
    trace_id: str | None = field(default=None, compare=False)

    @property
    def event_id(self) -> str:
        """`{upgradeRequestId}:{sequence}`: what consumers drop duplicates by."""
        return f"{self.upgrade_id}:{self.sequence}"

    def sealed(self) -> "UpgradeEvent":
        """The same event with its `hash` computed."""
        return replace(self, hash=event_hash(self))


def event_hash(event: UpgradeEvent) -> str:
    """SHA-256, hex, over the canonical JSON of every field but `hash` and `trace_id`."""
    hashed = UpgradeEvent.__dataclass_fields__.keys() - {"hash", "trace_id"}
    facts = {name: getattr(event, name) for name in hashed}
    facts["occurred_at"] = iso(event.occurred_at)
    return canonical_hash(facts)


def first_broken_link(events: Iterable[UpgradeEvent]) -> int | None:
    """The sequence of the first event whose place or hash is wrong; None for a sound chain."""
    expected_hash, expected_sequence = GENESIS_HASH, 1
    for event in events:
        sound = (
            event.sequence == expected_sequence
            and event.previous_hash == expected_hash
            and event.hash == event_hash(event)
        )
        if not sound:
            return event.sequence
        expected_hash, expected_sequence = event.hash, expected_sequence + 1
    return None
