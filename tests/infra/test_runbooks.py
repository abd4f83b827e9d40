"""What the runbooks tell somebody at night to type exists under that name."""

import importlib.util
import re
from pathlib import Path

import pytest

from infra.bundling import ROOT
from tests.infra.synthesized import Assembly
from tests.infra.test_service import anchors

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
ASKED_FOR = {
    "upgrade-stuck",
    "wallet-low",
    "rpc-disagreement",
    "dlq-not-empty",
    "kafka-down",
    "consumer-behind",
    "relay-down",
    "key-compromise",
    "rollback",
    "restore-from-backup",
    "pause-minting",
    "teardown-that-leaves-nothing-billed",
}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def mentioned(page: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, page.read_text(encoding="utf-8")))


def test_there_is_a_page_for_everything_that_an_operator_may_meet() -> None:
    assert anchors(ROOT / "docs/deployment.md") >= ASKED_FOR


@every_page
def test_what_is_named_on_aws_is_deployed_under_that_name(page: Path, dev: Assembly) -> None:
    kinds = {
        "AWS::Lambda::Function": "FunctionName",
        "AWS::DynamoDB::Table": "TableName",
        "AWS::KMS::Alias": "AliasName",
        "AWS::SecretsManager::Secret": "Name",
    }
    deployed = {
        str(each.properties[name]).removeprefix("alias/")
        for kind, name in kinds.items()
        for each in dev.resources(kind)
    }
    named = mentioned(page, r"nft-upgrade-STAGE[-/][a-z][a-z/-]*[a-z]")
    assert {each.replace("STAGE", "dev") for each in named} <= deployed


@every_page
def test_every_module_that_is_to_be_run_can_be(page: Path) -> None:
    for module in mentioned(page, r"python -m ([\w.]+\w)"):
        assert importlib.util.find_spec(module), module


@every_page
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert mentioned(page, r"(?:`| {4})make ([a-z-]+)") <= targets


@every_page
def test_every_smoke_test_that_proves_something_exists(page: Path) -> None:
    smoke = (ROOT / "tests/smoke/test_deployed.py").read_text()
    for name in mentioned(page, r"smoke`?: `(test_\w+)`"):
        assert f"def {name}(" in smoke
