"""The pages: a bucket that nobody but CloudFront reads, the local stack's headers, no API in it."""

import importlib
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.bundling import ROOT
from infra.parts.edge import index_code
from nft_upgrade.http.pages import CACHE_CONTROL, INDEX, file_of, needs_slash, page_headers
from tests.fixtures.aws import AwsEndpoint
from tests.infra.synthesized import Assembly, Resource, listed
from tests.infra.test_handlers import Answers, cloudformation, request
from tests.infra.test_service import distribution

__all__ = ["cloudformation"]


def bucket(assembly: Assembly) -> Resource:
    (origin,) = [each for each in distribution(assembly)["Origins"] if "S3OriginConfig" in each]
    id_ = origin["DomainName"]["Fn::GetAtt"][0]
    return next(each for each in assembly.resources("AWS::S3::Bucket") if each.id == id_)


def policy(assembly: Assembly) -> list[dict[str, Any]]:
    (found,) = [
        each.properties["PolicyDocument"]["Statement"]
        for each in assembly.resources("AWS::S3::BucketPolicy")
        if each.properties["Bucket"] == {"Ref": bucket(assembly).id}
    ]
    return list(found)


def test_every_path_that_is_not_the_apis_is_a_page(assembly: Assembly) -> None:
    config = distribution(assembly)
    default = config["DefaultCacheBehavior"]
    (origin,) = [each for each in config["Origins"] if each["Id"] == default["TargetOriginId"]]
    assert "OriginAccessControlId" in origin
    assert default["AllowedMethods"] == ["GET", "HEAD"]
    assert default["ViewerProtocolPolicy"] == "redirect-to-https"


def test_the_bucket_is_public_to_nobody_and_read_by_this_distribution_alone(
    assembly: Assembly,
) -> None:
    assert set(bucket(assembly).properties["PublicAccessBlockConfiguration"].values()) == {True}
    allowed = [each for each in policy(assembly) if each["Effect"] == "Allow"]
    actions = {action for each in allowed for action in listed(each["Action"])}
    assert actions == {"s3:GetObject", "s3:ListBucket"}
    for statement in allowed:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert "AWS:SourceArn" in json.dumps(statement["Condition"])


def test_pages_have_the_headers_of_the_local_stack_and_hsts(assembly: Assembly) -> None:
    behavior = distribution(assembly)["DefaultCacheBehavior"]
    id_ = behavior["ResponseHeadersPolicyId"]["Ref"]
    policies = assembly.resources("AWS::CloudFront::ResponseHeadersPolicy")
    config = next(each for each in policies if each.id == id_).properties
    secured = config["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    wanted = page_headers()
    csp = secured["ContentSecurityPolicy"]
    assert csp == {"ContentSecurityPolicy": wanted["content-security-policy"], "Override": True}
    assert secured["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 365 * 86_400
    assert secured["FrameOptions"]["FrameOption"] == wanted["x-frame-options"]
    assert secured["ReferrerPolicy"]["ReferrerPolicy"] == wanted["referrer-policy"]
    assert secured["ContentTypeOptions"] == {"Override": True}
    custom = config["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"]["Items"]
    sent = {each["Header"]: each["Value"] for each in custom}
    known = {
        "content-security-policy",
        "x-frame-options",
        "referrer-policy",
        "x-content-type-options",
    }
    assert sent == {name: value for name, value in wanted.items() if name not in known}


@pytest.mark.parametrize("path", ["/", "/ops", "/ops/", "/client", "/client/index.js", "/ops/x/"])
def test_cloudfront_finds_the_same_file_as_the_local_gateway(path: str) -> None:
    call = f"{index_code()}\nconsole.log(JSON.stringify(handler({{request: {{uri: '{path}'}}}})))"
    told = subprocess.run(["node", "-e", call], capture_output=True, text=True, check=True)
    answer = json.loads(told.stdout)
    if needs_slash(path):
        assert answer["statusCode"] == 301
        assert answer["headers"]["location"]["value"] == f"{path}/"
    else:
        assert file_of(answer["uri"]) == file_of(path)
        assert not answer["uri"].endswith("/")


def test_whoever_fills_the_bucket_may_do_nothing_else(assembly: Assembly) -> None:
    actions = assembly.actions("pages")
    s3 = {action for action in actions if action.startswith("s3:")}
    assert s3 == {"s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}
    writing = [each for each in assembly.statements("pages") if "s3:PutObject" in each["Action"]]
    assert bucket(assembly).id in json.dumps(writing)
    assert not any(action.startswith(("dynamodb:", "kms:Sign")) for action in actions)


# --- the function that fills it ------------------------------------------------------------------


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, as Lambda finds it: its folder is on the path."""
    monkeypatch.syspath_prepend(str(ROOT / "infra/handlers"))
    return importlib.import_module("infra.handlers.pages")


@pytest.fixture
def s3(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for name in ("archive-bucket", "pages-bucket"):
        client.create_bucket(Bucket=name)
    return client


def upload(s3: Any, directory: Path, **files: str) -> None:
    archive = directory / "web.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    s3.upload_file(str(archive), "archive-bucket", "web.zip")


def event(url: str, kind: str) -> dict[str, Any]:
    properties = {
        "Bucket": "pages-bucket",
        "ArchiveBucket": "archive-bucket",
        "ArchiveKey": "web.zip",
    }
    return {**request(url, kind), "ResourceProperties": properties}


def keys(s3: Any) -> set[str]:
    return {each["Key"] for each in s3.list_objects_v2(Bucket="pages-bucket").get("Contents", ())}


def test_the_bucket_holds_what_is_served_is_changed_and_is_emptied(
    s3: Any, handler: Any, tmp_path: Path, cloudformation: tuple[str, Answers]
) -> None:
    url, answers = cloudformation
    files = {f"demo/{INDEX}": "one", f"ops/{INDEX}": "ops", "ops/ops.js": "1", "ops/README.md": "-"}
    upload(s3, tmp_path, **files)
    handler.handler(event(url, "Create"), None)
    assert answers[-1]["Data"] == {"Files": "3"}
    assert keys(s3) == {INDEX, f"ops/{INDEX}", "ops/ops.js"}
    kept = s3.get_object(Bucket="pages-bucket", Key=INDEX)
    assert kept["ContentType"] == "text/html; charset=utf-8"
    assert kept["CacheControl"] == CACHE_CONTROL
    upload(s3, tmp_path, **{f"demo/{INDEX}": "two"})
    handler.handler(event(url, "Update"), None)
    assert keys(s3) == {INDEX}
    assert s3.get_object(Bucket="pages-bucket", Key=INDEX)["Body"].read() == b"two"
    handler.handler(event(url, "Delete"), None)
    assert answers[-1]["Status"] == "SUCCESS"
    assert keys(s3) == set()


def test_an_archive_that_is_not_there_fails_at_once(
    s3: Any, handler: Any, cloudformation: tuple[str, Answers]
) -> None:
    url, answers = cloudformation
    gone = event(url, "Create")
    gone["ResourceProperties"]["ArchiveKey"] = "other.zip"
    handler.handler(gone, None)
    assert answers[-1]["Status"] == "FAILED"
