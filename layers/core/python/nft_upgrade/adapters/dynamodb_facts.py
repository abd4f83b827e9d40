"""Domain objects as attributes of their items, and back. No I/O."""

import logging
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from pynamodb.attributes import UTCDateTimeAttribute

from nft_upgrade.adapters.dynamodb_items import AttemptItem, EventItem, NftItem, RequestItem
from nft_upgrade.domain.errors import ErrorType
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Failure, Mode, Status, Submitted, Upgrade
from nft_upgrade.ports import DUE_SHARDS, MintAttempt

logger = logging.getLogger(__name__)
Facts = dict[str, Any]
REQUEST = "REQUEST"
EVENT = "EVENT#"
ATTEMPT = "ATTEMPT#"
LAST_SEQUENCE = 99_999_999

_UPGRADE_FIELDS = tuple(field.name for field in fields(Upgrade) if field.name != "id")
_EVENT_FIELDS = tuple(field.name for field in fields(UpgradeEvent))
_NFT_FIELDS = tuple(field.name for field in fields(Nft))


def event_entry(sequence: int) -> str:
    """The sort key of an event: as text it sorts like the number."""
    return f"{EVENT}{sequence:08d}"


def attempt_entry(number: int) -> str:
    """The sort key of a mint attempt."""
    return f"{ATTEMPT}{number:08d}"


def due_shard(upgrade_id: str) -> int:
    """Which shard of the due index an upgrade is in; the same in every process."""
    return zlib.crc32(upgrade_id.encode()) % DUE_SHARDS


def request_partition(shard: int) -> str:
    """The due index's partition of requests that wait for the sweep."""
    return f"REQUEST#{shard}"


def event_partition(shard: int) -> str:
    """The due index's partition of events that nobody marked published."""
    return f"EVENT#{shard}"


def active_partition(shard: int) -> str:
    """The active index's partition."""
    return f"ACTIVE#{shard}"


def moment_text(moment: datetime) -> str:
    """A time as it lies in an item: UTC with microseconds, sorting like the time."""
    return str(UTCDateTimeAttribute().serialize(moment))  # type: ignore[no-untyped-call]


def parse_moment(text: str) -> datetime:
    """The inverse; ValueError when the text is no time."""
    moment: datetime = UTCDateTimeAttribute().deserialize(text)  # type: ignore[no-untyped-call]
    return moment


def request_facts(upgrade: Upgrade) -> Facts:
    """The attributes of a request's item, keys aside; None: the attribute is not there."""
    shard = due_shard(upgrade.id)
    facts = {name: getattr(upgrade, name) for name in _UPGRADE_FIELDS}
    return facts | {
        "status": upgrade.status.value,
        "mode": upgrade.mode.value,
        "failure": _failure_facts(upgrade.failure),
        "submitted": _submitted_facts(upgrade.submitted),
        "due_shard": request_partition(shard) if upgrade.due_at else None,
        "active_shard": active_partition(shard) if upgrade.is_active else None,
    }


def upgrade_of(item: RequestItem) -> Upgrade:
    """The upgrade that an item holds."""
    facts: Facts = {name: getattr(item, name) for name in _UPGRADE_FIELDS}
    facts["status"] = Status(item.status)
    facts["mode"] = Mode(item.mode)
    facts["failure"] = _failure_of(item.failure)
    facts["submitted"] = _submitted_of(item.submitted)
    return Upgrade(id=item.upgrade_id, **facts)


def event_facts(event: UpgradeEvent) -> Facts:
    """The attributes of an event's item, unpublished."""
    facts = {name: getattr(event, name) for name in _EVENT_FIELDS}
    return facts | {
        "entry": event_entry(event.sequence),
        "type": event.type.value,
        "data": dict(event.data),
        "due_shard": event_partition(due_shard(event.upgrade_id)),
        "due_at": event.occurred_at,
    }


def event_of(item: EventItem) -> UpgradeEvent:
    """The event that an item holds."""
    facts: Facts = {name: getattr(item, name) for name in _EVENT_FIELDS}
    facts["type"] = EventType(item.type)
    return UpgradeEvent(**facts)


def readable_event(item: EventItem) -> UpgradeEvent | None:
    """The same for whoever must go on past an item that holds none: it is logged."""
    try:
        return event_of(item)
    except (ValueError, TypeError):
        logger.exception("%s %s is no event", item.upgrade_id, item.entry)
        return None


def event_from_image(image: Mapping[str, Any]) -> UpgradeEvent:
    """The event in a stream record's `NewImage` (DynamoDB's JSON).

    ValueError or KeyError when it holds none.
    """
    if not image["entry"]["S"].startswith(EVENT):
        raise ValueError(f"{image['entry']['S']} is no event")
    missing = {"sequence", "type", "occurred_at", "hash"} - image.keys()
    if missing:
        raise KeyError(*missing)
    return event_of(EventItem.from_raw_data(dict(image)))


def nft_facts(nft: Nft) -> Facts:
    """The attributes of a registry row."""
    return {name: getattr(nft, name) for name in _NFT_FIELDS} | {"status": nft.status.value}


def nft_of(item: NftItem) -> Nft:
    """The NFT that a registry row holds."""
    facts: Facts = {name: getattr(item, name) for name in _NFT_FIELDS}
    return Nft(**facts | {"status": NftStatus(item.status)})


def attempt_facts(attempt: MintAttempt) -> Facts:
    """The attributes of an attempt's item."""
    return {
        "upgrade_id": attempt.upgrade_id,
        "entry": attempt_entry(attempt.number),
        "number": attempt.number,
        "message": attempt.message,
        "last_valid_block_height": attempt.last_valid_block_height,
        "successor": attempt.successor,
        "written_at": attempt.created_at,
        "signature": attempt.signature,
    }


def attempt_of(item: AttemptItem) -> MintAttempt:
    """The attempt that an item holds."""
    return MintAttempt(
        upgrade_id=item.upgrade_id,
        number=int(item.number),
        message=item.message,
        last_valid_block_height=int(item.last_valid_block_height),
        successor=item.successor,
        created_at=item.written_at,
        signature=item.signature,
    )


def _submitted_facts(submitted: Submitted | None) -> Facts | None:
    """JSON, bytes as base64."""
    if submitted is None:
        return None
    cosignature = submitted.cosignature
    return {
        "transaction": b64encode(submitted.transaction).decode(),
        "token_account": submitted.token_account,
        "rent": submitted.rent,
        "last_valid_block_height": submitted.last_valid_block_height,
        "cosignature": None if cosignature is None else b64encode(cosignature).decode(),
    }


def _submitted_of(facts: Facts | None) -> Submitted | None:
    if facts is None:
        return None
    cosignature = facts["cosignature"]
    return Submitted(
        transaction=b64decode(facts["transaction"]),
        token_account=facts["token_account"],
        rent=facts["rent"],
        last_valid_block_height=facts["last_valid_block_height"],
        cosignature=None if cosignature is None else b64decode(cosignature),
    )


def _failure_facts(failure: Failure | None) -> Facts | None:
    if failure is None:
        return None
    return {
        "code": failure.code,
        "error_type": failure.error_type.value,
        "message": failure.message,
        "retryable": failure.retryable,
    }


def _failure_of(facts: Facts | None) -> Failure | None:
    if facts is None:
        return None
    return Failure(**facts | {"error_type": ErrorType(facts["error_type"])})
