"""The audit archive for checking: the first version of each object, and what came after it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from nft_upgrade.adapters.s3_audit import FOLDER, s3_client
from nft_upgrade.consumers.audit_check import ArchivedEntry
from nft_upgrade.domain.errors import StorageUnavailable
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import from_record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3AuditArchiveReader:
    """`AuditArchiveReader`. StorageUnavailable when the bucket does not answer."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._client: S3Client = s3_client()

    def upgrade_ids(self, *, after: str | None, limit: int) -> Sequence[str]:
        # "0" is the character behind "/": everything in the folder of `after` is passed.
        start: dict[str, Any] = {"StartAfter": f"{FOLDER}{after}0"} if after else {}
        try:
            page = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=FOLDER, Delimiter="/", MaxKeys=limit, **start
            )
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(f"audit bucket: {error}") from error
        folders = [each["Prefix"] for each in page.get("CommonPrefixes", ())]
        return [folder.removeprefix(FOLDER).rstrip("/") for folder in folders]

    def entries(self, upgrade_id: str) -> Sequence[ArchivedEntry]:
        try:
            versions = self._versions(f"{FOLDER}{upgrade_id}/")
            return [self._entry(name, versions[name]) for name in sorted(versions)]
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(f"audit bucket: {error}") from error

    def _versions(self, folder: str) -> dict[str, list[Any]]:
        """Every object's versions and delete markers."""
        found: defaultdict[str, list[Any]] = defaultdict(list)
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=folder
        )
        for page in pages:
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                found[each["Key"]].append(each)
        return found

    def _entry(self, name: str, versions: Sequence[Any]) -> ArchivedEntry:
        """Delete markers have no size. Without any version the content is gone: unreadable."""
        written = [each for each in versions if "Size" in each]
        body = b""
        if written:
            # Newest first, says S3, and its times are whole seconds.
            first = min(reversed(written), key=lambda each: each["LastModified"])
            place = {"Key": name, "VersionId": first["VersionId"]}
            body = self._client.get_object(Bucket=self._bucket, **place)["Body"].read()
        number = name.rsplit("/", 1)[-1].removesuffix(".json")
        return ArchivedEntry(
            sequence=int(number) if number.isdigit() else 0,
            body=body,
            is_replaced=len(versions) > 1,
        )


def read_document(body: bytes) -> UpgradeEvent:
    """The event in an archive's object; ValueError or KeyError when it holds none."""
    return from_record(json.dumps(json.loads(body)["record"], ensure_ascii=False))
