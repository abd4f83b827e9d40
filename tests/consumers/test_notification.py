"""One congratulation per completed upgrade and channel, to those who can be reached."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from nft_upgrade.consumers.notification import EMAIL, Notifier
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.contact import Contact, Device, LinkPurpose, is_genuine, read_link
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.ports import DeliveryUnavailable, Mail
from tests.fakes.events import START, FakeMeter, FakeNotifications, FixedClock, story
from tests.fakes.notification import FakeContacts, FakeMailer, FakePresence, FakePusher

COMPLETED = story()[-1]
ADDRESS = "user@example.org"
REACHABLE = Contact(user_id="wallet-1", link_key="07" * 32, address=ADDRESS, version=1)
PHONE = Device(
    id="d1", user_id="wallet-1", platform="apns", endpoint="endpoint/1", registered_at=START
)


@dataclass
class Office:
    """A notifier and everything around it."""

    contacts: FakeContacts = field(default_factory=lambda: FakeContacts(REACHABLE))
    kept: FakeNotifications = field(default_factory=FakeNotifications)
    presence: FakePresence = field(default_factory=FakePresence)
    mailer: FakeMailer = field(default_factory=FakeMailer)
    pusher: FakePusher = field(default_factory=FakePusher)
    meter: FakeMeter = field(default_factory=FakeMeter)

    def take(self, event: UpgradeEvent = COMPLETED) -> bool:
        return Notifier(
            self.kept,
            self.contacts,
            self.presence,
            self.mailer,
            self.pusher,
            default_catalogue(),
            FixedClock(),
            self.meter,
            origin="http://localhost:8000",
        ).take(event)

    def outcome(self, channel: str = EMAIL) -> tuple[NotificationStatus, str | None]:
        kept = self.kept.kept[(COMPLETED.event_id, channel)]
        return kept.status, kept.reason


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_user_with_a_confirmed_address_is_congratulated(office: Office) -> None:
    assert office.take()
    (mail,) = office.mailer.sent
    assert mail.to == ADDRESS
    assert mail.subject == "You reached level 2: Quant Ape"
    for form in (mail.text, mail.html):
        assert str(COMPLETED.new_nft_id) in form
        assert "up-1-mint" in form
    assert office.outcome() == (NotificationStatus.SENT, None)
    assert office.kept.kept[(COMPLETED.event_id, EMAIL)].message_id == "message-1"


def test_every_mail_has_a_way_out_that_is_signed_for_its_address(office: Office) -> None:
    office.take()
    (mail,) = office.mailer.sent
    assert mail.unsubscribe_url and mail.unsubscribe_url in mail.text
    link = read_link(mail.unsubscribe_url.split("link=")[1])
    assert link.purpose == LinkPurpose.UNSUBSCRIBE
    assert is_genuine(link, REACHABLE, ADDRESS, START + timedelta(days=10_000))
    assert not is_genuine(link, REACHABLE, "other@example.org", START)


def test_the_same_completion_twice_is_one_message_per_channel(office: Office) -> None:
    office.contacts.add_device(PHONE)
    office.take()
    assert not office.take()
    assert (len(office.mailer.sent), len(office.pusher.sent)) == (1, 1)


@pytest.mark.parametrize("event", [e for e in story() if e.type is not EventType.UPGRADE_COMPLETED])
def test_only_a_completion_is_congratulated(office: Office, event: UpgradeEvent) -> None:
    assert not office.take(event)
    assert not office.kept.kept and not office.mailer.sent


# --- who is not written to ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        (None, "no confirmed address"),
        (Contact(user_id="wallet-1", link_key="07", pending=ADDRESS), "no confirmed address"),
        (REACHABLE.unsubscribe(), "switched off"),
    ],
)
def test_nobody_is_mailed_who_did_not_confirm_or_does_not_want_it(
    contact: Contact | None, reason: str
) -> None:
    office = Office(FakeContacts(*([contact] if contact else [])))
    assert office.take()
    assert not office.mailer.sent
    assert office.outcome() == (NotificationStatus.SKIPPED, reason)
    assert not office.take()


def test_a_suppressed_address_gets_nothing(office: Office) -> None:
    office.contacts.suppress(ADDRESS.upper(), "bounced", at=START)
    office.take()
    assert not office.mailer.sent
    assert office.outcome() == (NotificationStatus.SKIPPED, "suppressed")


@pytest.mark.parametrize(("seconds", "is_sent"), [(-1, True), (0, False), (3600, False)])
def test_who_watched_when_it_happened_or_later_gets_nothing(
    office: Office, seconds: int, is_sent: bool
) -> None:
    office.contacts.add_device(PHONE)
    until = COMPLETED.occurred_at + timedelta(seconds=seconds)
    office.presence.mark(["wallet-1"], until=until)
    office.take()
    assert bool(office.mailer.sent) is bool(office.pusher.sent) is is_sent


# --- push -----------------------------------------------------------------------------------------


def test_every_device_gets_its_own_push(office: Office) -> None:
    office.contacts.add_device(PHONE)
    office.take()
    assert office.pusher.sent == [
        (
            "endpoint/1",
            "You reached level 2: Quant Ape",
            "Congratulations: your NFT is now level 2, Quant Ape.",
        )
    ]
    assert office.outcome("push#d1") == (NotificationStatus.SENT, None)


def test_push_is_not_sent_where_it_is_switched_off(office: Office) -> None:
    office.contacts.put(REACHABLE.switch(wants_mail=True, wants_push=False))
    office.contacts.add_device(PHONE)
    office.take()
    assert not office.pusher.sent and office.mailer.sent


def test_a_device_whose_app_is_gone_is_forgotten(office: Office) -> None:
    office.contacts.add_device(PHONE)
    office.pusher.disabled.add("endpoint/1")
    office.take()
    assert office.outcome("push#d1")[0] is NotificationStatus.REFUSED
    assert not office.contacts.devices("wallet-1")


# --- when sending fails ---------------------------------------------------------------------------


def test_a_mail_that_could_not_be_sent_is_tried_again_and_holds_no_push_up() -> None:
    office = Office(mailer=FakeMailer(outages=1))
    office.contacts.add_device(PHONE)
    with pytest.raises(DeliveryUnavailable):
        office.take()
    assert office.outcome()[0] is NotificationStatus.UNSENT
    assert len(office.pusher.sent) == 1
    assert office.take()
    assert office.outcome()[0] is NotificationStatus.SENT
    assert (len(office.mailer.sent), len(office.pusher.sent)) == (1, 1)


def test_who_unsubscribes_before_the_second_try_gets_nothing() -> None:
    office = Office(mailer=FakeMailer(outages=1))
    with pytest.raises(DeliveryUnavailable):
        office.take()
    office.contacts.put(REACHABLE.unsubscribe())
    office.take()
    assert not office.mailer.sent
    assert office.outcome() == (NotificationStatus.SKIPPED, "switched off")


def test_a_refused_mail_does_not_hold_up_the_others() -> None:
    office = Office(mailer=FakeMailer(refuses=[ADDRESS]))
    assert office.take()
    assert office.outcome()[0] is NotificationStatus.REFUSED
    assert office.meter.counts["DeliveriesRefused"] == 1


def test_a_lost_answer_is_counted_and_not_repeated() -> None:
    office = Office(mailer=FakeMailer(lost=1))
    office.take()
    assert not office.take()
    assert office.outcome() == (NotificationStatus.UNCERTAIN, "no answer")
    assert office.meter.counts["DeliveriesUncertain"] == 1
    assert len(office.mailer.sent) == 1


class DyingMailer(FakeMailer):
    """The process ends before or after the mail went out."""

    def __init__(self, *, is_sent: bool) -> None:
        super().__init__()
        self.is_sent = is_sent

    def send(self, mail: Mail) -> str:
        if self.is_sent:
            super().send(mail)
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_death_between_claim_and_record_never_sends_twice_and_is_counted(is_sent: bool) -> None:
    office = Office(mailer=DyingMailer(is_sent=is_sent))
    with pytest.raises(KeyboardInterrupt):
        office.take()
    assert office.outcome()[0] is NotificationStatus.SENDING
    assert not office.take()
    assert len(office.mailer.sent) == is_sent
    assert office.outcome()[0] is NotificationStatus.UNCERTAIN
    assert office.meter.counts["DeliveriesUncertain"] == 1
    office.take()
    assert office.meter.counts["DeliveriesUncertain"] == 1
