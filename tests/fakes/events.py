"""A whole upgrade's events, and the event services' ports holding their state in memory."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from nft_upgrade.consumers.ports import (
    AuditEntry,
    DeadLetter,
    DeadLettersUnavailable,
    Notification,
    NotificationStatus,
)
from nft_upgrade.domain.burn import BurnProof, Check, Outcome
from nft_upgrade.domain.errors import ErrorType
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Failure, Status, Transition, Upgrade, open_upgrade
from nft_upgrade.messages import to_record

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=1)
FAILURE = Failure("mint_failed", ErrorType.MINT_TRANSACTION_FAILED, "It failed.", retryable=True)
REFUSAL = Failure(
    "burn_wrong_mint", ErrorType.BURN_TRANSACTION_FAILED, "Another NFT.", retryable=True
)

FAILED = {EventType.MINT_FAILED_RETRYABLE, EventType.BURN_REJECTED, EventType.UPGRADE_FAILED}
STATUS_AFTER = {
    EventType.UPGRADE_INITIATED: Status.INITIATED,
    EventType.BURN_PENDING: Status.BURN_PENDING,
    EventType.BURN_CONFIRMED: Status.BURN_CONFIRMED,
    EventType.BURN_REJECTED: Status.INITIATED,
    EventType.UNDER_REVIEW: Status.UNDER_REVIEW,
    EventType.MINT_STARTED: Status.MINT_PENDING,
    EventType.MINT_FAILED_RETRYABLE: Status.FAILED_RETRYABLE,
    EventType.RETRY_STARTED: Status.MINT_PENDING,
    EventType.UPGRADE_COMPLETED: Status.COMPLETED,
    EventType.UPGRADE_CANCELLED: Status.CANCELLED,
    EventType.UPGRADE_EXPIRED: Status.EXPIRED,
    EventType.UPGRADE_FAILED: Status.FAILED_PERMANENT,
}


def story(
    upgrade_id: str = "up-1", user_id: str = "wallet-1", *, level: int = 1, at: datetime = START
) -> list[UpgradeEvent]:
    """Opened, a refused and a proven burn, a failed mint, a retry, completed: nine events."""
    return [transition.event for transition in transitions(upgrade_id, user_id, level, at)]


def transitions(
    upgrade_id: str = "up-1", user_id: str = "wallet-1", level: int = 1, at: datetime = START
) -> list[Transition]:
    """The same as what storage commits."""
    nft = _nft(f"{upgrade_id}-nft-{level}", user_id, level, at)
    times = (at + STEP * n for n in count(1))
    steps = [open_upgrade(_opened(upgrade_id, nft, at), nft=nft)]
    held = steps[0].nfts[0].after

    def then(step: Transition) -> Upgrade:
        steps.append(step)
        return step.after

    proof = burn_proof(upgrade_id, nft.mint, user_id)
    current = steps[0].after
    current = then(current.claim_burn(f"{upgrade_id}-other", height=7, at=next(times)))
    current = then(current.reject_burn(REFUSAL, at=next(times), proof=proof))
    current = then(current.claim_burn(proof.signature, height=9, at=next(times)))
    current = then(current.prove_burn(proof, nft=held, at=next(times)))
    current = then(current.start_mint(at=next(times)))
    current = then(current.fail_mint(FAILURE, at=next(times)))
    current = then(current.retry(at=next(times)))
    done_at = next(times)
    successor = _nft(current.successor, user_id, level + 1, done_at)
    then(
        current.complete(
            f"{upgrade_id}-mint", successor=successor, holds_owner_lock=True, at=done_at
        )
    )
    return steps


def event_of_each_type() -> list[UpgradeEvent]:
    """One event of every type there is, each sealed."""
    template = story()[-1]
    return [_retold(template, type_) for type_ in EventType]


def burn_proof(upgrade_id: str, mint: str, owner: str) -> BurnProof:
    check = Check("V1", "Finalized", Outcome.PASS, None, "At slot 42.", {"slot": 42, "text": "ä"})
    return BurnProof(f"{upgrade_id}-burn", mint, 42, owner, (check,))


def msk_event(events: Iterable[UpgradeEvent], *, first_offset: int = 0) -> dict[str, Any]:
    """The events as Lambda hands over MSK's records."""
    records: dict[str, list[dict[str, Any]]] = {}
    for offset, event in enumerate(events, first_offset):
        record = to_record(event)
        place = {"topic": record.topic, "partition": 0, "offset": offset}
        facts = {
            "timestamp": int(event.occurred_at.timestamp() * 1000),
            "timestampType": "CREATE_TIME",
            "headers": [{"eventId": list(event.event_id.encode())}],
            "key": base64.b64encode(record.message_key).decode(),
            "value": base64.b64encode(record.value).decode(),
        }
        records.setdefault(f"{record.topic}-0", []).append({**place, **facts})
    return {"eventSource": "aws:kafka", "eventSourceArn": "arn", "records": records}


def poison_event(text: str = "not JSON", topic: str = "nft-upgrade-progress") -> dict[str, Any]:
    """A batch with one record nobody can read."""
    value = base64.b64encode(text.encode()).decode()
    record = {"topic": topic, "partition": 0, "offset": 99, "value": value}
    return {"eventSource": "aws:kafka", "records": {f"{topic}-0": [record]}}


def merged(*payloads: Mapping[str, Any]) -> dict[str, Any]:
    """Several batches as one."""
    records: dict[str, list[Any]] = {}
    for payload in payloads:
        for place, those in payload["records"].items():
            records.setdefault(place, []).extend(those)
    return {"eventSource": "aws:kafka", "records": records}


def stream_event(
    events: Iterable[UpgradeEvent], *, name: str = "INSERT", first: int = 100
) -> dict[str, Any]:
    """The events as inserts of a DynamoDB stream; read them back with `event_in_image`."""
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventName": name,
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "SequenceNumber": str(number),
                    "Keys": _keys(event),
                    "NewImage": {**_keys(event), "text": {"S": to_record(event).value.decode()}},
                },
            }
            for number, event in enumerate(events, first)
        ]
    }


def event_in_image(image: Mapping[str, Any]) -> UpgradeEvent:
    """The event that `stream_event` put there; ValueError when it is none."""
    from nft_upgrade.messages import from_record

    return from_record(json.dumps(json.loads(image["text"]["S"])))


def _keys(event: UpgradeEvent) -> dict[str, Any]:
    return {"upgrade_id": {"S": event.upgrade_id}, "entry": {"S": f"EVENT#{event.sequence:08d}"}}


def _retold(template: UpgradeEvent, type_: EventType) -> UpgradeEvent:
    failed = type_ in FAILED
    return replace(
        template,
        type=type_,
        status=STATUS_AFTER[type_],
        data=template.data if type_ is EventType.UPGRADE_COMPLETED else _proof_data(template),
        error_code=FAILURE.code if failed else None,
        error_type=FAILURE.error_type if failed else None,
        error_message=FAILURE.message if failed else None,
        retryable=True if failed else None,
    ).sealed()


def _proof_data(template: UpgradeEvent) -> Mapping[str, Any]:
    proof = burn_proof(template.upgrade_id, template.nft_id, template.user_id)
    return {"proof": proof.as_json()}


def _nft(mint: str, owner: str, level: int, at: datetime) -> Nft:
    return Nft(
        mint=mint,
        owner=owner,
        level=level,
        status=NftStatus.ACTIVE,
        version=1,
        token_program="program",
        mint_base="base",
        created_at=at,
        updated_at=at,
    )


def _opened(upgrade_id: str, nft: Nft, at: datetime) -> Upgrade:
    return Upgrade(
        id=upgrade_id,
        user_id=nft.owner,
        nft_id=nft.mint,
        current_level=nft.level,
        target_level=nft.level + 1,
        status=Status.INITIATED,
        version=1,
        token_program=nft.token_program,
        mint_base=nft.mint_base,
        successor=f"{upgrade_id}-nft-{nft.level + 1}",
        opened_slot=10,
        created_at=at,
        updated_at=at,
        expires_at=at + timedelta(minutes=30),
    )


class FakePublisher:
    """`Publisher` that keeps what it accepted; `fail` names events it refuses, `len` counts."""

    def __init__(self) -> None:
        self.events: list[UpgradeEvent] = []
        self.fail: dict[str, str] = {}

    def publish(self, events: Sequence[UpgradeEvent]) -> Mapping[str, str | None]:
        results: dict[str, str | None] = {}
        stopped: set[str] = set()
        for event in events:
            error = "held back" if event.user_id in stopped else self.fail.get(event.event_id)
            results[event.event_id] = error
            if error:
                stopped.add(event.user_id)
            else:
                self.events.append(event)
        return results

    def __len__(self) -> int:
        return len(self.events)

    def __contains__(self, event: UpgradeEvent) -> bool:
        return event in self.events


class FakeAuditTrail:
    """`AuditTrail`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], AuditEntry] = {}

    def entry(self, upgrade_id: str, sequence: int) -> AuditEntry | None:
        return self.kept.get((upgrade_id, sequence))

    def append(self, entry: AuditEntry) -> bool:
        place = (entry.event.upgrade_id, entry.event.sequence)
        return self.kept.setdefault(place, entry) is entry

    def entries(self, upgrade_id: str) -> Sequence[AuditEntry]:
        return [entry for (id_, _), entry in sorted(self.kept.items()) if id_ == upgrade_id]

    def __len__(self) -> int:
        return len(self.kept)


class FakeAuditArchive:
    """`AuditArchive`."""

    def __init__(self) -> None:
        self.kept: dict[str, AuditEntry] = {}

    def keep(self, entry: AuditEntry) -> None:
        self.kept.setdefault(entry.event.event_id, entry)


class FakeNotifications:
    """`Notifications`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Notification] = {}

    def begin(self, notification: Notification) -> NotificationStatus | None:
        place = (notification.event_id, notification.channel)
        there = self.kept.get(place)
        if there and there.status is not NotificationStatus.UNSENT:
            return there.status
        self.kept[place] = notification
        return None

    def settle(self, notification: Notification) -> None:
        self.kept[(notification.event_id, notification.channel)] = notification

    def notifications(self, user_id: str) -> Sequence[Notification]:
        return [kept for _, kept in sorted(self.kept.items()) if kept.user_id == user_id]


class FakeDeadLetters:
    """`DeadLetters`."""

    def __init__(self) -> None:
        self.buried: list[DeadLetter] = []
        self.is_down = False

    def bury(self, letter: DeadLetter) -> None:
        if self.is_down:
            raise DeadLettersUnavailable("no broker")
        if letter.letter_id not in {one.letter_id for one in self.buried}:
            self.buried.append(letter)

    def letters(self, consumer: str) -> Sequence[DeadLetter]:
        return [letter for letter in self.buried if letter.consumer == consumer]


class FakeMeter:
    """`Meter`; `counts[name]`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, name: str, consumer: str) -> None:
        self.counts[name] += 1


class FixedClock:
    """`Clock` that stands still until told."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
