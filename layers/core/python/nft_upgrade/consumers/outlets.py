"""The two ways to a user: mail to the confirmed address, push to each registered device."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from nft_upgrade.consumers.notification import NAME, PUSH_NAME, Channel
from nft_upgrade.domain.contact import Contact, Device, LinkPurpose, make_link
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.letters import Letter, with_unsubscribe
from nft_upgrade.ports import Contacts, Mail, Mailer, Pusher

EMAIL = "email"
UNSUBSCRIBE_PATH = "/api/notifications/preferences/unsubscribe"


class MailOutlet:
    """`Outlet`. Whatever SES cannot do now it can do for nobody, so mail waits in its order."""

    name = NAME
    patience = timedelta(hours=6)

    def __init__(self, contacts: Contacts, mailer: Mailer, *, origin: str) -> None:
        """`origin`: scheme and host of the way out in every mail."""
        self._contacts = contacts
        self._mailer = mailer
        self._origin = origin

    def channels(self, event: UpgradeEvent, letter: Letter) -> Iterator[Channel]:
        """One, also for a user who gets no mail."""
        contact = self._contacts.get(event.user_id)
        yield Channel(EMAIL, self._silence(contact), partial(self._send, contact, letter))

    def _silence(self, contact: Contact | None) -> str | None:
        if contact is None or contact.address is None:
            return "no confirmed address"
        if not contact.wants_mail:
            return "switched off"
        return "suppressed" if self._contacts.is_suppressed(contact.address) else None

    def _send(self, contact: Contact | None, letter: Letter) -> str:
        assert contact and contact.address  # else the channel is silent
        link = make_link(contact, LinkPurpose.UNSUBSCRIBE, contact.address)
        url = f"{self._origin}{UNSUBSCRIBE_PATH}?link={link}"
        full = with_unsubscribe(letter, url)
        return self._mailer.send(
            Mail(
                to=contact.address,
                subject=full.subject,
                text=full.text,
                html=full.html,
                unsubscribe_url=url,
            )
        )


class PushOutlet:
    """`Outlet`. A push that is late by more than an hour is worth nothing."""

    name = PUSH_NAME
    patience = timedelta(hours=1)

    def __init__(self, contacts: Contacts, pusher: Pusher) -> None:
        self._contacts = contacts
        self._pusher = pusher

    def channels(self, event: UpgradeEvent, letter: Letter) -> Iterator[Channel]:
        """One per device. One that is refused is forgotten: the app is gone, or has another token
        and registers again."""
        contact = self._contacts.get(event.user_id)
        silence = None if contact is None or contact.wants_push else "switched off"
        for device in self._contacts.devices(event.user_id):
            yield Channel(
                f"push#{device.id}",
                silence,
                partial(self._send, device, letter),
                partial(self._contacts.remove_device, device.user_id, device.id),
            )

    def _send(self, device: Device, letter: Letter) -> str:
        text = letter.text.split("\n")[0]
        return self._pusher.push(device.endpoint, title=letter.subject, text=text)
