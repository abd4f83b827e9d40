"""What the use cases need from the outside, as Protocols. Fakes and adapters both fulfil them;
one contract suite per port keeps the fakes honest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from nft_upgrade.domain.burn import BurnEvidence, ObservedMint, ObservedTransaction
from nft_upgrade.domain.contact import Contact, Device
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.levels import Qualification
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.operations import JournalEntry
from nft_upgrade.domain.stats import First, LeaderboardPage, UserStats
from nft_upgrade.domain.upgrade import Lock, LockKind, NftChange, Status, Transition, Upgrade


class Clock(Protocol):
    """The only source of time. Aware, UTC."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class Alerts(Protocol):
    """Calls a human: a log line at level error, and a metric that an alarm watches."""

    def call(self, metric: str, says: str, **facts: str) -> None:
        """`metric` is stable (infra/parts/alarms.py); `facts` say where to look."""


class Ids(Protocol):
    """The only source of new ids (ULIDs, 26 characters, sortable by time)."""

    def new(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page of upgrades, newest first; `next_cursor` is opaque, None on the last page."""

    upgrades: Sequence[Upgrade]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MintAttempt:
    """Write-ahead record of one mint transaction (chain.md section 4).

    `message` is the serialized message, `signature` its Ed25519 signature (None until stored);
    the attempt is dead only when the chain has proven it.
    """

    upgrade_id: str
    number: int
    message: bytes
    last_valid_block_height: int
    successor: str
    created_at: datetime
    signature: bytes | None = None


class Upgrades(Protocol):
    """Upgrade requests, their events, their locks and their mint attempts."""

    def get(self, upgrade_id: str) -> Upgrade | None:
        """Strongly consistent; None when there is none."""

    def get_many(self, upgrade_ids: Sequence[str]) -> Mapping[str, Upgrade]:
        """At most 100 different ones by id, strongly consistent, without those that are none."""

    def commit(self, transition: Transition) -> None:
        """One TransactWrite: request (status and version condition), locks, registry, event.

        Raises VersionConflict, UpgradeActive (with the running id in `extra`), NftLocked,
        AlreadyRedeemed, BurnAlreadyUsed, AlreadyOwnsNft, StorageUnavailable.
        Committing the same transition twice is the same as once.
        """

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        """Events with a sequence above `after`, in order, strongly consistent."""

    def of_user(
        self, user_id: str, *, status: Status | None, limit: int, cursor: str | None
    ) -> Page:
        """The user's requests, newest first; eventually consistent. ValueError: bad cursor."""

    def lock(self, kind: LockKind, name: str) -> Lock | None:
        """Who holds a lock; strongly consistent."""

    def locks(self, wanted: Sequence[tuple[LockKind, str]]) -> Sequence[Lock | None]:
        """Many at once, in the order asked, at most 100; eventually consistent: before anything
        is decided by one, it is read again by `lock`."""

    def count_active(self, *, at_most: int) -> int:
        """How many requests are active, counting no further than `at_most`."""

    def due(self, *, before: datetime, limit: int, shard: int = 0) -> Sequence[Upgrade]:
        """Requests whose `due_at` has passed, oldest first, from one of `DUE_SHARDS` shards."""

    def queued(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Upgrade], str | None]:
        """Every request that the sweep has yet to look at, due or not, page by page, shard after
        shard by `due_at`; eventually consistent. One that moves meanwhile may be seen twice or not
        at all. ValueError: a cursor that is not ours."""

    def note(self, before: Upgrade, after: Upgrade) -> None:
        """Write what `after` has otherwise of `run`, `due_at`, `claimed_height` and `submitted`, if
        version and run are still those of `before`, else VersionConflict. Bookkeeping, no fact
        about the upgrade: no event.
        """

    def attempts(self, upgrade_id: str) -> Sequence[MintAttempt]:
        """The write-ahead records, oldest first; strongly consistent."""

    def add_attempt(self, attempt: MintAttempt) -> None:
        """Write attempt n if it does not exist, else VersionConflict."""

    def sign_attempt(self, attempt: MintAttempt, signature: bytes) -> MintAttempt:
        """Store the attempt's signature once; a different one already there: VersionConflict."""

    def unpublished(self, *, before: datetime, limit: int) -> Sequence[UpgradeEvent]:
        """Events not marked published that occurred before `before`, oldest first; without those
        held back. One that cannot be read is passed over and takes nobody's place."""

    def mark_published(self, event: UpgradeEvent, *, at: datetime) -> None:
        """Idempotent."""

    def hold_back(self, event: UpgradeEvent, *, at: datetime) -> None:
        """Put an event that must not be published to the end of a queue of its own, until it is
        marked; nothing happens when it is marked already."""

    def held_back(self, *, limit: int) -> Sequence[UpgradeEvent]:
        """Events of that queue, first those that were put there or back longest ago."""


DUE_SHARDS = 4
"""Shards of the due index, so that one hot partition cannot form."""


class Bookmarks(Protocol):
    """Where recurring walks stopped."""

    def get(self, name: str) -> str | None: ...

    def put(self, name: str, place: str | None) -> None: ...


class Nfts(Protocol):
    """The NFT registry."""

    def get(self, mint: str) -> Nft | None:
        """Strongly consistent."""

    def owned_by(self, owner: str) -> Sequence[Nft]:
        """By owner as last seen, newest first; eventually consistent."""

    def take(self, locks: Sequence[Lock]) -> None:
        """Take all of them or none: each must be free or already this holder's.

        Raises AlreadyOwnsNft for an OWNER lock, AlreadyRedeemed for a CLAIM.
        """

    def register(self, nft: Nft, *, takes: Sequence[Lock]) -> None:
        """Write a new row and its locks together; AlreadyOwnsNft when the owner lock is taken.

        Registering the same mint for the same claim again is the same as once.
        """

    def change(
        self, change: NftChange, *, takes: Sequence[Lock] = (), releases: Sequence[Lock] = ()
    ) -> None:
        """Repair one row outside any upgrade, with its locks: all of it or nothing.

        Raises VersionConflict when the row is not as read any more, the lock's refusal when one of
        `takes` is another's; of `releases`, those of another holder stay.
        """

    def all(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Nft], str | None]:
        """Every row, page by page, in no particular order."""


@dataclass(frozen=True, slots=True)
class Blockhash:
    """A blockhash fetched at `confirmed`, and the last block height at which it may land."""

    value: str
    last_valid_block_height: int
    slot: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The token account that holds an NFT, as the preflight needs it."""

    token_account: str
    owner: str
    amount: int
    token_program: str
    frozen: bool
    delegate: str | None
    close_authority: str | None
    slot: int
    hindrance: str | None = None
    """Why no NFT of this kind can be upgraded (`domain/nft_account.py`); None: it can."""


@dataclass(frozen=True, slots=True)
class SignatureStatus:
    """How far a signature got; `error` is the chain's own error as JSON text."""

    slot: int
    commitment: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a dry run says; `error` None means it would succeed."""

    error: str | None
    units: int
    logs: tuple[str, ...]


class Chain(Protocol):
    """Solana as the use cases see it. Every method raises ChainUnavailable (nothing known) or
    ProvidersDisagree; a None means the providers agree that nothing is there at that commitment."""

    def latest_blockhash(self) -> Blockhash: ...

    def slot(self, *, commitment: str) -> int: ...

    def block_height(self, *, commitment: str) -> int: ...

    def balance(self, address: str) -> int:
        """Lamports at confirmed."""

    def rent(self, size: int) -> int:
        """Lamports that exempt an account of `size` bytes."""

    def holder(self, mint: str) -> Holder | None:
        """The token account that holds the NFT now, at confirmed; None when nobody does."""

    def burn_evidence(self, signature: str, mint: str) -> BurnEvidence:
        """Everything the burn checks look at, in as few calls as possible."""

    def transaction(self, signature: str) -> ObservedTransaction | None:
        """One transaction; `finalized` and `agreed` say how far it may be believed."""

    def mints(self, addresses: Sequence[str], *, commitment: str) -> Sequence[ObservedMint]:
        """Mint accounts in the order asked, at most 100."""

    def signatures_for(self, address: str, *, limit: int) -> Sequence[str]:
        """Newest first, finalized."""

    def held(self, nfts: Sequence[Nft]) -> Sequence[bool]:
        """Whether each is in its registered owner's associated account, at confirmed; at most 100.
        False says nothing about who else holds it, or in which account."""

    def minted(self, successor: str, *, recipient: str, commitment: str) -> bool | None:
        """True: minted exactly as chain.md section 2 wants; None: no account there at all;
        False: something else is there (a human must look)."""

    def send(self, transaction: bytes) -> None:
        """Relay once, maxRetries 0. Errors that mean "already there" are no error."""

    def signature_status(self, signature: str) -> SignatureStatus | None:
        """With searchTransactionHistory."""

    def simulate(self, transaction: bytes) -> Simulation:
        """At confirmed, signatures not checked, blockhash replaced."""

    def priority_fee(self) -> int:
        """Recent prioritization fee in micro-lamports per compute unit, capped by settings."""


class Signer(Protocol):
    """The system wallet. The key never leaves KMS."""

    def address(self) -> str:
        """Base58."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes, verified locally before they are returned."""


@dataclass(frozen=True, slots=True)
class MintOrder:
    """What the next NFT is, from stored facts alone. `predecessor` None for a first NFT, whose
    address then derives from `claim_id` instead."""

    recipient: str
    level: int
    name: str
    symbol: str
    uri: str
    mint_base: str
    token_program: str
    collection: str | None
    predecessor: str | None = None
    claim_id: str | None = None


@dataclass(frozen=True, slots=True)
class CollectionOrder:
    """The one collection of a base key: what all its NFTs are members of."""

    name: str
    symbol: str
    uri: str
    mint_base: str


class NftProgram(Protocol):
    """Builds and checks Solana messages. No I/O."""

    def collection_address(self, mint_base: str) -> str:
        """The one collection of a base key."""

    def collection_size(self, order: CollectionOrder) -> int:
        """Bytes of its account, for the rent."""

    def collection_message(
        self, order: CollectionOrder, blockhash: Blockhash, *, rent: int, units: int, fee: int
    ) -> bytes:
        """The message that creates the collection; a second one fails on chain."""

    def successor_address(self, *, mint_base: str, predecessor: str, token_program: str) -> str:
        """Derived from the burned mint (chain.md section 2)."""

    def first_address(self, *, mint_base: str, claim_id: str, token_program: str) -> str:
        """Derived from the claim id, in a domain of its own."""

    def successor_seed(self, predecessor: str) -> str:
        """What `successor_address` is derived with, 32 hex characters: for those who verify it."""

    def address_of(self, order: MintOrder) -> str:
        """Whichever of the two the order asks for."""

    def account_size(self, order: MintOrder) -> int:
        """Bytes of the mint account with its metadata, for the rent."""

    def burn_transaction(self, holder: Holder, mint: str, blockhash: Blockhash) -> bytes:
        """Unsigned wire transaction: burn 1 and close the token account; the owner pays."""

    def mint_message(
        self, order: MintOrder, blockhash: Blockhash, *, rent: int, units: int, fee: int
    ) -> bytes:
        """The message that creates the NFT; only the base key signs."""

    def require_own(self, message: bytes, order: MintOrder) -> None:
        """Raise ValueError unless `message` is exactly what `mint_message` makes of `order`
        (blockhash, rent, units and fee aside)."""

    def wire(self, message: bytes, signature: bytes) -> bytes:
        """The signed transaction as sent."""

    def signature_text(self, signature: bytes) -> str:
        """Base58."""


class AtomicProgram(Protocol):
    """Builds and checks transactions that burn and mint together. No I/O, no secrets."""

    def transaction(
        self,
        holder: Holder,
        order: MintOrder,
        blockhash: Blockhash,
        *,
        rent: int,
        units: int,
        fee: int,
    ) -> bytes:
        """Unsigned wire transaction; ValueError when it would be too large."""

    def require(self, transaction: bytes, order: MintOrder, holder: Holder, *, rent: int) -> bytes:
        """The message for the system wallet to sign; ValueError unless it is exactly ours, the
        wallet's own additions aside, signed by its owner."""

    def cosigned(self, transaction: bytes, order: MintOrder, signature: bytes) -> bytes:
        """As sent; ValueError when a signature does not verify."""

    def signature_text(self, transaction: bytes) -> str:
        """Base58 of the owner's signature, which names the transaction; ValueError: unreadable."""


class Workflow(Protocol):
    """Starts executions of the upgrade state machine."""

    def start(self, upgrade_id: str, run: int) -> None:
        """Execution `up-<id>-<run>`; already running or done under that name is a success."""

    def is_running(self, upgrade_id: str, run: int) -> bool: ...


class Qualifications(Protocol):
    """What a user has shown: trading volume and badges."""

    def of(self, user_id: str) -> Qualification: ...


class Switch(Protocol):
    """The operator's pause switch, honoured within seconds."""

    def paused(self) -> str | None:
        """The operator's reason, or None when minting is on."""

    def set_paused(self, reason: str | None, *, at: datetime) -> None: ...


class Journal(Protocol):
    """What operators asked for, append-only."""

    def last(self) -> JournalEntry | None:
        """The newest entry; strongly consistent."""

    def add(self, entry: JournalEntry) -> None:
        """VersionConflict when another entry has its number. The same one again is as once."""

    def latest(self, *, limit: int, before: int | None = None) -> Sequence[JournalEntry]:
        """Newest first; `before`: those with a lower number alone."""


class Reviews(Protocol):
    """Upgrades that wait for a person; they are on no index by time."""

    def held(self, *, besides: Iterable[str], limit: int) -> Sequence[Upgrade]:
        """Under review. `besides`: ids that are known to be something else, so that they are not
        read; at most `limit` others are."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What only the running parts know; None: not known just now."""

    relay_streams: int | None
    """Open streams of all relays."""
    records_behind: Mapping[str, int | None]
    """Consumer group -> records that it has not taken yet."""


class Instruments(Protocol):
    """Where the running parts' own figures are read. Never raises: what is not known is None."""

    def read(self) -> Readings: ...


class Publisher(Protocol):
    """Kafka, as the outbox needs it."""

    def publish(self, events: Sequence[UpgradeEvent]) -> Mapping[str, str | None]:
        """Acknowledged by all in-sync replicas, in order per upgrade: `event_id` -> None, or the
        error's text for those that are not known to be written. What must not be sent as it is
        is missing in the answer."""


JsonObject = Mapping[str, Any]


class Challenges(Protocol):
    """Sign-in challenges, by nonce."""

    def put(self, nonce: str, fields: JsonObject, *, expires_at: datetime) -> None: ...

    def take(self, nonce: str, *, at: datetime) -> JsonObject | None:
        """The fields, once: a second call, an unknown nonce or one past its expiry gets None."""


@dataclass(frozen=True, slots=True)
class TicketGrant:
    """What an events ticket allows: one stream of one upgrade by its owner."""

    user_id: str
    upgrade_id: str
    expires_at: datetime
    """Until when the ticket may open its stream (30 s)."""
    session_expires_at: datetime
    """Until when the same stream may reconnect with it."""


class Tickets(Protocol):
    """Events tickets, kept by the SHA-256 (hex) of their text."""

    def put(self, ticket_hash: str, grant: TicketGrant) -> None: ...

    def redeem(
        self, ticket_hash: str, *, upgrade_id: str, is_reconnect: bool, at: datetime
    ) -> TicketGrant | None:
        """First use: before `expires_at`, once. A reconnect (the stream was opened with it before):
        until `session_expires_at`. None: unknown, used, too old, or for another upgrade."""


class RateLimiter(Protocol):
    """Counts calls in fixed windows."""

    def hit(self, name: str, *, limit: int, window: timedelta, at: datetime) -> timedelta | None:
        """Count one call by `name`. None: allowed; else how long to wait."""


class Statistics(Protocol):
    """What analytics keeps, as users may see it; every answer is of one generation."""

    def with_firsts(self, user_id: str) -> tuple[UserStats | None, Sequence[First]]:
        """The user's figures (None: no event counted yet), and who was first to each level."""

    def leaderboard(self, *, limit: int, cursor: str | None) -> LeaderboardPage:
        """Highest level first, then who reached it earlier. ValueError: bad cursor."""


# --- notification ----------------------------------------------------------------------------


class DeliveryRefused(Exception):
    """This message will never be taken: bad address, disabled device."""


class DeliveryUnavailable(Exception):
    """Nothing was sent; the same message may be taken later."""


class DeliverySuspended(DeliveryUnavailable):
    """Nothing was sent, and nothing will be before an operator mends it: our account, sender or app
    store's credentials. Waiting does not help, and others may still get theirs."""


class DeliveryUncertain(Exception):
    """It may be on its way: whoever sends it again may send it twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`unsubscribe_url` takes RFC 8058's one-click POST."""

    to: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None


class Mailer(Protocol):
    """Sends mail. Raises DeliveryRefused, DeliveryUnavailable or DeliveryUncertain."""

    def send(self, mail: Mail) -> str:
        """The mail service's id of it."""


class Pusher(Protocol):
    """Sends to apps. Raises DeliveryRefused, DeliveryUnavailable or DeliveryUncertain."""

    def register(self, platform: str, device_token: str) -> str:
        """The endpoint of this installation; the same again for the same token."""

    def push(self, endpoint: str, *, title: str, text: str) -> str:
        """The push service's id of it."""


class Contacts(Protocol):
    """Preferences, devices and addresses that must not be written to. Strongly consistent."""

    def get(self, user_id: str) -> Contact | None: ...

    def put(self, contact: Contact) -> None:
        """Replace version n - 1 by n; VersionConflict when that is not what is there."""

    def forget(self, user_id: str) -> None:
        """Contact and devices; twice is the same as once."""

    def devices(self, user_id: str) -> Sequence[Device]:
        """Those that nobody else has registered since, oldest first."""

    def add_device(self, device: Device) -> None:
        """It belongs to this user from now on, whoever had it."""

    def remove_device(self, user_id: str, device_id: str) -> None:
        """Twice is the same as once."""

    def suppress(self, address: str, reason: str, *, at: datetime) -> None:
        """Nothing is sent there any more, whoever it belongs to."""

    def is_suppressed(self, address: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A stretch of time in which a user had a stream open, without a gap longer than a mark."""

    user_id: str
    since: datetime
    until: datetime

    def covers(self, at: datetime) -> bool:
        return self.since <= at <= self.until


class Presence(Protocol):
    """Who has an open stream, as the relay marks it every so often."""

    def mark(self, watches: Sequence[Watch]) -> None:
        """Each replaces its user's last one. Several relays mark alike; the last one stands."""

    def watch(self, user_id: str) -> Watch | None:
        """Strongly consistent; None: no mark, or one so old that it was dropped."""
