"""What the consumers keep, in DynamoDB: once, together, and readable again."""

from uuid import uuid4

import pytest

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_projections import (
    DynamoDbAuditTrail,
)
from nft_upgrade.adapters.dynamodb_stats import DynamoDbStats
from nft_upgrade.adapters.dynamodb_switch import DynamoDbQualifications
from nft_upgrade.consumers.audit import Audit
from nft_upgrade.consumers.ports import (
    AuditEntry,
)
from nft_upgrade.domain.errors import StorageUnavailable
from tests.fakes.events import START, STEP, FakeMeter, FixedClock, story
from tests.fixtures.aws import AwsEndpoint


@pytest.fixture(scope="module")
def database(aws: AwsEndpoint) -> Database:
    return Database("nft-upgrade-")


@pytest.fixture
def name() -> str:
    """Ids of this test's own: the table is the session's."""
    return uuid4().hex[:12]


def test_audit_entries_keep_the_event_to_the_last_byte(database: Database, name: str) -> None:
    trail = DynamoDbAuditTrail(database)
    audit = Audit(trail, (), FixedClock(), FakeMeter())
    events = story(f"up-{name}", name)
    for event in reversed(events):
        assert audit.take(event)
    assert [entry.event for entry in trail.entries(f"up-{name}")] == events
    assert {entry.recorded_at for entry in trail.entries(f"up-{name}")} == {START}
    assert audit.verify(f"up-{name}").is_sound


def test_an_audit_entry_is_never_replaced(database: Database, name: str) -> None:
    trail = DynamoDbAuditTrail(database)
    event = story(f"up-{name}", name)[0]
    assert trail.append(AuditEntry(event, START))
    assert not trail.append(AuditEntry(event, START + STEP))
    assert trail.entry(event.upgrade_id, 1) == AuditEntry(event, START)


def test_models_of_one_table_that_know_different_indexes_share_a_database(
    database: Database,
) -> None:
    shared = Database("nft-upgrade-")
    DynamoDbQualifications(shared)
    assert DynamoDbStats(shared).leaderboard(limit=1, cursor=None) is not None


def test_a_table_that_is_not_there_is_storage_unavailable(aws: AwsEndpoint) -> None:
    with pytest.raises(StorageUnavailable):
        DynamoDbAuditTrail(Database("nobody-")).entry("x", 1)
