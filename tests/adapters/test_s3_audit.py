"""The audit record's copy in S3: once, whole, never replaced."""

import json
from uuid import uuid4

import boto3
import pytest

from nft_upgrade.adapters.s3_audit import S3AuditArchive, object_name
from nft_upgrade.consumers.ports import AuditEntry
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.messages import from_record
from tests.fakes.events import START, STEP, story
from tests.fixtures.aws import AwsEndpoint


def test_an_entry_is_kept_as_it_was_first_recorded(aws: AwsEndpoint) -> None:
    bucket = aws.environment["AUDIT_BUCKET"]
    event = story(f"up-{uuid4().hex[:8]}")[4]
    archive = S3AuditArchive(bucket)
    archive.keep(AuditEntry(event, START))
    archive.keep(AuditEntry(event, START + STEP))
    name = object_name(AuditEntry(event, START))
    kept = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read())
    assert kept["recordedAt"] == "2026-11-01T12:00:00.000Z"
    assert from_record(json.dumps(kept["record"])) == event


def test_a_bucket_that_is_not_there_is_an_outage_to_retry(aws: AwsEndpoint) -> None:
    with pytest.raises(StorageUnavailable):
        S3AuditArchive("nobodys-bucket").keep(AuditEntry(story()[0], START))
