"""The JSON that routes answer, and how it is made of what the use cases return."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainSerializer

from nft_upgrade.domain.events import UpgradeEvent, iso
from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Failure, Mode, Status, Upgrade
from nft_upgrade.http.schemas_in import BASE64, MINT, Wire
from nft_upgrade.use_cases.opening import Eligibility, Opened

UPGRADE_ID = "01KAXE6M2T8V4N9Q5R7S3W1Y0Z"
Moment = Annotated[datetime, PlainSerializer(iso, return_type=str)]


class Success(Wire):
    """Every success says so."""

    success: bool = True


class SignInInput(Wire):
    """The Wallet Standard's `SolanaSignInInput`; hand it to the wallet as it is."""

    domain: str
    address: str
    statement: str
    uri: str
    version: str
    chain_id: str
    nonce: str
    issued_at: str
    expiration_time: str
    not_before: str


class ChallengeAnswer(Success):
    input: SignInInput


class User(Wire):
    """A user is a wallet: both are its address."""

    id: str
    wallet: str


class SessionAnswer(Success):
    access_token: str
    expires_at: Moment
    user: User


class NftView(Wire):
    """One NFT as the registry last saw it."""

    nft_id: str = Field(examples=[MINT])
    level: int
    name: str
    status: NftStatus
    version: int
    predecessor: str | None
    successor: str | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, nft: Nft, catalogue: Catalogue) -> "NftView":
        return cls(
            nft_id=nft.mint,
            level=nft.level,
            name=catalogue.name_of(nft.level),
            status=nft.status,
            version=nft.version,
            predecessor=nft.predecessor,
            successor=nft.successor,
            created_at=nft.created_at,
            updated_at=nft.updated_at,
        )


class NftsAnswer(Success):
    nfts: Sequence[NftView]


class BlockerView(Wire):
    """`code` is the code of the error that opening would answer with."""

    code: str
    message: str


class EligibilityAnswer(Success):
    """`currentLevel` is 0 for a wallet without an NFT."""

    can_upgrade: bool
    current_level: int
    target_level: int
    requirements: Mapping[str, Any]
    blockers: Sequence[BlockerView]

    @classmethod
    def of(cls, eligibility: Eligibility) -> "EligibilityAnswer":
        return cls(
            can_upgrade=eligibility.can_upgrade,
            current_level=eligibility.current_level,
            target_level=eligibility.target_level,
            requirements=eligibility.requirements,
            blockers=[BlockerView(code=b.code, message=b.message) for b in eligibility.blockers],
        )


BURN_TO_GO_ON = "Upgrade opened. Burn your NFT in your wallet to go on."
SIGN_AND_SUBMIT = "Upgrade opened. Sign the transaction in your wallet and submit it to go on."


class OpenAnswer(Success):
    """For the wallet, unsigned, base64: `burnTransaction` to sign and send, or in atomic mode
    `atomicTransaction` to sign and submit; the other one is null."""

    upgrade_request_id: str = Field(examples=[UPGRADE_ID])
    status: Status
    message: str
    burn_transaction: str | None = Field(examples=[BASE64])
    atomic_transaction: str | None = Field(examples=[None])
    expires_at: Moment
    events_url: str = Field(examples=[f"/api/nft/upgrade/{UPGRADE_ID}/events"])

    @classmethod
    def of(cls, opened: Opened) -> "OpenAnswer":
        upgrade = opened.upgrade
        is_atomic = upgrade.mode is Mode.ATOMIC
        transaction = b64encode(opened.transaction).decode()
        return cls(
            upgrade_request_id=upgrade.id,
            status=upgrade.status,
            message=SIGN_AND_SUBMIT if is_atomic else BURN_TO_GO_ON,
            burn_transaction=None if is_atomic else transaction,
            atomic_transaction=transaction if is_atomic else None,
            expires_at=upgrade.expires_at,
            events_url=f"/api/nft/upgrade/{upgrade.id}/events",
        )


class BurnTransactionAnswer(Success):
    burn_transaction: str = Field(examples=[BASE64], description="Unsigned, base64.")


class AtomicTransactionAnswer(Success):
    atomic_transaction: str = Field(examples=[BASE64], description="Unsigned, base64.")


class StepAnswer(Success):
    """Where an upgrade stands after a step. `code` names what the step led to."""

    upgrade_request_id: str = Field(examples=[UPGRADE_ID])
    status: Status
    code: str
    message: str


class ErrorDetails(Wire):
    """Why the last step did not succeed."""

    code: str
    error_type: str
    message: str
    retryable: bool

    @classmethod
    def of(cls, failure: Failure | None) -> "ErrorDetails | None":
        if failure is None:
            return None
        return cls(
            code=failure.code,
            error_type=failure.error_type,
            message=failure.message,
            retryable=failure.retryable,
        )


class UpgradeView(Wire):
    """One upgrade request. Transaction hashes are Solana signatures, base58."""

    id: str = Field(examples=[UPGRADE_ID])
    status: Status
    mode: Mode
    current_nft_id: str = Field(examples=[MINT])
    current_level: int
    target_level: int
    burn_transaction_hash: str | None
    mint_transaction_hash: str | None
    new_nft_id: str | None
    retry_count: int
    max_retries: int
    error_details: ErrorDetails | None
    created_at: Moment
    updated_at: Moment
    expires_at: Moment

    @classmethod
    def of(cls, upgrade: Upgrade) -> "UpgradeView":
        return cls(
            id=upgrade.id,
            status=upgrade.status,
            mode=upgrade.mode,
            current_nft_id=upgrade.nft_id,
            current_level=upgrade.current_level,
            target_level=upgrade.target_level,
            burn_transaction_hash=upgrade.burn_signature,
            mint_transaction_hash=upgrade.mint_signature,
            new_nft_id=upgrade.new_nft_id,
            retry_count=upgrade.retry_count,
            max_retries=upgrade.max_retries,
            error_details=ErrorDetails.of(upgrade.failure),
            created_at=upgrade.created_at,
            updated_at=upgrade.updated_at,
            expires_at=upgrade.expires_at,
        )


class HistoryEntry(Wire):
    """One step of the past; `sequence` is the SSE message's id."""

    sequence: int
    type: str
    status: str
    message: str
    timestamp: Moment
    code: str | None

    @classmethod
    def of(cls, event: UpgradeEvent) -> "HistoryEntry":
        return cls(
            sequence=event.sequence,
            type=event.type.value,
            status=event.status,
            message=event.message,
            timestamp=event.occurred_at,
            code=event.error_code,
        )


class StatusAnswer(Success):
    upgrade_request: UpgradeView
    status_history: Sequence[HistoryEntry]
    can_retry: bool

    @classmethod
    def of(cls, upgrade: Upgrade, events: Sequence[UpgradeEvent]) -> "StatusAnswer":
        return cls(
            upgrade_request=UpgradeView.of(upgrade),
            status_history=[HistoryEntry.of(event) for event in events],
            can_retry=upgrade.status is Status.FAILED_RETRYABLE,
        )


class RequestsAnswer(Success):
    """Newest first; `nextCursor` is null on the last page."""

    requests: Sequence[UpgradeView]
    next_cursor: str | None


class TicketAnswer(Success):
    """Opens one stream, once, within 30 s: `<eventsUrl>?ticket=<ticket>`."""

    ticket: str
    expires_at: Moment


class HealthAnswer(Success):
    timestamp: Moment


class JwksAnswer(BaseModel):
    """RFC 7517."""

    keys: Sequence[Mapping[str, Any]]
