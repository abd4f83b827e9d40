"""How a user says where and whether to be written to.

An address gets one mail before it is confirmed: the one that asks. How many of those anybody can
cause is limited by user, by caller and by address, since wallets cost nothing.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from nft_upgrade.domain.contact import (
    CONFIRM_WITHIN,
    MOST_DEVICES,
    Contact,
    Device,
    Link,
    LinkPurpose,
    address_digest,
    is_genuine,
    make_link,
    read_link,
)
from nft_upgrade.domain.errors import (
    AddressRefused,
    DeviceRefused,
    LinkInvalid,
    RateLimited,
    Unavailable,
    VersionConflict,
)
from nft_upgrade.domain.letters import confirmation
from nft_upgrade.ports import (
    Clock,
    Contacts,
    DeliveryRefused,
    DeliveryUnavailable,
    DeliveryUncertain,
    Mail,
    Mailer,
    Pusher,
    RateLimiter,
)

CONFIRM_PATH = "/api/notifications/preferences/email/confirmation"
LINK_KEY_BYTES = 32
ATTEMPTS = 5
LIMITS = (("user", 5, timedelta(hours=1)), ("caller", 20, timedelta(hours=1)))
ADDRESS_LIMIT = 3
ADDRESS_WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overview:
    """What a user sees; `contact` None: nothing was ever said."""

    contact: Contact | None
    is_suppressed: bool
    devices: Sequence[Device]


class Preferences:
    """Reads and changes them. Raises StorageUnavailable and what the methods name."""

    def __init__(
        self,
        *,
        contacts: Contacts,
        mailer: Mailer,
        pusher: Pusher,
        rate_limiter: RateLimiter,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        origin: str,
    ) -> None:
        """`origin`: scheme and host of the links in mail."""
        self._contacts = contacts
        self._mailer = mailer
        self._pusher = pusher
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._random_bytes = random_bytes
        self._origin = origin

    def of(self, user_id: str) -> Overview:
        contact = self._contacts.get(user_id)
        address = contact.address if contact else None
        is_suppressed = address is not None and self._contacts.is_suppressed(address)
        return Overview(contact, is_suppressed, self._contacts.devices(user_id))

    def switch(self, user_id: str, *, wants_mail: bool, wants_push: bool) -> None:
        self._change(user_id, lambda c: c.switch(wants_mail=wants_mail, wants_push=wants_push))

    def forget(self, user_id: str) -> None:
        """Address, preferences, devices; every link that was sent is void."""
        self._contacts.forget(user_id)

    # --- the address ---------------------------------------------------------------------------

    def ask(self, user_id: str, address: str, *, caller: str) -> None:
        """Write the address down and mail its confirmation; `caller` is a network address.

        Raises RateLimited, AddressRefused, Unavailable. If the process ends before the mail is
        sent, asking again sends it. A suppressed address gets none, and nobody is told so: whether
        a stranger's address bounces is not the caller's business.
        """
        known = self._contacts.get(user_id)
        if known and known.address == address:
            return
        self._limit(user_id, address, caller)
        contact = self._change(user_id, lambda c: c.ask(address))
        if not self._contacts.is_suppressed(address):
            self._send(self._confirmation(contact, address))

    def confirm(self, text: str) -> None:
        """LinkInvalid unless the link is ours, in time, and for the address that waits (or is
        confirmed already)."""
        link, contact = self._link(text, LinkPurpose.CONFIRM)
        address = next((a for a in (contact.pending, contact.address) if self._fits(link, a)), None)
        if address is None:
            raise LinkInvalid("This link is not valid (any more). Ask for a new one.")
        if address != contact.address:
            self._change(link.user_id, lambda c: self._confirmed(link, c))

    def unsubscribe(self, text: str) -> None:
        """LinkInvalid unless the link is ours and for the address in use; twice is as once."""
        link, contact = self._link(text, LinkPurpose.UNSUBSCRIBE)
        if not self._fits(link, contact.address):
            raise LinkInvalid("This link is for an address that is not used any more.")
        if contact.wants_mail:
            self._change(link.user_id, Contact.unsubscribe)

    def _confirmed(self, link: Link, contact: Contact) -> Contact:
        """Looked at again: the address that waits may be another one by now."""
        if contact.pending is None or not self._fits(link, contact.pending):
            raise LinkInvalid("This link is not valid (any more). Ask for a new one.")
        return contact.confirm(contact.pending)

    def _link(self, text: str, purpose: LinkPurpose) -> tuple[Link, Contact]:
        try:
            link = read_link(text)
        except ValueError as unreadable:
            raise LinkInvalid("This is not a link of ours.") from unreadable
        contact = self._contacts.get(link.user_id)
        if contact is None or link.purpose != purpose:
            raise LinkInvalid("This is not a link of ours.")
        return link, contact

    def _fits(self, link: Link, address: str | None) -> bool:
        contact = self._contacts.get(link.user_id)
        if contact is None or address is None:
            return False
        return is_genuine(link, contact, address, self._clock.now())

    def _confirmation(self, contact: Contact, address: str) -> Mail:
        until = self._clock.now() + CONFIRM_WITHIN
        link = make_link(contact, LinkPurpose.CONFIRM, address, expires_at=until)
        letter = confirmation(contact.user_id, f"{self._origin}{CONFIRM_PATH}?link={link}")
        return Mail(to=address, subject=letter.subject, text=letter.text, html=letter.html)

    def _send(self, mail: Mail) -> None:
        try:
            self._mailer.send(mail)
        except DeliveryRefused as refused:
            raise AddressRefused("The mail service does not take this address.") from refused
        except (DeliveryUnavailable, DeliveryUncertain) as lost:
            raise Unavailable("The mail may not have been sent. Ask again.") from lost

    def _limit(self, user_id: str, address: str, caller: str) -> None:
        """The address last: who is stopped before cannot use up its share."""
        for (kind, limit, window), who in zip(LIMITS, (user_id, caller), strict=True):
            self._hit(f"confirm-{kind}:{who}", limit, window)
        self._hit(f"confirm-address:{address_digest(address)}", ADDRESS_LIMIT, ADDRESS_WINDOW)

    def _hit(self, name: str, limit: int, window: timedelta) -> None:
        wait = self._rate_limiter.hit(name, limit=limit, window=window, at=self._clock.now())
        if wait is not None:
            seconds = max(1, int(wait.total_seconds()))
            raise RateLimited("Too many confirmation mails, try again later", retryAfter=seconds)

    # --- devices -------------------------------------------------------------------------------

    def add_device(self, user_id: str, platform: str, device_token: str) -> Device:
        """The same token again is the same device. The oldest gives way to the eleventh.

        Raises DeviceRefused, Unavailable.
        """
        device = Device(
            id=hashlib.sha256(f"{platform}\n{device_token}".encode()).hexdigest()[:32],
            user_id=user_id,
            platform=platform,
            endpoint=self._registered(platform, device_token),
            registered_at=self._clock.now(),
        )
        self._contacts.add_device(device)
        for oldest in self._contacts.devices(user_id)[:-MOST_DEVICES]:
            self._contacts.remove_device(user_id, oldest.id)
        return device

    def remove_device(self, user_id: str, device_id: str) -> None:
        """Nothing is pushed there any more; twice is the same as once."""
        self._contacts.remove_device(user_id, device_id)

    def _registered(self, platform: str, device_token: str) -> str:
        try:
            return self._pusher.register(platform, device_token)
        except DeliveryRefused as refused:
            raise DeviceRefused("The push service does not take this device.") from refused
        except (DeliveryUnavailable, DeliveryUncertain) as lost:
            raise Unavailable("The push service did not answer. Try again.") from lost

    # --- one change ----------------------------------------------------------------------------

    def _change(self, user_id: str, change: Callable[[Contact], Contact]) -> Contact:
        for _ in range(ATTEMPTS):
            after = change(self._contacts.get(user_id) or self._new(user_id))
            try:
                self._contacts.put(after)
            except VersionConflict:
                continue
            return after
        raise VersionConflict("The preferences are changed from elsewhere; try again.")

    def _new(self, user_id: str) -> Contact:
        return Contact(user_id=user_id, link_key=self._random_bytes(LINK_KEY_BYTES).hex())
