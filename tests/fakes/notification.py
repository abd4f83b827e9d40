"""The notification ports in memory: full implementations that hold state."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from nft_upgrade.domain.contact import Contact, Device, address_digest
from nft_upgrade.domain.errors import StorageUnavailable, VersionConflict
from nft_upgrade.ports import (
    DeliveryRefused,
    DeliverySuspended,
    DeliveryUnavailable,
    DeliveryUncertain,
    Mail,
    Watch,
)


class FakeContacts:
    """`Contacts`."""

    def __init__(self, *contacts: Contact) -> None:
        self.kept = {contact.user_id: contact for contact in contacts}
        self.rows: dict[tuple[str, str], Device] = {}
        self.holders: dict[str, str] = {}
        self.suppressed: dict[str, str] = {}

    def get(self, user_id: str) -> Contact | None:
        return self.kept.get(user_id)

    def put(self, contact: Contact) -> None:
        there = self.kept.get(contact.user_id)
        if (there.version if there else 0) != contact.version - 1:
            raise VersionConflict("moved")
        self.kept[contact.user_id] = contact

    def forget(self, user_id: str) -> None:
        self.kept.pop(user_id, None)
        for user, device_id in list(self.rows):
            if user == user_id:
                self.remove_device(user_id, device_id)

    def devices(self, user_id: str) -> Sequence[Device]:
        found = [
            device
            for (user, device_id), device in self.rows.items()
            if user == user_id == self.holders.get(device_id)
        ]
        return sorted(found, key=lambda device: device.registered_at)

    def add_device(self, device: Device) -> None:
        self.rows[(device.user_id, device.id)] = device
        self.holders[device.id] = device.user_id

    def remove_device(self, user_id: str, device_id: str) -> None:
        self.rows.pop((user_id, device_id), None)
        if self.holders.get(device_id) == user_id:
            del self.holders[device_id]

    def suppress(self, address: str, reason: str, *, at: datetime) -> None:
        self.suppressed[address_digest(address)] = reason

    def is_suppressed(self, address: str) -> bool:
        return address_digest(address) in self.suppressed


class FakePresence:
    """`Presence`; while `is_away` it raises."""

    def __init__(self) -> None:
        self.kept: dict[str, Watch] = {}
        self.batches: list[int] = []
        self.is_away = False

    def mark(self, watches: Sequence[Watch]) -> None:
        if self.is_away:
            raise StorageUnavailable("away")
        self.batches.append(len(watches))
        self.kept.update((watch.user_id, watch) for watch in watches)

    def watch(self, user_id: str) -> Watch | None:
        return self.kept.get(user_id)


class FakeMailer:
    """`Mailer`; `outages` mails fail first, addresses in `refuses` always, `lost` answers after.
    While `is_suspended` the account may not send."""

    def __init__(self, *, outages: int = 0, refuses: Iterable[str] = (), lost: int = 0) -> None:
        self.sent: list[Mail] = []
        self.outages = outages
        self.refuses = set(refuses)
        self.lost = lost
        self.is_suspended = False

    def send(self, mail: Mail) -> str:
        if mail.to in self.refuses:
            raise DeliveryRefused("BadRequestException")
        if self.is_suspended:
            raise DeliverySuspended("SendingPausedException")
        if self.outages:
            self.outages -= 1
            raise DeliveryUnavailable("TooManyRequestsException")
        self.sent.append(mail)
        if self.lost:
            self.lost -= 1
            raise DeliveryUncertain("no answer")
        return f"message-{len(self.sent)}"


class FakePusher:
    """`Pusher` for the platforms `apns` and `fcm`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.disabled: set[str] = set()
        self.suspended: set[str] = set()
        """Endpoints whose application is switched off."""
        self.outages = 0

    def register(self, platform: str, device_token: str) -> str:
        if self.outages:
            self.outages -= 1
            raise DeliveryUnavailable("throttled")
        if platform not in ("apns", "fcm"):
            raise DeliveryRefused("no such platform")
        return f"endpoint/{platform}/{device_token}"

    def push(self, endpoint: str, *, title: str, text: str) -> str:
        if endpoint in self.disabled:
            raise DeliveryRefused("EndpointDisabled")
        if endpoint in self.suspended:
            raise DeliverySuspended("PlatformApplicationDisabled")
        if self.outages:
            self.outages -= 1
            raise DeliveryUnavailable("throttled")
        self.sent.append((endpoint, title, text))
        return f"push-{len(self.sent)}"
