"""The items of the tables `upgrades`, `nfts`, `locks`, `transient` and `projections` as pynamodb
models, and how they are bound to tables.

Declaring a model does no I/O and knows no table. `Database(prefix).bind(Model)` gives the class
that does; all classes of a Database share one client, which is built by the first call and takes
its address from `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL` or the region.
"""

import threading
from typing import Any, TypeVar

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from nft_upgrade.adapters import dynamodb_tables as tables

M = TypeVar("M", bound=Model)
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
PARTS_OF_A_TABLE = (
    ("GlobalSecondaryIndexes", "IndexName"),
    ("AttributeDefinitions", "AttributeName"),
)
POOL = 50
"""Connections kept open: at least as many as threads share a Database."""


class SharedConnection(Connection):
    """A pynamodb connection whose client is built once, however many threads ask first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._building = threading.Lock()

    @property
    def client(self) -> Any:
        with self._building:
            return super().client


class Database:
    """The tables of one prefix behind one client. Safe to share between threads."""

    def __init__(self, table_prefix: str) -> None:
        self._prefix = table_prefix
        self._known: dict[str, MetaTable] = {}
        self._learning = threading.Lock()
        self.connection = SharedConnection(
            connect_timeout_seconds=CONNECT_SECONDS,
            read_timeout_seconds=READ_SECONDS,
            max_pool_connections=POOL,
        )

    def bind(self, model: type[M]) -> type[M]:
        """A subclass of `model` that reads and writes the table its `TABLE` names."""
        name = self.table_name(model)
        meta = type("Meta", (), {"table_name": name})
        metaclass: Any = type(model)
        bound: type[M] = metaclass(model.__name__, (model,), {"Meta": meta})
        # pynamodb builds a client per class, and a client costs more than a cold start's other
        # work together: let all of them use ours, which must know the table's keys and indexes.
        table = bound._get_connection()
        self._learn(name, table.get_meta_table())
        table.connection = self.connection
        return bound

    def _learn(self, name: str, meta: MetaTable) -> None:
        """Models of one table know different indexes of it; the connection must know them all."""
        with self._learning:
            known = self._known.get(name)
            if known is None:
                self.connection.add_meta_table(meta)
                self._known[name] = meta
                return
            for part, name_of in PARTS_OF_A_TABLE:
                there = known.data.setdefault(part, [])
                names = {each[name_of] for each in there}
                there += [each for each in meta.data.get(part) or () if each[name_of] not in names]

    @classmethod
    def of(cls, tables: "str | Database") -> "Database":
        """The Database itself, or a new one for a prefix: a client of its own."""
        return cls(tables) if isinstance(tables, str) else tables

    def table_name(self, model: type[Model]) -> str:
        """The real table's name."""
        return self._prefix + str(model.TABLE)  # type: ignore[attr-defined]


# --- upgrades --------------------------------------------------------------------------------


class ByUser(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """A user's requests by time; events and attempts lack one of its keys."""

    user_id = UnicodeAttribute(hash_key=True)
    created_at = UTCDateTimeAttribute(range_key=True)

    class Meta:
        index_name = "by_user"
        projection = AllProjection()


class ByDue(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Sparse: requests that the sweep looks at, and events that nobody marked published."""

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UTCDateTimeAttribute(range_key=True)

    class Meta:
        index_name = "by_due"
        projection = AllProjection()


class ByActive(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Sparse: active requests, keys only; an upgrade enters and leaves it once."""

    active_shard = UnicodeAttribute(hash_key=True)
    created_at = UTCDateTimeAttribute(range_key=True)

    class Meta:
        index_name = "by_active"
        projection = KeysOnlyProjection()


class UpgradesItem(Model):
    """What all items of the table have."""

    TABLE = tables.UPGRADES
    upgrade_id = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = UTCDateTimeAttribute(null=True)
    by_user = ByUser()
    by_due = ByDue()
    by_active = ByActive()


class RequestItem(UpgradesItem):
    """An `Upgrade`; `active_shard` only while it is active."""

    user_id = UnicodeAttribute()
    nft_id = UnicodeAttribute()
    current_level = NumberAttribute()
    target_level = NumberAttribute()
    status = UnicodeAttribute()
    version = NumberAttribute()
    token_program = UnicodeAttribute()
    mint_base = UnicodeAttribute()
    successor = UnicodeAttribute()
    opened_slot = NumberAttribute()
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()
    mode = UnicodeAttribute()
    run = NumberAttribute()
    retry_count = NumberAttribute()
    max_retries = NumberAttribute()
    burn_signature = UnicodeAttribute(null=True)
    burn_slot = NumberAttribute(null=True)
    claimed_height = NumberAttribute(null=True)
    burned_at = UTCDateTimeAttribute(null=True)
    mint_signature = UnicodeAttribute(null=True)
    failure = JSONAttribute(null=True)
    submitted = JSONAttribute(null=True)
    last_event_hash = UnicodeAttribute()
    active_shard = UnicodeAttribute(null=True)


class EventItem(UpgradesItem):
    """An `UpgradeEvent`; `due_shard` and `due_at` only until it is marked published."""

    sequence = NumberAttribute()
    type = UnicodeAttribute()
    occurred_at = UTCDateTimeAttribute()
    user_id = UnicodeAttribute()
    nft_id = UnicodeAttribute()
    current_level = NumberAttribute()
    target_level = NumberAttribute()
    status = UnicodeAttribute()
    message = UnicodeAttribute()
    retry_count = NumberAttribute()
    burn_signature = UnicodeAttribute(null=True)
    mint_signature = UnicodeAttribute(null=True)
    new_nft_id = UnicodeAttribute(null=True)
    error_code = UnicodeAttribute(null=True)
    error_type = UnicodeAttribute(null=True)
    error_message = UnicodeAttribute(null=True)
    retryable = BooleanAttribute(null=True)
    data = JSONAttribute()
    previous_hash = UnicodeAttribute()
    hash = UnicodeAttribute()
    trace_id = UnicodeAttribute(null=True)
    published_at = UTCDateTimeAttribute(null=True)


class AttemptItem(UpgradesItem):
    """A `MintAttempt`."""

    number = NumberAttribute()
    message = BinaryAttribute(legacy_encoding=False)
    last_valid_block_height = NumberAttribute()
    successor = UnicodeAttribute()
    written_at = UTCDateTimeAttribute()
    signature = BinaryAttribute(legacy_encoding=False, null=True)


# --- nfts, locks -----------------------------------------------------------------------------


class ByOwner(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """NFTs by owner as last seen."""

    owner = UnicodeAttribute(hash_key=True)
    updated_at = UTCDateTimeAttribute(range_key=True)

    class Meta:
        index_name = "by_owner"
        projection = AllProjection()


class NftItem(Model):
    """An `Nft`."""

    TABLE = tables.NFTS
    mint = UnicodeAttribute(hash_key=True)
    owner = UnicodeAttribute()
    level = NumberAttribute()
    status = UnicodeAttribute()
    version = NumberAttribute()
    token_program = UnicodeAttribute()
    mint_base = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    predecessor = UnicodeAttribute(null=True)
    successor = UnicodeAttribute(null=True)
    mint_signature = UnicodeAttribute(null=True)
    burn_signature = UnicodeAttribute(null=True)
    by_owner = ByOwner()


class LockItem(Model):
    """A `Lock`, for example `USER#<wallet>`."""

    TABLE = tables.LOCKS
    lock = UnicodeAttribute(hash_key=True)
    holder = UnicodeAttribute()


class SwitchItem(Model):
    """The operator's pause switch; it lies with the locks, which nothing expires or rebuilds."""

    TABLE = tables.LOCKS
    lock = UnicodeAttribute(hash_key=True)
    reason = UnicodeAttribute(null=True)
    changed_at = UTCDateTimeAttribute()


class BookmarkItem(Model):
    """Where a recurring walk stopped; it lies with the locks too."""

    TABLE = tables.LOCKS
    lock = UnicodeAttribute(hash_key=True)
    place = UnicodeAttribute(null=True)


# --- transient, projections ------------------------------------------------------------------


class TransientItem(Model):
    """What all items of the table have; `expires` (seconds) is when DynamoDB may drop it.

    DynamoDB drops late, by hours or days: every reader compares the exact times itself.
    """

    TABLE = tables.TRANSIENT
    item = UnicodeAttribute(hash_key=True)
    expires = TTLAttribute()


class ChallengeItem(TransientItem):
    """A sign-in challenge."""

    fields = JSONAttribute()
    expires_at = UTCDateTimeAttribute()


class TicketItem(TransientItem):
    """An events ticket; `opened_at` once its stream was opened."""

    user_id = UnicodeAttribute()
    upgrade_id = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()
    session_expires_at = UTCDateTimeAttribute()
    opened_at = UTCDateTimeAttribute(null=True)


class WindowItem(TransientItem):
    """Calls counted in one window of one name."""

    calls = NumberAttribute()


class PresenceItem(TransientItem):
    """A user with an open stream."""

    seen_until = UTCDateTimeAttribute()


class QualificationItem(Model):
    """What a user has shown: written by the trading system's import, read before an upgrade."""

    TABLE = tables.PROJECTIONS
    projection = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    trading_volume_usdt = NumberAttribute()
    badges = NumberAttribute()
