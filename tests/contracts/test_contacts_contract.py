"""`Contacts` and `Presence`: the same suite on the fakes and on DynamoDB."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_presence import DynamoDbPresence
from nft_upgrade.domain.contact import Contact, Device
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.ports import Contacts, Presence
from tests.fakes.notification import FakeContacts, FakePresence

# DynamoDB Local drops items whose time to live has passed, by the machine's own clock.
NOW = datetime(2096, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["fake", "dynamodb"])
def engine(request: pytest.FixtureRequest) -> Database | None:
    if request.param == "fake":
        return None
    request.getfixturevalue("aws")
    return Database("nft-upgrade-")


@pytest.fixture
def contacts(engine: Database | None) -> Contacts:
    return DynamoDbContacts(engine) if engine else FakeContacts()


@pytest.fixture
def presence(engine: Database | None) -> Presence:
    return DynamoDbPresence(engine) if engine else FakePresence()


@pytest.fixture
def user() -> str:
    return f"wallet-{uuid4()}"


def device(user_id: str, name: str, *, age: int = 0) -> Device:
    at = NOW - timedelta(minutes=age)
    return Device(
        id=name, user_id=user_id, platform="apns", endpoint=f"arn:{name}", registered_at=at
    )


def test_a_contact_is_replaced_version_by_version(contacts: Contacts, user: str) -> None:
    assert contacts.get(user) is None
    first = Contact(user_id=user, link_key="07").ask("ape@example.org")
    contacts.put(first)
    second = first.confirm("ape@example.org")
    contacts.put(second)
    assert contacts.get(user) == second


@pytest.mark.parametrize("version", [1, 3])
def test_a_contact_made_from_another_version_is_refused(
    contacts: Contacts, user: str, version: int
) -> None:
    first = Contact(user_id=user, link_key="07", version=1)
    contacts.put(first)
    with pytest.raises(VersionConflict):
        contacts.put(Contact(user_id=user, link_key="08", version=version))
    assert contacts.get(user) == first


def test_a_device_goes_to_whoever_registered_it_last(contacts: Contacts, user: str) -> None:
    other, name = f"{user}-other", f"device-{uuid4()}"
    contacts.add_device(device(user, name))
    contacts.add_device(device(other, name))
    assert not contacts.devices(user)
    contacts.remove_device(user, name)
    assert contacts.devices(other) == [device(other, name)]


def test_devices_come_oldest_first(contacts: Contacts, user: str) -> None:
    for age in (1, 3, 2):
        contacts.add_device(device(user, f"{user}-{age}", age=age))
    assert [each.id for each in contacts.devices(user)] == [f"{user}-{age}" for age in (3, 2, 1)]


def test_forgetting_takes_contact_and_devices_and_may_be_repeated(
    contacts: Contacts, user: str
) -> None:
    contacts.put(Contact(user_id=user, link_key="07", version=1))
    contacts.add_device(device(user, f"{user}-device"))
    for _ in range(2):
        contacts.forget(user)
    assert contacts.get(user) is None
    assert not contacts.devices(user)


def test_a_suppressed_address_is_known_in_any_case_of_letters(
    contacts: Contacts, user: str
) -> None:
    assert not contacts.is_suppressed(f"{user}@example.org")
    contacts.suppress(f"{user}@Example.org", "bounced", at=NOW)
    assert contacts.is_suppressed(f"{user.upper()}@example.org")


def test_the_last_mark_stands(presence: Presence, user: str) -> None:
    assert presence.seen_until(user) is None
    others = [f"{user}-{n}" for n in range(29)]
    presence.mark([user, *others], until=NOW + timedelta(seconds=60))
    presence.mark([user], until=NOW + timedelta(seconds=90))
    assert presence.seen_until(user) == NOW + timedelta(seconds=90)
    assert presence.seen_until(others[-1]) == NOW + timedelta(seconds=60)
