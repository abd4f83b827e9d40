"""Custom resource: a bucket that holds the files of an archive, and nothing else."""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from cfn import answer  # type: ignore[import-not-found]

from nft_upgrade.http.pages import CACHE_CONTROL, MEDIA_TYPES, page_files

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def handler(event: dict[str, Any], context: object) -> None:
    """`{Bucket, ArchiveBucket, ArchiveKey}` -> `{Files}`, how many there are."""
    answer(event, _fill, forget=lambda properties: _keep(_client(), properties["Bucket"], set()))


def _client() -> "S3Client":
    return boto3.client("s3")


def _fill(properties: Mapping[str, str]) -> dict[str, str]:
    """New files first, then those go that are no more: a page never misses what it loads."""
    s3 = _client()
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory) / "web.zip"
        s3.download_file(properties["ArchiveBucket"], properties["ArchiveKey"], str(archive))
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(Path(directory) / "web")
        files = dict(page_files(Path(directory) / "web"))
        for key, file in files.items():
            _put(s3, properties["Bucket"], key, file)
    _keep(s3, properties["Bucket"], set(files))
    return {"Files": str(len(files))}


def _put(s3: "S3Client", bucket: str, key: str, file: Path) -> None:
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=file.read_bytes(),
        ContentType=MEDIA_TYPES[file.suffix],
        CacheControl=CACHE_CONTROL,
    )


def _keep(s3: "S3Client", bucket: str, wanted: set[str]) -> None:
    for key in list(_keys(s3, bucket)):
        if key not in wanted:
            s3.delete_object(Bucket=bucket, Key=key)


def _keys(s3: "S3Client", bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (each["Key"] for each in page.get("Contents", ()))
