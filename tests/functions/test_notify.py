"""`notify` and `mail_feedback` with real batches, the emulator's SES, SNS and tables."""

from datetime import UTC, datetime, timedelta

import boto3

from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts, DynamoDbNotifications
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_presence import DynamoDbPresence
from nft_upgrade.adapters.sns_pusher import SnsPusher
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.contact import Contact, Device
from tests.consumers.test_mail_feedback import complaint, sns_event
from tests.fakes.events import msk_event, story
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import loaded

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def reachable(user_id: str, address: str = "user@example.org") -> Database:
    database = Database("nft-upgrade-")
    contact = Contact(user_id=user_id, link_key="07" * 32, address=address, version=1)
    DynamoDbContacts(database).put(contact)
    return database


def outcomes(database: Database, user_id: str) -> dict[str, tuple[NotificationStatus, str | None]]:
    kept = DynamoDbNotifications(database).notifications(user_id)
    return {each.channel: (each.status, each.reason) for each in kept}


def test_a_user_with_an_address_gets_one_mail_for_two_deliveries(aws: AwsEndpoint) -> None:
    database = reachable("wallet-mailed")
    with loaded("notify", aws.environment) as notify:
        for _ in range(2):
            notify(msk_event(story("up-mailed", "wallet-mailed")))
    (kept,) = DynamoDbNotifications(database).notifications("wallet-mailed")
    assert kept.status is NotificationStatus.SENT
    assert kept.message_id


def test_a_user_without_one_is_skipped_and_said_so(aws: AwsEndpoint) -> None:
    with loaded("notify", aws.environment) as notify:
        notify(msk_event(story("up-silent", "wallet-silent")))
    skipped = (NotificationStatus.SKIPPED, "no confirmed address")
    assert outcomes(Database("nft-upgrade-"), "wallet-silent") == {"email": skipped}


def test_who_has_an_open_stream_gets_nothing(aws: AwsEndpoint) -> None:
    database = reachable("wallet-watching")
    events = story("up-watching", "wallet-watching")
    until = events[-1].occurred_at + timedelta(seconds=30)
    DynamoDbPresence(database).mark(["wallet-watching"], until=until)
    with loaded("notify", aws.environment) as notify:
        notify(msk_event(events))
    skipped = (NotificationStatus.SKIPPED, "has an open stream")
    assert outcomes(database, "wallet-watching") == {"email": skipped}


def test_a_registered_device_gets_a_push_and_a_disabled_one_is_forgotten(aws: AwsEndpoint) -> None:
    sns = boto3.client("sns")
    application = sns.create_platform_application(Name="app", Platform="APNS", Attributes={})
    arn = application["PlatformApplicationArn"]
    database = reachable("wallet-pushed")
    contacts = DynamoDbContacts(database)
    for name in ("live", "gone"):
        endpoint = SnsPusher({"apns": arn}).register("apns", f"token-{name}")
        assert SnsPusher({"apns": arn}).register("apns", f"token-{name}") == endpoint
        contacts.add_device(
            Device(
                id=name,
                user_id="wallet-pushed",
                platform="apns",
                endpoint=endpoint,
                registered_at=NOW,
            )
        )
        if name == "gone":
            sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "false"})
    environment = {**aws.environment, "PUSH_APPLICATIONS": f"apns={arn}"}
    with loaded("notify", environment) as notify:
        notify(msk_event(story("up-pushed", "wallet-pushed")))
    told = {name: status for name, (status, _) in outcomes(database, "wallet-pushed").items()}
    assert told["push#live"] is NotificationStatus.SENT
    assert told["push#gone"] is NotificationStatus.REFUSED
    assert [device.id for device in contacts.devices("wallet-pushed")] == ["live"]


def test_a_complaint_ends_all_mail_to_the_address(aws: AwsEndpoint) -> None:
    database = reachable("wallet-cross", "ape@example.org")
    with loaded("mail_feedback", aws.environment) as mail_feedback:
        assert mail_feedback(sns_event(complaint())) == {"suppressed": 1}
    with loaded("notify", aws.environment) as notify:
        notify(msk_event(story("up-cross", "wallet-cross")))
    suppressed = (NotificationStatus.SKIPPED, "suppressed")
    assert outcomes(database, "wallet-cross") == {"email": suppressed}
