"""How a user can be reached, and the links by which mail is confirmed and ended.

1. Nothing but the confirmation itself is sent to an address before its owner has confirmed it.
2. A link is signed with a key of its user's own (HMAC-SHA-256, RFC 2104) that lies with the
   contact: it needs no session, serves one purpose for one address, and dies with the contact.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

CONFIRM_WITHIN = timedelta(hours=24)
LONGEST_ADDRESS = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""
MOST_DEVICES = 10
# The HTML standard's "valid e-mail address", with a dot in the domain: no quotes, no comments, no
# line breaks, ASCII alone; and dots only between other characters (RFC 5321, section 4.1.2).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+", re.ASCII)


class LinkPurpose(StrEnum):
    """What a link may do; it can do nothing else."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One app installation; `endpoint` is what the push service knows it by."""

    id: str
    user_id: str
    platform: str
    endpoint: str
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A user's preferences. `version` counts the writes; `link_key` is hex, 32 bytes."""

    user_id: str
    link_key: str
    address: str | None = None
    """Confirmed."""
    pending: str | None = None
    """Given, not confirmed yet."""
    wants_mail: bool = True
    wants_push: bool = True
    version: int = 0

    def switch(self, *, wants_mail: bool, wants_push: bool) -> Self:
        return self._next(wants_mail=wants_mail, wants_push=wants_push)

    def ask(self, address: str) -> Self:
        """The address waits for its confirmation; a confirmed one stays in use meanwhile."""
        return self._next(pending=address)

    def keep(self, address: str | None) -> Self:
        """Nothing waits any more, unless `address` is no longer the confirmed one."""
        return self._next(pending=None if self.address == address else self.pending)

    def confirm(self, address: str) -> Self:
        """Whoever confirms wants mail, also after an unsubscription."""
        return self._next(address=address, pending=None, wants_mail=True)

    def unsubscribe(self) -> Self:
        return self._next(wants_mail=False)

    def _next(self, **changes: object) -> Self:
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says; nothing of it is true before `is_genuine`."""

    purpose: str
    user_id: str
    expires: int
    """Seconds since the epoch; 0: never."""
    mac: str


def normal_address(text: str) -> str:
    """The domain in lower case. ValueError when mail cannot be sent there."""
    mailbox, _, domain = text.rpartition("@")
    address = f"{mailbox}@{domain.lower()}"
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise ValueError("not an e-mail address")
    return address


def address_digest(address: str) -> str:
    """What an address is remembered by where the address itself need not be kept."""
    return hashlib.sha256(address.lower().encode()).hexdigest()


def mailbox_digest(address: str) -> str:
    """The same for all names of one mailbox: what follows a plus sign (RFC 5233) is its owner's own
    affair at most providers, and anybody can make it up."""
    mailbox, _, domain = address.rpartition("@")
    return address_digest(f"{mailbox.partition('+')[0]}@{domain}")


def make_link(
    contact: Contact, purpose: LinkPurpose, address: str, *, expires_at: datetime | None = None
) -> str:
    """Text for a query parameter: letters, digits, dots."""
    expires = int(expires_at.timestamp()) if expires_at else 0
    return f"{purpose}.{contact.user_id}.{expires}.{_mac(contact, purpose, address, expires)}"


def read_link(text: str) -> Link:
    """ValueError when it is none, or not spelled as we spell it."""
    purpose, user_id, expires, mac = text.split(".")
    if expires != str(int(expires)):
        raise ValueError("not a number as we write it")
    return Link(LinkPurpose(purpose), user_id, int(expires), mac)


def is_genuine(link: Link, contact: Contact, address: str, at: datetime) -> bool:
    """Whether we made this link, for this address, and it is still valid."""
    expected = _mac(contact, link.purpose, address, link.expires)
    if not hmac.compare_digest(expected.encode(), link.mac.encode()):
        return False
    return link.expires == 0 or at < datetime.fromtimestamp(link.expires, UTC)


def _mac(contact: Contact, purpose: str, address: str, expires: int) -> str:
    text = "\n".join((purpose, contact.user_id, address, str(expires)))
    return hmac.new(bytes.fromhex(contact.link_key), text.encode(), hashlib.sha256).hexdigest()
