"""The six tables, once: local stack, tests and infra all read them from here.

| table       | partition key | sort key | what lies in it                                      |
|-------------|---------------|----------|------------------------------------------------------|
| upgrades    | upgrade_id    | entry    | REQUEST, EVENT#<sequence>, ATTEMPT#<number>; stream  |
| nfts        | mint          |          | the registry                                         |
| locks       | lock          |          | USER, NFT, OWNER, BURN, SIG, CLAIM; SWITCH, BOOKMARK |
| transient   | item          |          | challenges, tickets, counters, idempotency, presence |
| projections | projection    | entry    | what the consumers keep; qualifications              |
| contacts    | contact       | entry    | preferences, devices, suppressed addresses, messages |
"""

from dataclasses import dataclass
from typing import Any

UPGRADES = "upgrades"
NFTS = "nfts"
LOCKS = "locks"
TRANSIENT = "transient"
PROJECTIONS = "projections"
CONTACTS = "contacts"


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index; sort key types: S or N; projects all attributes or keys only."""

    name: str
    partition_key: str
    sort_key: str
    keys_only: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table; all keys are strings."""

    name: str
    partition_key: str
    sort_key: str | None = None
    indexes: tuple[Index, ...] = ()
    has_stream: bool = False
    ttl_attribute: str | None = None
    is_disposable: bool = False
    """Whether losing it loses nothing that cannot be rebuilt."""


TABLES = (
    Table(
        UPGRADES,
        "upgrade_id",
        "entry",
        (
            Index("by_user", "user_id", "created_at"),
            # Sparse: an item has `due_shard` only while somebody must look at it.
            Index("by_due", "due_shard", "due_at"),
            # Sparse: active requests; written twice in an upgrade's life, whatever else changes.
            Index("by_active", "active_shard", "created_at", keys_only=True),
        ),
        has_stream=True,
    ),
    Table(NFTS, "mint", None, (Index("by_owner", "owner", "updated_at"),)),
    Table(LOCKS, "lock"),
    Table(TRANSIENT, "item", ttl_attribute="expires", is_disposable=True),
    Table(
        PROJECTIONS,
        "projection",
        "entry",
        (Index("by_rank", "rank_shard", "rank"),),
        is_disposable=True,
    ),
    # Addresses cannot be rebuilt, and a lost record of a message would send it again.
    Table(CONTACTS, "contact", "entry"),
)


def create_request(table: Table, prefix: str) -> dict[str, Any]:
    """The arguments of DynamoDB's CreateTable for one table."""
    keys = [(table.partition_key, "HASH")]
    if table.sort_key:
        keys.append((table.sort_key, "RANGE"))
    names = {name for name, _ in keys}
    for index in table.indexes:
        names |= {index.partition_key, index.sort_key}
    request: dict[str, Any] = {
        "TableName": prefix + table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in sorted(names)
        ],
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = [_index_request(index) for index in table.indexes]
    if table.has_stream:
        request["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
    return request


def _index_request(index: Index) -> dict[str, Any]:
    return {
        "IndexName": index.name,
        "KeySchema": [
            {"AttributeName": index.partition_key, "KeyType": "HASH"},
            {"AttributeName": index.sort_key, "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY" if index.keys_only else "ALL"},
    }
