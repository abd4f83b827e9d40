"""`audit` with a batch of Kafka's event source: table and bucket hold the same."""

import boto3

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_projections import DynamoDbAuditTrail
from nft_upgrade.domain.events import first_broken_link
from tests.fakes.events import msk_event, story
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import loaded


def recorded(upgrade_id: str) -> list[object]:
    entries = DynamoDbAuditTrail(Database("nft-upgrade-")).entries(upgrade_id)
    return [entry.event for entry in entries]


def test_a_batch_delivered_twice_is_recorded_once_in_table_and_bucket(aws: AwsEndpoint) -> None:
    events = story("up-audited", "wallet-audited")
    with loaded("audit", aws.environment) as audit:
        for _ in range(2):
            assert audit(msk_event(reversed(events))) == {"taken": 9, "dead": 0}
    assert recorded("up-audited") == events
    assert first_broken_link(events) is None
    bucket = aws.environment["AUDIT_BUCKET"]
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="audit/up-audited/")
    assert listed["KeyCount"] == 9


def test_without_a_bucket_the_table_alone_is_written(aws: AwsEndpoint) -> None:
    environment = {name: text for name, text in aws.environment.items() if name != "AUDIT_BUCKET"}
    with loaded("audit", environment) as audit:
        audit(msk_event(story("up-no-bucket")))
    assert recorded("up-no-bucket") == story("up-no-bucket")
