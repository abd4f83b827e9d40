"""The JSON of the operators' API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from nft_upgrade.domain.burn import BurnProof
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.operations import Act, JournalEntry
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.http.schemas import UPGRADE_ID, Moment, Success
from nft_upgrade.http.schemas_in import Wire
from nft_upgrade.ports import MintAttempt
from nft_upgrade.use_cases.watching import Case, Overview, People, is_stuck, waits_since


class ReasonRequest(Wire):
    """Why; kept for good. Users read the reason of a pause and of a refusal."""

    reason: Annotated[
        str, StringConstraints(strict=True, strip_whitespace=True, min_length=3, max_length=500)
    ] = Field(examples=["The owner signed the delegation; shown by mail."])


class MintingView(Wire):
    is_paused: bool
    reason: str | None


class WalletView(Wire):
    """The system wallet; null: not known just now."""

    address: str | None
    lamports: int | None


class PeopleView(Wire):
    """Who waits after a burn. `stuck`: for more than ten minutes."""

    waiting: int
    oldest_seconds: float
    stuck: int
    under_review: int


class EventsView(Wire):
    """`unpublished`: not in Kafka yet. `recordsBehind`: in Kafka, not taken by that consumer yet;
    null: not known just now."""

    unpublished: int
    oldest_seconds: float
    records_behind: Mapping[str, int | None]


class OverviewAnswer(Success):
    at: Moment
    operator: str
    minting: MintingView
    wallet: WalletView
    active_requests: int
    people: PeopleView
    events: EventsView
    relay_streams: int | None

    @classmethod
    def of(cls, overview: Overview, operator: str) -> "OverviewAnswer":
        people, backlog = overview.people, overview.backlog
        return cls(
            at=overview.at,
            operator=operator,
            minting=MintingView(is_paused=overview.paused is not None, reason=overview.paused),
            wallet=WalletView(address=overview.wallet, lamports=overview.lamports),
            active_requests=overview.active,
            people=PeopleView(
                waiting=len(people.waiting),
                oldest_seconds=people.oldest_seconds,
                stuck=people.stuck,
                under_review=people.held,
            ),
            events=EventsView(
                unpublished=backlog.unpublished,
                oldest_seconds=backlog.oldest_seconds,
                records_behind=overview.readings.records_behind,
            ),
            relay_streams=overview.readings.relay_streams,
        )


class CaseView(Wire):
    """One who waits. `canRetry`, `canDecide`: what an operator can do about it now."""

    id: str = Field(examples=[UPGRADE_ID])
    status: Status
    user_id: str
    current_nft_id: str
    successor: str
    current_level: int
    target_level: int
    waits_since: Moment
    waited_seconds: float
    is_stuck: bool
    retry_count: int
    burn_transaction_hash: str | None
    error_code: str | None
    error_message: str | None
    can_retry: bool
    can_decide: bool

    @classmethod
    def of(cls, upgrade: Upgrade, now: datetime) -> "CaseView":
        failure = upgrade.failure
        return cls(
            id=upgrade.id,
            status=upgrade.status,
            user_id=upgrade.user_id,
            current_nft_id=upgrade.nft_id,
            successor=upgrade.successor,
            current_level=upgrade.current_level,
            target_level=upgrade.target_level,
            waits_since=waits_since(upgrade),
            waited_seconds=(now - waits_since(upgrade)).total_seconds(),
            is_stuck=is_stuck(upgrade, now),
            retry_count=upgrade.retry_count,
            burn_transaction_hash=upgrade.burn_signature,
            error_code=failure.code if failure else None,
            error_message=failure.message if failure else None,
            can_retry=upgrade.status is Status.FAILED_RETRYABLE,
            can_decide=upgrade.status is Status.UNDER_REVIEW,
        )


class CasesAnswer(Success):
    """The longest wait first; `total` counts all of them."""

    total: int
    requests: Sequence[CaseView]
    next_cursor: str | None

    @classmethod
    def of(cls, people: People, page: Sequence[Upgrade], limit: int) -> "CasesAnswer":
        return cls(
            total=len(people.waiting),
            requests=[CaseView.of(upgrade, people.now) for upgrade in page],
            next_cursor=page[-1].id if len(page) == limit else None,
        )


class StepView(Wire):
    """One event of the history; `review`: who decided it and why."""

    sequence: int
    type: str
    status: str
    message: str
    at: Moment
    review: Mapping[str, str] | None

    @classmethod
    def of(cls, event: UpgradeEvent) -> "StepView":
        return cls(
            sequence=event.sequence,
            type=event.type.value,
            status=event.status,
            message=event.message,
            at=event.occurred_at,
            review=event.data.get("review"),
        )


class AttemptView(Wire):
    """One mint transaction; it can no longer land past `lastValidBlockHeight`."""

    number: int
    at: Moment
    last_valid_block_height: int
    is_signed: bool

    @classmethod
    def of(cls, attempt: MintAttempt) -> "AttemptView":
        return cls(
            number=attempt.number,
            at=attempt.created_at,
            last_valid_block_height=attempt.last_valid_block_height,
            is_signed=attempt.signature is not None,
        )


class CaseAnswer(Success):
    """`burnProof`: the last one that was kept, all checks with their evidence."""

    request: CaseView
    history: Sequence[StepView]
    attempts: Sequence[AttemptView]
    burn_proof: Mapping[str, Any] | None

    @classmethod
    def of(cls, case: Case) -> "CaseAnswer":
        return cls(
            request=CaseView.of(case.upgrade, case.at),
            history=[StepView.of(event) for event in case.events],
            attempts=[AttemptView.of(attempt) for attempt in case.attempts],
            burn_proof=case.proof,
        )


class LiveProofAnswer(Success):
    """The burn as the chain shows it now."""

    burn_proof: Mapping[str, Any]

    @classmethod
    def of(cls, proof: BurnProof) -> "LiveProofAnswer":
        return cls(burn_proof=proof.as_json())


class ActAnswer(Success):
    """What the upgrade is after the act; null after a pause or a resumption."""

    message: str
    status: Status | None


class EntryView(Wire):
    """What an operator asked for; what came of it is in the upgrade's history."""

    number: int
    act: Act
    operator: str
    reason: str
    at: Moment
    upgrade_request_id: str | None

    @classmethod
    def of(cls, entry: JournalEntry) -> "EntryView":
        return cls(
            number=entry.number,
            act=entry.act,
            operator=entry.operator,
            reason=entry.reason,
            at=entry.asked_at,
            upgrade_request_id=entry.upgrade_id,
        )


class JournalAnswer(Success):
    """Newest first. `isSound`: these entries follow each other by their hashes."""

    is_sound: bool
    entries: Sequence[EntryView]
    next_cursor: str | None

    @classmethod
    def of(cls, entries: Sequence[JournalEntry], is_sound: bool, limit: int) -> "JournalAnswer":
        has_more = len(entries) == limit and entries[-1].number > 1
        return cls(
            is_sound=is_sound,
            entries=[EntryView.of(entry) for entry in entries],
            next_cursor=str(entries[-1].number) if has_more else None,
        )
