"""The storage ports, once in memory and once per real engine, for the contract suites."""

from dataclasses import dataclass
from typing import Any

from local.aws_resources import create_tables
from nft_upgrade.adapters.dynamodb_bookmarks import DynamoDbBookmarks
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_switch import DynamoDbQualifications, DynamoDbSwitch
from nft_upgrade.adapters.dynamodb_transient import (
    DynamoDbChallenges,
    DynamoDbRateLimiter,
    DynamoDbTickets,
)
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.ports import Bookmarks, Challenges, Nfts, RateLimiter, Switch, Tickets, Upgrades
from tests.fakes.storage import (
    FakeBookmarks,
    FakeChallenges,
    FakeNfts,
    FakeQualifications,
    FakeRateLimiter,
    FakeStore,
    FakeSwitch,
    FakeTickets,
    FakeUpgrades,
)


@dataclass(frozen=True, slots=True)
class Storage:
    """One implementation of every port, empty, with `upgrades` and `nfts` over the same tables."""

    upgrades: Upgrades
    nfts: Nfts
    challenges: Challenges
    tickets: Tickets
    rate_limiter: RateLimiter
    switch: Switch
    bookmarks: Bookmarks
    qualifications: Any
    """`Qualifications` with `put`."""


def in_memory() -> Storage:
    store = FakeStore()
    return Storage(
        FakeUpgrades(store),
        FakeNfts(store),
        FakeChallenges(),
        FakeTickets(),
        FakeRateLimiter(),
        FakeSwitch(),
        FakeBookmarks(),
        FakeQualifications(),
    )


def on_dynamodb(endpoint: str, prefix: str) -> Storage:
    """Over new tables; the environment must name the same endpoint."""
    create_tables(endpoint, prefix)
    tables = Database(prefix)
    return Storage(
        DynamoDbUpgrades(tables),
        DynamoDbNfts(tables),
        DynamoDbChallenges(tables),
        DynamoDbTickets(tables),
        DynamoDbRateLimiter(tables),
        DynamoDbSwitch(tables),
        DynamoDbBookmarks(tables),
        DynamoDbQualifications(tables),
    )
