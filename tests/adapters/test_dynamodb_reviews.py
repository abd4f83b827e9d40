"""Upgrades that wait for a person's decision, found in the real tables."""

import uuid

import pytest

from local.aws_resources import create_tables
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_reviews import DynamoDbReviews
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.domain.upgrade import Upgrade
from tests.contracts.samples import NOW, SECOND, nft, opening, proof
from tests.fixtures.aws import AwsEndpoint


@pytest.fixture
def database(aws: AwsEndpoint) -> Database:
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    create_tables(aws.url, prefix)
    return Database(prefix)


def claimed(name: str, database: Database) -> Upgrade:
    """An upgrade whose burn its user has confirmed."""
    row = nft(name, f"owner-{name}")
    DynamoDbNfts(database).register(row, takes=())
    upgrades = DynamoDbUpgrades(database)
    opened = opening(f"upgrade-{name}", row)
    upgrades.commit(opened)
    pending = opened.after.claim_burn(f"burn-{name}", height=None, at=NOW + SECOND)
    upgrades.commit(pending)
    return pending.after


def held(name: str, database: Database) -> Upgrade:
    """The same, held for a person."""
    upgrade = claimed(name, database)
    transition = upgrade.review_burn(proof(upgrade, f"burn-{name}"), at=NOW + 2 * SECOND)
    DynamoDbUpgrades(database).commit(transition)
    return transition.after


def test_only_what_is_under_review_is_found(database: Database) -> None:
    claimed("a", database)
    expected = held("b", database)
    assert DynamoDbReviews(database).held(besides=[], limit=10) == [expected]


def test_what_is_known_to_be_something_else_is_not_read(database: Database) -> None:
    first, second = held("a", database), held("b", database)
    assert DynamoDbReviews(database).held(besides=[first.id], limit=10) == [second]


def test_no_more_are_read_than_asked_for(database: Database) -> None:
    for name in "abc":
        held(name, database)
    assert len(DynamoDbReviews(database).held(besides=[], limit=2)) == 2
