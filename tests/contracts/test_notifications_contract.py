"""`Notifications`: the same suite on the fake and on DynamoDB."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from nft_upgrade.adapters.dynamodb_contacts import DynamoDbNotifications
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.consumers.ports import Notification, Notifications, NotificationStatus
from tests.fakes.events import FakeNotifications

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SENDING, SENT, UNSENT, UNCERTAIN = (
    NotificationStatus.SENDING,
    NotificationStatus.SENT,
    NotificationStatus.UNSENT,
    NotificationStatus.UNCERTAIN,
)


@pytest.fixture(params=["fake", "dynamodb"])
def kept(request: pytest.FixtureRequest) -> Notifications:
    if request.param == "fake":
        return FakeNotifications()
    request.getfixturevalue("aws")
    return DynamoDbNotifications(Database("nft-upgrade-"))


@pytest.fixture
def first() -> Notification:
    return Notification(
        user_id=f"wallet-{uuid4()}",
        event_id="up-1:9",
        channel="email",
        status=SENDING,
        at=NOW,
        claim="claim-1",
        since=NOW,
    )


def another(notification: Notification) -> Notification:
    at = NOW + timedelta(minutes=1)
    return replace(notification, claim="claim-2", status=SENDING, at=at)


def test_the_first_claim_is_written_and_the_second_sees_it(
    kept: Notifications, first: Notification
) -> None:
    assert kept.begin(first) is None
    assert kept.begin(another(first)) == first
    assert list(kept.notifications(first.user_id)) == [first]


def test_a_claim_made_again_is_still_ours(kept: Notifications, first: Notification) -> None:
    """Its first answer was lost; nobody else has claimed it."""
    for _ in range(2):
        assert kept.begin(first) is None


def test_only_a_message_that_was_not_sent_is_claimed_again(
    kept: Notifications, first: Notification
) -> None:
    kept.begin(first)
    assert kept.begin(another(first), instead_of=first) == first, "it may be under way"
    unsent = replace(first, status=UNSENT)
    kept.settle(unsent)
    assert kept.begin(another(first)) == unsent, "who claims again must say what they saw"
    assert kept.begin(another(first), instead_of=unsent) is None
    assert kept.begin(replace(first, claim="claim-3"), instead_of=unsent) == another(first)


def test_an_outcome_is_written_over_its_own_claim_alone(
    kept: Notifications, first: Notification
) -> None:
    kept.begin(first)
    sent = replace(first, status=SENT, message_id="message-1")
    kept.settle(sent)
    kept.settle(replace(another(first), status=UNCERTAIN))
    assert list(kept.notifications(first.user_id)) == [sent]


def test_an_outcome_without_a_claim_is_not_written(
    kept: Notifications, first: Notification
) -> None:
    kept.settle(replace(first, status=UNSENT))
    assert not kept.notifications(first.user_id)
