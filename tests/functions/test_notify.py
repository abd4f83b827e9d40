"""`notify` with a batch of Kafka's event source, and the emulator's SES."""

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_projections import DynamoDbNotifications
from nft_upgrade.consumers.ports import NotificationStatus
from tests.fakes.events import msk_event, story
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import loaded


def test_a_user_with_an_address_gets_one_mail_for_two_deliveries(aws: AwsEndpoint) -> None:
    kept = DynamoDbNotifications(Database("nft-upgrade-"))
    kept.put_address("wallet-mailed", "user@example.org")
    with loaded("notify", aws.environment) as notify:
        for _ in range(2):
            notify(msk_event(story("up-mailed", "wallet-mailed")))
    (notification,) = kept.notifications("wallet-mailed")
    assert notification.status is NotificationStatus.SENT
    assert notification.message_id


def test_a_user_without_one_is_skipped_and_said_so(aws: AwsEndpoint) -> None:
    with loaded("notify", aws.environment) as notify:
        notify(msk_event(story("up-silent", "wallet-silent")))
    (notification,) = DynamoDbNotifications(Database("nft-upgrade-")).notifications("wallet-silent")
    assert notification.status is NotificationStatus.SKIPPED
