"""Who watches through the real relay is not written to by the real `notify`, and is once gone."""

import time
from collections.abc import Callable
from datetime import timedelta

from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts, DynamoDbNotifications
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_presence import DynamoDbPresence
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.contact import Contact
from tests.fakes.events import msk_event
from tests.fakes.notification import FakePresence
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import loaded
from tests.relay.harness import Story, World, bearer, now
from tests.sse import close_all

LIFE = 2.0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_watches_gets_no_mail_and_gets_one_when_the_stream_is_closed(aws: AwsEndpoint) -> None:
    user_id = "wallet-that-watches"
    database = Database("nft-upgrade-")
    contact = Contact(user_id=user_id, link_key="07" * 32, address="ape@watch.example", version=1)
    DynamoDbContacts(database).put(contact)
    presence = DynamoDbPresence(database)

    def status_of(upgrade_id: str) -> NotificationStatus:
        kept = DynamoDbNotifications(database).notifications(user_id)
        return next(each.status for each in kept if each.event_id.startswith(upgrade_id))

    with loaded("notify", aws.environment) as notify:
        with World(presence=presence, relay_presence_seconds=LIFE) as world:
            watched = Story(world, "watched", user_id)
            with world.open("watched", headers=bearer(user_id)):
                wait_for(lambda: presence.seen_until(user_id) is not None)
                notify(msk_event([watched.complete()]))
            assert status_of("watched") is NotificationStatus.SKIPPED
        with World(presence=presence, relay_presence_seconds=LIFE) as world:
            time.sleep(LIFE + 0.2)
            unwatched = Story(world, "unwatched", user_id)
            notify(msk_event([unwatched.complete()]))
            assert status_of("unwatched") is NotificationStatus.SENT
    close_all()


def test_a_stream_is_not_held_up_by_marks_that_cannot_be_written() -> None:
    presence = FakePresence()
    presence.is_away = True
    with World(presence=presence, relay_presence_seconds=1.0) as world:
        story = Story(world)
        with world.open() as stream:
            assert stream.status == 200
            assert world.relay and world.relay.marks
            marks = world.relay.marks
            wait_for(lambda: marks.failures > 0)
            story.steps(2)
            presence.is_away = False
            wait_for(lambda: bool(presence.until))
            (until,) = presence.until.values()
            assert until - now() <= timedelta(seconds=1)
            story.complete()
            assert b'"type":"upgrade_completed"' in stream.body()
    close_all()


def test_marks_can_be_switched_off() -> None:
    presence = FakePresence()
    with World(presence=presence, relay_presence_seconds=0.0) as world:
        assert world.relay and world.relay.marks is None
