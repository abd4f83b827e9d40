"""An upgrade request: its statuses, the edges between them, and what each step changes.

A method named after the business step checks the edge and returns a `Transition`; storage
commits it as one transaction or not at all. No edge leads from a proven burn to a permanent
failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from nft_upgrade.domain.burn import BurnProof
from nft_upgrade.domain.errors import (
    CannotCancelAfterBurn,
    ErrorType,
    NotRetryable,
    WrongStatus,
)
from nft_upgrade.domain.events import GENESIS_HASH, EventType, UpgradeEvent
from nft_upgrade.domain.nft import Nft, NftStatus


class Status(StrEnum):
    """Where an upgrade stands (docs/architecture.md)."""

    INITIATED = "initiated"
    """Open; the user has not claimed a burn yet."""
    BURN_PENDING = "burn_pending"
    """A signature is claimed; whether it burned the NFT is not decided yet."""
    BURN_CONFIRMED = "burn_confirmed"
    """The burn is proven at finalized commitment: the successor is owed."""
    MINT_PENDING = "mint_pending"
    """A mint attempt is written down and may be on its way."""
    COMPLETED = "completed"
    """The successor is minted at finalized commitment. Final."""
    CANCELLED = "cancelled"
    """Given up by the user before a burn; a late burn is still honoured."""
    EXPIRED = "expired"
    """Nobody burned in time; a late burn is still honoured."""
    UNDER_REVIEW = "under_review"
    """Burned, but not by the owner's own hand: an operator decides."""
    FAILED_RETRYABLE = "failed_retryable"
    """Burned, but the last mint attempt failed; it is tried again for ever."""
    FAILED_PERMANENT = "failed_permanent"
    """Ended before any burn by something that cannot change. Final."""


S = Status
EDGES: Mapping[Status, frozenset[Status]] = {
    S.INITIATED: frozenset(
        {S.BURN_PENDING, S.BURN_CONFIRMED, S.CANCELLED, S.EXPIRED, S.FAILED_PERMANENT}
    ),
    S.BURN_PENDING: frozenset(
        {
            S.BURN_CONFIRMED,
            S.INITIATED,
            S.UNDER_REVIEW,
            S.CANCELLED,
            S.EXPIRED,
            S.FAILED_PERMANENT,
        }
    ),
    S.UNDER_REVIEW: frozenset({S.BURN_CONFIRMED, S.INITIATED, S.FAILED_PERMANENT}),
    S.BURN_CONFIRMED: frozenset({S.MINT_PENDING, S.FAILED_RETRYABLE}),
    S.MINT_PENDING: frozenset({S.COMPLETED, S.FAILED_RETRYABLE}),
    S.FAILED_RETRYABLE: frozenset({S.MINT_PENDING}),
    S.CANCELLED: frozenset({S.BURN_CONFIRMED}),
    S.EXPIRED: frozenset({S.BURN_CONFIRMED}),
    S.COMPLETED: frozenset(),
    S.FAILED_PERMANENT: frozenset(),
}
"""Every edge there is. `initiated -> burn_confirmed` is a burn the watcher proved by itself."""

ACTIVE = frozenset(
    {
        S.INITIATED,
        S.BURN_PENDING,
        S.BURN_CONFIRMED,
        S.MINT_PENDING,
        S.FAILED_RETRYABLE,
        S.UNDER_REVIEW,
    }
)
"""Statuses that hold the user's and the NFT's lock."""
BURNED = frozenset({S.BURN_CONFIRMED, S.MINT_PENDING, S.FAILED_RETRYABLE, S.COMPLETED})
"""Statuses after a proven burn."""
TERMINAL = frozenset({S.COMPLETED, S.CANCELLED, S.EXPIRED, S.FAILED_PERMANENT})
"""Statuses after which a stream is ended."""


class LockKind(StrEnum):
    """What a lock item excludes. Burn and signature locks are permanent."""

    USER = "USER"
    """One active upgrade per user; holder: the upgrade's id."""
    NFT = "NFT"
    """One active upgrade per NFT; holder: the upgrade's id."""
    BURN = "BURN"
    """One redeemed burn per NFT, for ever; holder: the upgrade's id."""
    SIGNATURE = "SIG"
    """One proven use per burn signature and NFT, for ever; holder: the upgrade's id."""
    OWNER = "OWNER"
    """One active tiered NFT per user; holder: the NFT's mint."""
    CLAIM = "CLAIM"
    """One first NFT per claim id, for ever; holder: its recipient's wallet."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock item: `kind` and `name` are its identity, `holder` says whose it is."""

    kind: LockKind
    name: str
    holder: str

    @property
    def item(self) -> str:
        """The item's key, for example `USER#<wallet>`."""
        return f"{self.kind}#{self.name}"


@dataclass(frozen=True, slots=True)
class NftChange:
    """One registry row's change; `before` is None for a new row, else version-checked."""

    before: Nft | None
    after: Nft


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last step did not succeed, as told to user and consumers."""

    code: str
    error_type: ErrorType
    message: str
    retryable: bool


class Mode(StrEnum):
    """How a burn comes about."""

    TWO_STEP = "two_step"
    """The user burns, then confirms; we mint. The default."""
    ATOMIC = "atomic"
    """Burn and mint in one transaction, which the user signs first and we send."""
    CLAIM = "claim"
    """Burned outside any request."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A burn-and-mint transaction as the owner's wallet signed it; written before we sign it.

    `token_account` and `rent` (lamports) are what it was checked against, `cosignature` is the
    system wallet's (None until stored: before that nothing can land). Past
    `last_valid_block_height` it never can.
    """

    transaction: bytes
    token_account: str
    rent: int
    last_valid_block_height: int
    cosignature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """An operator's decision: on a burn that only a human may accept, or to try a mint again. It
    goes into the audit record.

    `operator` is who decided (as the operator's tools know them), `reason` a sentence for later.
    """

    operator: str
    reason: str

    def as_json(self) -> Mapping[str, Any]:
        """As an event's data holds it."""
        return {"review": {"operator": self.operator, "reason": self.reason}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """One upgrade request. `version` equals the sequence of its last event.

    `successor` is the address the next NFT will have, known before the burn (chain.md section 2).
    `opened_slot` orders the burn after the request; `claimed_height` is the finalized block height
    when the claimed burn was first looked for and not decided (None before), from which "that
    signature can no longer land" is derived. `run` numbers
    the workflow executions. `due_at` is when the sweep looks at the request next; None: never.
    """

    id: str
    user_id: str
    nft_id: str
    current_level: int
    target_level: int
    status: Status
    version: int
    token_program: str
    mint_base: str
    successor: str
    opened_slot: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    mode: Mode = Mode.TWO_STEP
    run: int = 1
    retry_count: int = 0
    max_retries: int = 3
    burn_signature: str | None = None
    burn_slot: int | None = None
    claimed_height: int | None = None
    burned_at: datetime | None = None
    mint_signature: str | None = None
    failure: Failure | None = None
    submitted: Submitted | None = None
    """Atomic mode: the transaction whose fate is not decided yet."""
    due_at: datetime | None = None
    last_event_hash: str = GENESIS_HASH

    @property
    def is_active(self) -> bool:
        """Whether it holds its locks."""
        return self.status in ACTIVE

    @property
    def new_nft_id(self) -> str | None:
        """The successor's mint, once it is minted."""
        return self.successor if self.status is S.COMPLETED else None

    @property
    def user_lock(self) -> Lock:
        return Lock(LockKind.USER, self.user_id, self.id)

    @property
    def nft_lock(self) -> Lock:
        return Lock(LockKind.NFT, self.nft_id, self.id)

    # --- bookkeeping: no facts about the upgrade, so no event -------------------------------

    def looked_at_again(self, moment: datetime | None) -> "Upgrade":
        """The same upgrade, with the sweep's next look at `moment` (None: never)."""
        return replace(self, due_at=moment)

    def claimed_at_height(self, height: int) -> "Upgrade":
        """The same upgrade, with the finalized height from which its claim can go stale."""
        return replace(self, claimed_height=height)

    def cosigned(self, cosignature: bytes) -> "Upgrade":
        """The same upgrade, its transaction signed by the system wallet and ready to be sent."""
        if self.submitted is None:
            raise WrongStatus("No transaction is submitted.")
        return replace(self, submitted=replace(self.submitted, cosignature=cosignature))

    @property
    def awaits_cosignature(self) -> bool:
        """Whether a submitted transaction is to be signed by the system wallet."""
        return (
            self.status is S.BURN_PENDING
            and self.submitted is not None
            and self.submitted.cosignature is None
        )

    def run_again(self, *, at: datetime) -> "Upgrade":
        """The same upgrade, to be driven by a new execution."""
        return replace(self, run=self.run + 1, due_at=at + STEP_PATIENCE)

    # --- the steps -------------------------------------------------------------------------

    def claim_burn(self, signature: str, *, height: int | None, at: datetime) -> "Transition":
        """The user names the burn's signature; nothing is believed yet."""
        return self._step(
            S.BURN_PENDING,
            EventType.BURN_PENDING,
            "Your burn was received and is being verified on Solana.",
            at=at,
            due_in=CLAIM_PATIENCE,
            burn_signature=signature,
            claimed_height=height,
            failure=None,
        )

    def submit(self, submitted: Submitted, signature: str, *, at: datetime) -> "Transition":
        """Atomic mode: the owner signed the burn and the mint together; `signature` is theirs and
        names the transaction. Claim and transaction are written as one, before we sign."""
        return self._step(
            S.BURN_PENDING,
            EventType.BURN_PENDING,
            "Your signed transaction was received and is being sent to Solana.",
            at=at,
            due_in=SUBMIT_PATIENCE,
            burn_signature=signature,
            submitted=submitted,
            failure=None,
        )

    def prove_burn(
        self, proof: BurnProof, *, nft: Nft, at: datetime, review: Review | None = None
    ) -> "Transition":
        """All checks passed: the successor is owed from here on, and the recipient is frozen.

        `review`: a human accepted what no machine may.

        From `cancelled` or `expired` (a late burn) the NFT's lock is taken again; the user's is
        not, because the user may have opened another upgrade meanwhile and must not be refused.
        """
        late = not self.is_active
        takes = (
            Lock(LockKind.BURN, self.nft_id, self.id),
            Lock(LockKind.SIGNATURE, f"{proof.signature}#{self.nft_id}", self.id),
        )
        return self._step(
            S.BURN_CONFIRMED,
            EventType.BURN_CONFIRMED,
            "Your burn is final. The next level is being minted.",
            at=at,
            due_in=STEP_PATIENCE,
            takes=(*takes, self.nft_lock) if late else takes,
            nfts=(NftChange(nft, self._burned(nft, proof, at)),),
            data=_decided_by(proof, review),
            burn_signature=proof.signature,
            burn_slot=proof.slot,
            burned_at=at,
            submitted=None,
            failure=None,
        )

    def reject_burn(
        self, failure: Failure, *, at: datetime, proof: BurnProof, review: Review | None = None
    ) -> "Transition":
        """The claimed signature was no burn of this NFT: open again, nothing lost.

        `review`: a human refused it.

        The next claim is another run: an execution's name cannot be used again.
        """
        return self._step(
            S.INITIATED,
            EventType.BURN_REJECTED,
            failure.message,
            at=at,
            due_in=WATCH_INTERVAL,
            data=_decided_by(proof, review),
            run=self.run + 1,
            burn_signature=None,
            claimed_height=None,
            submitted=None,
            failure=failure,
        )

    def review_burn(self, proof: BurnProof, *, at: datetime) -> "Transition":
        """Burned by a delegate or multisig: held for an operator."""
        return self._step(
            S.UNDER_REVIEW,
            EventType.UNDER_REVIEW,
            "Your burn needs a check by our team. Nothing is lost.",
            at=at,
            due_in=None,
            data={"proof": proof.as_json()},
        )

    def start_mint(self, *, at: datetime) -> "Transition":
        """The first mint attempt begins."""
        self._require(S.BURN_CONFIRMED)
        return self._step(
            S.MINT_PENDING,
            EventType.MINT_STARTED,
            "Minting your next level.",
            at=at,
            due_in=STEP_PATIENCE,
            failure=None,
        )

    def require_retryable(self) -> None:
        """NotRetryable unless an attempt to mint has failed."""
        if self.status is not S.FAILED_RETRYABLE:
            raise NotRetryable(f"An upgrade that is {self.status} cannot be retried.")

    def require_held(self) -> str:
        """The burn that a human has to decide on; WrongStatus when there is none."""
        if self.status is not S.UNDER_REVIEW or self.burn_signature is None:
            raise WrongStatus(f"There is nothing to review: the upgrade is {self.status}.")
        return self.burn_signature

    def retry(self, *, at: datetime, review: Review | None = None) -> "Transition":
        """Another go after a failed attempt; allowed without limit after a burn.

        `review`: an operator asked for it.
        """
        self.require_retryable()
        return self._step(
            S.MINT_PENDING,
            EventType.RETRY_STARTED,
            "Trying the mint again.",
            at=at,
            due_in=STEP_PATIENCE,
            data=review.as_json() if review else None,
            retry_count=self.retry_count + 1,
            run=self.run + 1,
            failure=None,
        )

    def fail_mint(self, failure: Failure, *, at: datetime) -> "Transition":
        """The mint did not get through this time. Late, not lost."""
        return self._step(
            S.FAILED_RETRYABLE,
            EventType.MINT_FAILED_RETRYABLE,
            failure.message,
            at=at,
            due_in=retry_delay(self.retry_count),
            failure=failure,
        )

    def complete(
        self,
        mint_signature: str,
        *,
        successor: Nft,
        holds_owner_lock: bool,
        at: datetime,
        known: Nft | None = None,
    ) -> "Transition":
        """The successor is minted and finalized. `known`: its registry row where it has one already
        (the registry was rebuilt from the chain meanwhile); `successor` is then that row's change.

        `holds_owner_lock`: whether the user's one-NFT lock still names the predecessor; then it
        moves to the successor, else (a claim by a wallet that owns another NFT) it stays.
        """
        moves = (Lock(LockKind.OWNER, self.user_id, self.successor),) if holds_owner_lock else ()
        return self._step(
            S.COMPLETED,
            EventType.UPGRADE_COMPLETED,
            "Your NFT upgrade is complete!",
            at=at,
            due_in=None,
            releases=(self.user_lock, self.nft_lock),
            moves=moves,
            nfts=(NftChange(known, successor),),
            data={
                "oldLevel": self.current_level,
                "newLevel": self.target_level,
                "newNftId": self.successor,
                "mintTransactionHash": mint_signature,
            },
            mint_signature=mint_signature,
            failure=None,
        )

    def cancel(self, *, nft: Nft, at: datetime) -> "Transition":
        """Given up before a burn; the caller has proven "not burned" at finalized."""
        if self.status in BURNED or self.status is S.UNDER_REVIEW:
            raise CannotCancelAfterBurn("The burn is proven: your next NFT is owed to you.")
        return self._give_up(S.CANCELLED, EventType.UPGRADE_CANCELLED, "Cancelled.", nft, at)

    def expire(self, *, nft: Nft, at: datetime) -> "Transition":
        """Nobody burned in time; the caller has proven "not burned" at finalized."""
        message = "The request expired before a burn. You can open a new one."
        return self._give_up(S.EXPIRED, EventType.UPGRADE_EXPIRED, message, nft, at)

    def fail_permanently(
        self, failure: Failure, *, nft: Nft, proof: BurnProof, at: datetime
    ) -> "Transition":
        """Ended before any burn of the user's; `proof` shows at finalized why there can be none."""
        return self._give_up(
            S.FAILED_PERMANENT,
            EventType.UPGRADE_FAILED,
            failure.message,
            nft,
            at,
            failure,
            {"proof": proof.as_json()},
        )

    # --- how a step is made ----------------------------------------------------------------

    def _burned(self, nft: Nft, proof: BurnProof, at: datetime) -> Nft:
        return nft.burned(successor=self.successor, burn_signature=proof.signature, at=at)

    def _give_up(
        self,
        status: Status,
        type_: EventType,
        message: str,
        nft: Nft,
        at: datetime,
        failure: Failure | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> "Transition":
        return self._step(
            status,
            type_,
            message,
            at=at,
            due_in=LATE_BURN_WATCH if status is not S.FAILED_PERMANENT else None,
            releases=(self.user_lock, self.nft_lock),
            nfts=(NftChange(nft, nft.moved_to(NftStatus.ACTIVE, at=at)),),
            data=data,
            failure=failure,
        )

    def _require(self, *statuses: Status) -> None:
        if self.status not in statuses:
            raise WrongStatus(f"Not possible while the upgrade is {self.status}.")

    def _step(
        self,
        status: Status,
        type_: EventType,
        message: str,
        *,
        at: datetime,
        due_in: timedelta | None,
        takes: tuple[Lock, ...] = (),
        releases: tuple[Lock, ...] = (),
        moves: tuple[Lock, ...] = (),
        nfts: tuple[NftChange, ...] = (),
        data: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> "Transition":
        if status not in EDGES[self.status]:
            raise WrongStatus(f"An upgrade that is {self.status} cannot become {status}.")
        moved = replace(
            self,
            status=status,
            version=self.version + 1,
            updated_at=at,
            due_at=None if due_in is None else at + due_in,
            **changes,
        )
        return _sealed(self, moved, type_, message, takes, releases, moves, nfts, data or {})


CLAIM_PATIENCE = timedelta(seconds=60)
"""How long a claimed burn's execution may take before the sweep asks."""
SUBMIT_PATIENCE = timedelta(seconds=15)
"""The same for a submitted transaction, which lives for less than a minute."""
STEP_PATIENCE = timedelta(seconds=60)
"""How long a mint's execution may stay silent before the sweep asks."""
WATCH_INTERVAL = timedelta(seconds=30)
"""How often an open request's mint is watched for a burn nobody confirmed."""
LATE_BURN_WATCH = timedelta(minutes=5)
"""First look for a late burn after a request was given up."""


def retry_delay(retries: int) -> timedelta:
    """Back-off before the sweep's next own retry: 4 s doubling to one hour, for ever."""
    return timedelta(seconds=min(4 * 2 ** min(retries, 12), 3600))


@dataclass(frozen=True, slots=True)
class Transition:
    """Everything one TransactWrite must do, or nothing of it.

    `takes`: locks that must not exist (or already be this holder's); `releases`: locks deleted if
    they are this holder's; `moves`: owner locks whose holder changes from `before.nft_id`.
    """

    before: Upgrade | None
    after: Upgrade
    event: UpgradeEvent
    takes: tuple[Lock, ...] = ()
    releases: tuple[Lock, ...] = ()
    moves: tuple[Lock, ...] = ()
    nfts: tuple[NftChange, ...] = ()


def open_upgrade(upgrade: Upgrade, *, nft: Nft) -> Transition:
    """The first transition; `upgrade` comes with version 1 and status `initiated`.

    `nft` is the registry's row before; it becomes `upgrading` and belongs to the caller, who holds
    it on chain. The owner lock is taken in the same transaction, which is what keeps a user from
    having two active NFTs; it is already the user's in the ordinary case.
    """
    if (upgrade.version, upgrade.status) != (1, S.INITIATED):
        raise WrongStatus("A new upgrade starts at version 1 as initiated.")
    return _first(
        upgrade,
        nft,
        "Upgrade opened. Burn your NFT in your wallet to go on.",
        takes=(upgrade.user_lock, upgrade.nft_lock, _owner_lock(upgrade)),
    )


def open_claim(upgrade: Upgrade, *, nft: Nft, takes_owner_lock: bool) -> Transition:
    """The first transition of a burn that was made outside any request (chain.md section 6).

    `upgrade` comes with version 1 and status `burn_pending`, its signature named. The user's lock
    is not taken: whoever is in another upgrade must not be refused what is owed. `takes_owner_lock`
    unless the wallet's one-NFT lock names another NFT already.
    """
    if (upgrade.version, upgrade.status) != (1, S.BURN_PENDING):
        raise WrongStatus("A claim starts at version 1 as burn_pending.")
    owner_locks = (_owner_lock(upgrade),) if takes_owner_lock else ()
    return _first(
        upgrade,
        nft,
        "Your claim was received. The burn is being verified on Solana.",
        takes=(upgrade.nft_lock, *owner_locks),
    )


def _first(upgrade: Upgrade, nft: Nft, message: str, *, takes: tuple[Lock, ...]) -> Transition:
    """The first transition: the NFT is held for the upgrade, and counts as its user's."""
    held = nft.moved_to(NftStatus.UPGRADING, at=upgrade.created_at, owner=upgrade.user_id)
    return _sealed(
        None,
        upgrade,
        EventType.UPGRADE_INITIATED,
        message,
        takes,
        _sold(nft, upgrade),
        (),
        (NftChange(nft, held),),
        {"mode": upgrade.mode.value},
    )


def _owner_lock(upgrade: Upgrade) -> Lock:
    return Lock(LockKind.OWNER, upgrade.user_id, upgrade.nft_id)


def _decided_by(proof: BurnProof, review: Review | None) -> Mapping[str, Any]:
    """The event's data: the proof, and who overruled it."""
    return {"proof": proof.as_json(), **(review.as_json() if review else {})}


def _sold(nft: Nft, upgrade: Upgrade) -> tuple[Lock, ...]:
    """The lock of the owner the registry still names, when the NFT has moved on to the user."""
    return (Lock(LockKind.OWNER, nft.owner, nft.mint),) if nft.owner != upgrade.user_id else ()


def _sealed(
    before: Upgrade | None,
    after: Upgrade,
    type_: EventType,
    message: str,
    takes: tuple[Lock, ...],
    releases: tuple[Lock, ...],
    moves: tuple[Lock, ...],
    nfts: tuple[NftChange, ...],
    data: Mapping[str, Any],
) -> Transition:
    failure = after.failure
    event = UpgradeEvent(
        upgrade_id=after.id,
        sequence=after.version,
        type=type_,
        occurred_at=after.updated_at,
        user_id=after.user_id,
        nft_id=after.nft_id,
        current_level=after.current_level,
        target_level=after.target_level,
        status=after.status,
        message=message,
        retry_count=after.retry_count,
        burn_signature=after.burn_signature,
        mint_signature=after.mint_signature,
        new_nft_id=after.new_nft_id,
        error_code=failure.code if failure else None,
        error_type=failure.error_type if failure else None,
        error_message=failure.message if failure else None,
        retryable=failure.retryable if failure else None,
        data=data,
        previous_hash=after.last_event_hash,
    ).sealed()
    after = replace(after, last_event_hash=event.hash)
    return Transition(before, after, event, takes, releases, moves, nfts)
