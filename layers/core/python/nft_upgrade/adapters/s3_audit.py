"""The audit record's second copy: one object per entry, in a bucket with object lock."""

import json
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nft_upgrade.consumers.ports import AuditEntry
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import iso
from nft_upgrade.messages import to_record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER = "audit/"


class S3AuditArchive:
    """`AuditArchive`."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def keep(self, entry: AuditEntry) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=object_name(entry),
                Body=document(entry),
                ContentType="application/json",
                # Only if nothing is there: an entry is never replaced.
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise StorageUnavailable(f"audit bucket: {error}") from error
        except BotoCoreError as error:
            raise StorageUnavailable(f"audit bucket: {error}") from error

    @cached_property
    def _client(self) -> "S3Client":
        return s3_client()


def s3_client() -> "S3Client":
    """Path style: a bucket's name in the host name would not resolve on one machine."""
    config = Config(s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10)
    return boto3.client("s3", config=config)


def object_name(entry: AuditEntry) -> str:
    """`audit/<upgrade>/<sequence>.json`."""
    return f"{FOLDER}{entry.event.upgrade_id}/{entry.event.sequence:08d}.json"


def document(entry: AuditEntry) -> bytes:
    """`{recordedAt, record}`, the record as it went through Kafka."""
    record = json.loads(to_record(entry.event).value)
    facts = {"recordedAt": iso(entry.recorded_at), "record": record}
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False).encode()
