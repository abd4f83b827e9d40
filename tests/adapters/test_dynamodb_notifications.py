"""Claims over a network that loses answers: who wrote one owns it, and nobody else does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from nft_upgrade.adapters.dynamodb_contacts import DynamoDbNotifications
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.consumers.ports import Notification, NotificationStatus
from nft_upgrade.domain.errors import StorageUnavailable
from tests.adapters.flaky_dynamodb import Fault, FlakyDynamoDb
from tests.fixtures.aws import AwsEndpoint

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLIENT_TRIES = 4


@pytest.fixture
def flaky(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyDynamoDb]:
    with FlakyDynamoDb(aws.url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        yield proxy


def claim(name: str, user_id: str) -> Notification:
    return Notification(
        user_id=user_id,
        event_id="up-1:9",
        channel="email",
        status=NotificationStatus.SENDING,
        at=NOW,
        claim=name,
        since=NOW,
    )


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
def test_a_claim_whose_answer_was_lost_is_still_ours(flaky: FlakyDynamoDb, fault: Fault) -> None:
    """The client asks again; what it finds then is its own."""
    kept, user_id = DynamoDbNotifications(Database("nft-upgrade-")), f"wallet-{uuid4()}"
    flaky.faults.append(fault)
    assert kept.begin(claim("one", user_id)) is None
    assert flaky.calls["PutItem"] == 2
    assert kept.begin(claim("two", user_id)) == claim("one", user_id)


def test_a_claim_that_is_never_answered_is_an_outage(flaky: FlakyDynamoDb) -> None:
    kept, user_id = DynamoDbNotifications(Database("nft-upgrade-")), f"wallet-{uuid4()}"
    flaky.faults.extend([Fault.LOSE_ANSWER] * CLIENT_TRIES)
    with pytest.raises(StorageUnavailable):
        kept.begin(claim("one", user_id))
    assert kept.notifications(user_id) == [claim("one", user_id)]
