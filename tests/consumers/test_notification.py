"""One congratulation per completed upgrade and channel, to those who can be reached."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from nft_upgrade.consumers.intake import Intake, Poison
from nft_upgrade.consumers.notification import NAME, PUSH_NAME, Notifier, Outlet
from nft_upgrade.consumers.outlets import EMAIL, MailOutlet, PushOutlet
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.contact import Contact, Device, LinkPurpose, is_genuine, read_link
from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.messages import from_record
from nft_upgrade.ports import DeliveryUnavailable, Mail, Watch
from tests.fakes.events import (
    START,
    FakeDeadLetters,
    FakeMeter,
    FakeNotifications,
    FixedClock,
    msk_event,
    story,
)
from tests.fakes.notification import FakeContacts, FakeMailer, FakePresence, FakePusher
from tests.fakes.storage import FakeIds

ORIGIN = "http://localhost:8000"
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
    clock: FixedClock = field(default_factory=FixedClock)
    ids: FakeIds = field(default_factory=FakeIds)
    meter: FakeMeter = field(default_factory=FakeMeter)

    def take(self, event: UpgradeEvent = COMPLETED) -> bool:
        """Mail alone, as the two are consumers of their own."""
        return self._take(MailOutlet(self.contacts, self.mailer, origin=ORIGIN), event)

    def push(self, event: UpgradeEvent = COMPLETED) -> bool:
        return self._take(PushOutlet(self.contacts, self.pusher), event)

    def _take(self, outlet: Outlet, event: UpgradeEvent) -> bool:
        return Notifier(
            outlet,
            self.kept,
            self.presence,
            default_catalogue(),
            self.clock,
            self.ids,
            self.meter,
            origin=ORIGIN,
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
    for take in (office.take, office.push):
        assert take()
        assert not take()
    assert (len(office.mailer.sent), len(office.pusher.sent)) == (1, 1)


@pytest.mark.parametrize("event", [e for e in story() if e.type is not EventType.UPGRADE_COMPLETED])
def test_only_a_completion_is_congratulated(office: Office, event: UpgradeEvent) -> None:
    office.take(event)
    assert not office.kept.kept and not office.mailer.sent


def test_only_what_came_before_is_counted_as_a_duplicate(office: Office) -> None:
    intake = Intake(
        NAME,
        read=from_record,
        take=office.take,
        dead_letters=FakeDeadLetters(),
        meter=office.meter,
        clock=FixedClock(),
    )
    intake.handle(msk_event(story()))
    assert office.meter.counts["Duplicates"] == 0, "eight of them are no completions"
    intake.handle(msk_event([COMPLETED]))
    assert office.meter.counts["Duplicates"] == 1


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


@pytest.mark.parametrize(
    ("since", "until", "is_sent"),
    [
        (-60, -1, True),
        (-60, 0, False),
        (-60, 3600, False),
        (0, 60, False),
        (1, 3600, True),
    ],
)
def test_only_who_watched_when_it_happened_gets_nothing(
    office: Office, since: int, until: int, is_sent: bool
) -> None:
    """Also of a completion that was held up meanwhile: who comes later has not seen it."""
    office.contacts.add_device(PHONE)
    at = COMPLETED.occurred_at
    begun, ended = (at + timedelta(seconds=seconds) for seconds in (since, until))
    office.presence.mark([Watch(user_id="wallet-1", since=begun, until=ended)])
    office.take()
    office.push()
    assert bool(office.mailer.sent) is bool(office.pusher.sent) is is_sent


# --- push -----------------------------------------------------------------------------------------


def test_every_device_gets_its_own_push(office: Office) -> None:
    office.contacts.add_device(PHONE)
    office.push()
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
    office.push()
    assert not office.pusher.sent
    assert office.outcome("push#d1") == (NotificationStatus.SKIPPED, "switched off")


def test_a_device_whose_app_is_gone_is_forgotten(office: Office) -> None:
    office.contacts.add_device(PHONE)
    office.pusher.disabled.add("endpoint/1")
    office.push()
    assert office.outcome("push#d1")[0] is NotificationStatus.REFUSED
    assert not office.contacts.devices("wallet-1")


# --- when sending fails ---------------------------------------------------------------------------


def test_a_mail_that_could_not_be_sent_is_tried_again() -> None:
    office = Office(mailer=FakeMailer(outages=1))
    with pytest.raises(DeliveryUnavailable):
        office.take()
    assert office.outcome()[0] is NotificationStatus.UNSENT
    assert office.take()
    assert office.outcome()[0] is NotificationStatus.SENT
    assert len(office.mailer.sent) == 1


def test_the_trouble_of_one_outlet_is_not_the_others() -> None:
    office = Office(mailer=FakeMailer(outages=1))
    office.contacts.add_device(PHONE)
    with pytest.raises(DeliveryUnavailable):
        office.take()
    assert office.push()
    office.pusher.outages = 1
    other = replace(COMPLETED, upgrade_id="up-2")
    with pytest.raises(DeliveryUnavailable):
        office.push(other)
    assert office.take(other)


@pytest.mark.parametrize(("outlet", "hours"), [("mail", 6), ("push", 1)])
def test_what_stays_unsent_for_too_long_is_given_up_and_sent_by_a_replay(
    office: Office, outlet: str, hours: int
) -> None:
    office.contacts.add_device(PHONE)
    service, take, channel = (
        (office.mailer, office.take, EMAIL)
        if outlet == "mail"
        else (office.pusher, office.push, "push#d1")
    )
    service.outages = 3
    office.clock.sleep(100_000)  # an event that comes late has all its patience before it
    with pytest.raises(DeliveryUnavailable):
        take()
    office.clock.sleep(hours * 3600 - 1)
    with pytest.raises(DeliveryUnavailable):
        take()
    office.clock.sleep(1)
    with pytest.raises(Poison, match=channel) as poison:
        take()
    assert poison.value.kind == "undelivered"
    assert office.outcome(channel)[0] is NotificationStatus.UNSENT
    assert take()
    assert office.outcome(channel)[0] is NotificationStatus.SENT
    assert len(service.sent) == 1


def test_an_application_that_is_switched_off_holds_nobody_up(office: Office) -> None:
    """Its devices' messages become dead letters at once, those of other app stores go out."""
    tablet = replace(PHONE, id="d2", platform="fcm", endpoint="endpoint/2")
    for device in (PHONE, tablet):
        office.contacts.add_device(device)
    office.pusher.suspended.add(PHONE.endpoint)
    buried = FakeDeadLetters()
    intake = Intake(
        PUSH_NAME,
        read=from_record,
        take=office.push,
        dead_letters=buried,
        meter=office.meter,
        clock=office.clock,
    )
    intake.handle(msk_event([COMPLETED]))
    (letter,) = buried.buried
    assert letter.kind == "undelivered"
    assert letter.reason == "push#d1: PlatformApplicationDisabled"
    assert [endpoint for endpoint, _, _ in office.pusher.sent] == ["endpoint/2"]
    assert office.contacts.devices("wallet-1"), "the device did nothing wrong"
    office.pusher.suspended.clear()
    intake.handle(msk_event([COMPLETED]))
    assert [endpoint for endpoint, _, _ in office.pusher.sent] == ["endpoint/2", "endpoint/1"]


def test_mail_that_our_own_account_may_not_send_waits_for_who_mends_it(office: Office) -> None:
    office.mailer.is_suspended = True
    with pytest.raises(Poison, match="SendingPaused") as poison:
        office.take()
    assert poison.value.kind == "undelivered"
    assert office.outcome()[0] is NotificationStatus.UNSENT
    assert office.meter.counts["DeliveriesRefused"] == 0, "nobody's address is at fault"
    office.mailer.is_suspended = False
    assert office.take(), "the letter is replayed"
    assert len(office.mailer.sent) == 1


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
