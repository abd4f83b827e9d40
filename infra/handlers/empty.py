"""Custom resource: buckets that are empty once it is deleted, so that they can be deleted too.

For a stage whose data need not outlive it. Every version goes, also under a governance lock: the
role may bypass it. A compliance lock cannot be bypassed, by nobody.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
from cfn import answer  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


class NotEmptied(Exception):
    """S3 refused to delete some versions."""


def handler(event: dict[str, Any], context: object) -> None:
    """`{Locked, Plain}`, two buckets' names: nothing is done until the deletion."""
    answer(event, lambda properties: {}, forget=_empty)


def _empty(properties: Mapping[str, str]) -> None:
    """May be repeated: what is gone is not listed any more."""
    s3 = boto3.client("s3")
    empty(s3, properties["Locked"], is_locked=True)
    empty(s3, properties["Plain"], is_locked=False)


def empty(s3: "S3Client", bucket: str, *, is_locked: bool) -> None:
    """All versions and delete markers; NotEmptied names the first one that S3 keeps."""
    for batch in _versions(s3, bucket):
        # S3 takes the header only for buckets with an object lock.
        bypass: dict[str, Any] = {"BypassGovernanceRetention": True} if is_locked else {}
        done = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, **bypass)
        if errors := done.get("Errors"):
            raise NotEmptied(f"{bucket}: {errors[0]}")


def _versions(s3: "S3Client", bucket: str) -> Iterator[list["ObjectIdentifierTypeDef"]]:
    """A page at a time, at most 1,000, which is what one deletion takes."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
