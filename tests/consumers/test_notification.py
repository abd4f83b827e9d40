"""One congratulation per completed upgrade, to those who can be reached."""

import pytest

from nft_upgrade.consumers.notification import Notifier
from nft_upgrade.consumers.ports import MailUnavailable, NotificationStatus
from nft_upgrade.domain.events import EventType
from nft_upgrade.domain.levels import default_catalogue
from tests.fakes.events import FakeMailer, FakeMeter, FakeNotifications, FixedClock, story

COMPLETED = story()[-1]
ADDRESSES = {"wallet-1": "user@example.org"}


def notifier(
    kept: FakeNotifications, mailer: FakeMailer, meter: FakeMeter | None = None
) -> Notifier:
    return Notifier(
        kept,
        kept,
        mailer,
        default_catalogue(),
        FixedClock(),
        meter or FakeMeter(),
        origin="http://localhost:8000",
    )


def status_of(kept: FakeNotifications) -> NotificationStatus:
    return kept.kept[COMPLETED.event_id].status


def test_a_user_with_an_address_is_congratulated() -> None:
    kept, mailer = FakeNotifications(ADDRESSES), FakeMailer()
    assert notifier(kept, mailer).take(COMPLETED)
    (to, subject, text) = mailer.sent[0]
    assert to == "user@example.org"
    assert subject == "You reached level 2: Quant Ape"
    assert str(COMPLETED.new_nft_id) in text
    assert "up-1-mint" in text
    assert status_of(kept) is NotificationStatus.SENT
    assert kept.kept[COMPLETED.event_id].message_id == "message-1"


def test_the_same_completion_twice_is_one_mail() -> None:
    kept, mailer = FakeNotifications(ADDRESSES), FakeMailer()
    notifier(kept, mailer).take(COMPLETED)
    assert not notifier(kept, mailer).take(COMPLETED)
    assert len(mailer.sent) == 1


def test_a_user_without_an_address_is_recorded_as_skipped() -> None:
    kept, mailer = FakeNotifications(), FakeMailer()
    assert notifier(kept, mailer).take(COMPLETED)
    assert not mailer.sent
    assert status_of(kept) is NotificationStatus.SKIPPED
    assert not notifier(kept, mailer).take(COMPLETED)


@pytest.mark.parametrize("event", [e for e in story() if e.type is not EventType.UPGRADE_COMPLETED])
def test_only_a_completion_is_congratulated(event) -> None:  # type: ignore[no-untyped-def]
    kept, mailer = FakeNotifications(ADDRESSES), FakeMailer()
    assert not notifier(kept, mailer).take(event)
    assert not kept.kept and not mailer.sent


def test_a_mail_that_could_not_be_sent_is_tried_again() -> None:
    kept, mailer = FakeNotifications(ADDRESSES), FakeMailer(outages=1)
    with pytest.raises(MailUnavailable):
        notifier(kept, mailer).take(COMPLETED)
    assert notifier(kept, mailer).take(COMPLETED)
    assert status_of(kept) is NotificationStatus.SENT


def test_a_refused_mail_does_not_hold_up_the_others() -> None:
    kept = FakeNotifications(ADDRESSES)
    mailer, meter = FakeMailer(refuses=ADDRESSES.values()), FakeMeter()
    assert notifier(kept, mailer, meter).take(COMPLETED)
    assert status_of(kept) is NotificationStatus.REFUSED
    assert meter.counts["MailsRefused"] == 1


class DyingMailer(FakeMailer):
    """The process ends after the mail went out."""

    def send(self, *, to: str, subject: str, text: str) -> str:
        super().send(to=to, subject=subject, text=text)
        raise KeyboardInterrupt


def test_a_death_after_the_mail_never_sends_it_twice_and_leaves_a_trace() -> None:
    kept, mailer = FakeNotifications(ADDRESSES), DyingMailer()
    with pytest.raises(KeyboardInterrupt):
        notifier(kept, mailer).take(COMPLETED)
    assert not notifier(kept, mailer).take(COMPLETED)
    assert len(mailer.sent) == 1
    assert status_of(kept) is NotificationStatus.SENDING
