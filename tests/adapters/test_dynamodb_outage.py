"""DynamoDB behind a network that loses things: what was not acknowledged can be repeated safely."""

import uuid
from collections.abc import Iterator
from itertools import product

import pytest

from local.aws_resources import create_tables
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_switch import DynamoDbSwitch
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.domain.errors import StorageUnavailable, UpgradeActive
from nft_upgrade.domain.events import first_broken_link
from nft_upgrade.domain.upgrade import LockKind
from tests.adapters.flaky_dynamodb import Fault, FlakyDynamoDb
from tests.contracts.samples import NOW, SECOND, nft, opening
from tests.fixtures.aws import AwsEndpoint

CLIENT_TRIES = 4
"""How often botocore tries one call before it gives up."""


@pytest.fixture
def flaky(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyDynamoDb]:
    with FlakyDynamoDb(aws.url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        yield proxy


@pytest.fixture
def prefix(aws: AwsEndpoint) -> str:
    name = f"t{uuid.uuid4().hex[:10]}-"
    create_tables(aws.url, name)
    return name


@pytest.fixture
def upgrades(flaky: FlakyDynamoDb, prefix: str) -> DynamoDbUpgrades:
    DynamoDbNfts(prefix).register(nft("a", "alice"), takes=())
    flaky.calls.clear()
    return DynamoDbUpgrades(prefix, pause=lambda seconds: None)


def test_a_commit_is_one_call(upgrades: DynamoDbUpgrades, flaky: FlakyDynamoDb) -> None:
    upgrades.commit(opening("one", nft("a", "alice")))
    assert flaky.calls == {"TransactWriteItems": 1}


def test_a_refused_commit_is_one_write_and_one_strong_read(
    upgrades: DynamoDbUpgrades, flaky: FlakyDynamoDb
) -> None:
    upgrades.commit(opening("one", nft("a", "alice")))
    flaky.calls.clear()
    with pytest.raises(UpgradeActive):
        upgrades.commit(opening("two", nft("b", "bob"), user="alice"))
    assert flaky.calls == {"TransactWriteItems": 1, "GetItem": 1}


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
def test_one_lost_message_is_not_even_noticed(
    upgrades: DynamoDbUpgrades, flaky: FlakyDynamoDb, fault: Fault
) -> None:
    flaky.faults.append(fault)
    upgrades.commit(opening("one", nft("a", "alice")))
    assert len(upgrades.events("one")) == 1
    assert flaky.calls["TransactWriteItems"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("faults", list(product([Fault.LOSE_REQUEST, Fault.LOSE_ANSWER], repeat=2)))
def test_after_an_outage_the_same_commit_can_be_repeated_whatever_was_lost(
    upgrades: DynamoDbUpgrades, flaky: FlakyDynamoDb, faults: tuple[Fault, Fault]
) -> None:
    first = opening("one", nft("a", "alice"))
    claim = first.after.claim_burn("5ig", height=1, at=NOW + SECOND)
    for transition, fault in zip((first, claim), faults, strict=True):
        flaky.faults.extend([fault] * CLIENT_TRIES)
        with pytest.raises(StorageUnavailable):
            upgrades.commit(transition)
        upgrades.commit(transition)
    assert upgrades.get("one") == claim.after
    events = upgrades.events("one")
    assert [event.hash for event in events] == [first.event.hash, claim.event.hash]
    assert first_broken_link(events) is None
    lock = upgrades.lock(LockKind.USER, "alice")
    assert lock is not None
    assert lock.holder == "one"


def test_a_cancelled_transaction_that_only_met_another_one_is_tried_again(
    upgrades: DynamoDbUpgrades, flaky: FlakyDynamoDb
) -> None:
    flaky.faults.extend([Fault.CONFLICT] * 3)
    upgrades.commit(opening("one", nft("a", "alice")))
    assert flaky.calls == {"TransactWriteItems": 4}


def test_a_transaction_that_always_meets_another_one_is_given_up(
    upgrades: DynamoDbUpgrades, flaky: FlakyDynamoDb
) -> None:
    flaky.faults.extend([Fault.CONFLICT] * 8)
    with pytest.raises(StorageUnavailable):
        upgrades.commit(opening("one", nft("a", "alice")))
    assert flaky.calls == {"TransactWriteItems": 8}
    assert upgrades.get("one") is None


@pytest.mark.slow
def test_throttling_ends_as_storage_unavailable(flaky: FlakyDynamoDb, prefix: str) -> None:
    flaky.faults.extend([Fault.THROTTLE] * CLIENT_TRIES)
    with pytest.raises(StorageUnavailable):
        DynamoDbSwitch(prefix).set_paused("reason", at=NOW)


def test_a_table_that_is_not_there_is_storage_unavailable(flaky: FlakyDynamoDb) -> None:
    upgrades = DynamoDbUpgrades("no-such-prefix-", pause=lambda seconds: None)
    with pytest.raises(StorageUnavailable):
        upgrades.get("one")
    with pytest.raises(StorageUnavailable):
        upgrades.commit(opening("one", nft("a", "alice")))
    with pytest.raises(StorageUnavailable):
        upgrades.of_user("alice", status=None, limit=1, cursor=None)
    with pytest.raises(StorageUnavailable):
        upgrades.count_active(at_most=1)
