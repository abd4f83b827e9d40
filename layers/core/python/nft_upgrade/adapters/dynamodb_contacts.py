"""`Contacts` and `Notifications`, in the table `contacts`.

| contact              | entry                        | what                                     |
|----------------------|------------------------------|------------------------------------------|
| USER#<user>          | CONTACT                      | Contact                                  |
| USER#<user>          | DEVICE#<device>              | Device                                   |
| USER#<user>          | MESSAGE#<event id>#<channel> | Notification; holds no address           |
| DEVICE#<device>      | HOLDER                       | which user the device belongs to now     |
| ADDRESS#<SHA-256>    | SUPPRESSED                   | why nothing is sent there; no address    |

`facts` is JSON text. Errors: see dynamodb_errors.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from nft_upgrade.adapters import dynamodb_tables as tables
from nft_upgrade.adapters.dynamodb_errors import is_condition_failure, read_item, storage
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.consumers.ports import Notification, NotificationStatus
from nft_upgrade.domain.contact import Contact, Device, address_digest
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import iso, parse_iso

CONTACT = "CONTACT"
HOLDER = "HOLDER"
SUPPRESSED = "SUPPRESSED"
DEVICE = "DEVICE#"
MESSAGE = "MESSAGE#"


class ContactItem(Model):
    """One item; `version` of contacts, `status` of messages."""

    TABLE = tables.CONTACTS
    contact = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    facts = UnicodeAttribute()
    version = NumberAttribute(null=True)
    status = UnicodeAttribute(null=True)


class DynamoDbContacts:
    """`Contacts`."""

    def __init__(self, database: Database) -> None:
        self._items = database.bind(ContactItem)

    def get(self, user_id: str) -> Contact | None:
        item = read_item(self._items, _user(user_id), CONTACT)
        return Contact(**json.loads(item.facts)) if item else None

    def put(self, contact: Contact) -> None:
        item = self._items(
            _user(contact.user_id), CONTACT, facts=_text(asdict(contact)), version=contact.version
        )
        # True for the version this one was made from; a user's first must not exist.
        is_unmoved = (
            ContactItem.contact.does_not_exist()
            if contact.version == 1
            else ContactItem.version == contact.version - 1
        )
        if not _save_if(item, is_unmoved):
            raise VersionConflict("The preferences moved; read them again.")

    def forget(self, user_id: str) -> None:
        """Devices first: if the process ends in between, the contact is there to try again."""
        for item in self._query(user_id, DEVICE):
            self.remove_device(user_id, item.entry.removeprefix(DEVICE))
        with storage():
            self._items(_user(user_id), CONTACT).delete()

    def devices(self, user_id: str) -> Sequence[Device]:
        """A row whose device has another holder is a leftover."""
        found = [_device(item) for item in self._query(user_id, DEVICE)]
        held = [device for device in found if self._holder(device.id) == user_id]
        return sorted(held, key=lambda device: device.registered_at)

    def add_device(self, device: Device) -> None:
        """The row, then the holder: without the second the device is not the user's yet."""
        facts = {**asdict(device), "registered_at": iso(device.registered_at)}
        with storage():
            self._items(_user(device.user_id), f"{DEVICE}{device.id}", facts=_text(facts)).save()
            self._items(
                f"{DEVICE}{device.id}", HOLDER, facts=_text({"user_id": device.user_id})
            ).save()

    def remove_device(self, user_id: str, device_id: str) -> None:
        is_held = self._holder(device_id) == user_id
        with storage():
            if is_held:
                self._items(f"{DEVICE}{device_id}", HOLDER).delete()
            self._items(_user(user_id), f"{DEVICE}{device_id}").delete()

    def suppress(self, address: str, reason: str, *, at: datetime) -> None:
        facts = {"reason": reason, "at": iso(at)}
        with storage():
            self._items(_address(address), SUPPRESSED, facts=_text(facts)).save()

    def is_suppressed(self, address: str) -> bool:
        return read_item(self._items, _address(address), SUPPRESSED) is not None

    def _holder(self, device_id: str) -> str | None:
        item = read_item(self._items, f"{DEVICE}{device_id}", HOLDER)
        return str(json.loads(item.facts)["user_id"]) if item else None

    def _query(self, user_id: str, beginning: str) -> list[ContactItem]:
        return _query(self._items, user_id, beginning)


class DynamoDbNotifications:
    """`Notifications`."""

    def __init__(self, database: Database) -> None:
        self._items = database.bind(ContactItem)

    def begin(self, notification: Notification) -> NotificationStatus | None:
        # True for a message nobody began, and for one that certainly was not sent.
        is_open = ContactItem.contact.does_not_exist() | (
            ContactItem.status == NotificationStatus.UNSENT.value
        )
        item = self._item(notification)
        if _save_if(item, is_open):
            return None
        there = read_item(self._items, item.contact, item.entry)
        return NotificationStatus(there.status) if there and there.status else None

    def settle(self, notification: Notification) -> None:
        with storage():
            self._item(notification).save()

    def notifications(self, user_id: str) -> Sequence[Notification]:
        return [_notification(item) for item in _query(self._items, user_id, MESSAGE)]

    def _item(self, notification: Notification) -> ContactItem:
        facts = {**asdict(notification), "at": iso(notification.at)}
        entry = f"{MESSAGE}{notification.event_id}#{notification.channel}"
        status = notification.status.value
        return self._items(_user(notification.user_id), entry, facts=_text(facts), status=status)


def _save_if(item: ContactItem, condition: Condition) -> bool:
    """False: the condition was not true, and nothing was written."""
    with storage():
        try:
            item.save(condition)
        except PutError as error:
            if is_condition_failure(error):
                return False
            raise
    return True


def _query(items: type[ContactItem], user_id: str, beginning: str) -> list[ContactItem]:
    with storage():
        place = ContactItem.entry.startswith(beginning)
        return list(items.query(_user(user_id), place, consistent_read=True))


def _user(user_id: str) -> str:
    return f"USER#{user_id}"


def _address(address: str) -> str:
    return f"ADDRESS#{address_digest(address)}"


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)


def _device(item: ContactItem) -> Device:
    facts = json.loads(item.facts)
    return Device(**{**facts, "registered_at": parse_iso(facts["registered_at"])})


def _notification(item: ContactItem) -> Notification:
    facts = json.loads(item.facts)
    status = NotificationStatus(facts["status"])
    return Notification(**{**facts, "status": status, "at": parse_iso(facts["at"])})
