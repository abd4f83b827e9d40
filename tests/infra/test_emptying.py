"""What destroys a stage that need not be kept leaves no object behind, in any version."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.bundling import ROOT
from tests.infra.synthesized import Assembly, listed


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Where it runs, its neighbours are modules of their own."""
    monkeypatch.syspath_prepend(str(ROOT / "infra/handlers"))
    return importlib.import_module("infra.handlers.empty")


def test_locked_versions_and_markers_are_gone_and_so_may_the_bucket_be(
    s3: Any, handler: ModuleType
) -> None:
    s3.create_bucket(Bucket="audit", ObjectLockEnabledForBucket=True)
    lock = {"Mode": "GOVERNANCE", "Days": 1}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": lock}}
    s3.put_object_lock_configuration(Bucket="audit", ObjectLockConfiguration=configuration)
    for body in (b"first", b"second"):
        s3.put_object(Bucket="audit", Key="audit/1", Body=body)
    s3.delete_object(Bucket="audit", Key="audit/1")
    handler.empty(s3, "audit", is_locked=True)
    s3.delete_bucket(Bucket="audit")


def test_dev_alone_is_emptied_with_its_stack(dev: Assembly, prod: Assembly) -> None:
    assert not [
        each
        for each in prod.resources("AWS::Lambda::Function")
        if each.properties.get("Handler") == "empty.handler"
    ]
    actions = dev.actions("empty")
    assert {"s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"} <= actions


def test_nobody_writes_audit_objects_any_more_when_they_are_removed(dev: Assembly) -> None:
    """CloudFormation deletes what depends on a resource before the resource."""
    (emptied,) = [
        each
        for each in dev.resources("AWS::CloudFormation::CustomResource")
        if "Locked" in each.properties
    ]
    assert emptied.id in listed(dev.function("audit").whole["DependsOn"])
