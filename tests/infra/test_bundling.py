"""The layers: what is in them, and which Python compiled it."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path, PurePath

import aws_cdk as cdk
import pytest

from infra import bundling
from infra.bundling import REQUIREMENTS, ROOT, SERVICES, compile_layer, is_asked
from infra.installed import NotInstalled, closure, copy_installed
from infra.parts.layers import NO_BYTE_CODE, Layers

UNCHECKED = 0b01
"""The flags of a .pyc that is valid whatever its source's time and content (PEP 552)."""


@pytest.fixture
def without_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has not the runtime's Python."""
    monkeypatch.setattr(bundling, "RUNTIME_VERSION", "9.99")


@pytest.fixture
def with_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose `python9.99` is this Python and notes its calls."""
    monkeypatch.setattr(bundling, "RUNTIME_VERSION", "9.99")
    calls = tmp_path / "calls"
    python = tmp_path / "bin/python9.99"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(python.parent), prepend=":")
    return calls


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    directory = tmp_path / "layer"
    directory.mkdir()
    (directory / "module.py").write_text("answer = 42\n")
    (directory / "template.py").write_text("this is {{ no }} Python\n")
    return directory


def byte_code(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.pyc"))


def test_without_the_runtimes_python_a_layer_has_no_byte_code(
    layer: Path, without_runtime: None
) -> None:
    assert not compile_layer(layer, "lambda")
    assert byte_code(layer) == []


def test_the_runtimes_python_compiles_what_it_will_not_check_again(
    layer: Path, with_runtime: Path
) -> None:
    assert compile_layer(layer, "lambda")
    (made,) = byte_code(layer)
    assert made.read_bytes()[4] == UNCHECKED
    assert "compileall" in with_runtime.read_text()


def test_a_layer_for_this_machine_is_compiled_by_this_python(
    layer: Path, without_runtime: None
) -> None:
    assert compile_layer(layer, "host")
    (made,) = byte_code(layer)
    assert sys.implementation.cache_tag in made.name


def infos(wheels: str, directory: Path) -> list[object]:
    """What the command line tells about the layers, without building them."""
    app = cdk.App(context={"aws:cdk:bundling-stacks": []}, outdir=str(directory))
    layers = Layers(cdk.Stack(app, "Stack"), "Layers", wheels=wheels)
    return [each.data for each in layers.node.metadata]


@pytest.mark.usefixtures("without_runtime")
def test_the_operator_is_told_when_cold_starts_will_be_slow(tmp_path: Path) -> None:
    assert any(NO_BYTE_CODE in str(each) for each in infos("lambda", tmp_path))
    assert infos("host", tmp_path) == []


@pytest.mark.usefixtures("with_runtime")
def test_with_the_runtimes_python_nothing_is_said(tmp_path: Path) -> None:
    assert infos("lambda", tmp_path) == []


def test_a_new_python_on_the_machine_makes_new_layers(with_runtime: Path) -> None:
    compiled = bundling.mark("lambda")
    with_runtime.parent.joinpath("bin/python9.99").unlink()
    assert bundling.mark("lambda") != compiled


def clients(source: str) -> Iterator[str]:
    """The services that a source makes boto3 clients of."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("client", "resource")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def test_the_layer_describes_every_service_that_the_code_asks() -> None:
    places = ("layers/core/python", "functions", "infra/handlers")
    sources = [file for place in places for file in (ROOT / place).rglob("*.py")]
    asked = {service for file in sources for service in clients(file.read_text())}
    assert {"kms", "secretsmanager"} <= asked <= SERVICES


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("botocore/client.py", True),
    ],
)
def test_of_botocore_only_asked_services_are_kept(path: str, is_kept: bool) -> None:
    assert is_asked(PurePath(path)) is is_kept


def test_what_is_installed_is_taken_with_all_it_needs(tmp_path: Path) -> None:
    copy_installed(REQUIREMENTS, tmp_path, is_asked)
    assert (tmp_path / "pydantic_core").is_dir(), "pydantic needs it, no line names it"
    assert not (tmp_path / "pytest").exists()
    assert not (tmp_path / "botocore/data/ec2").exists()
    assert not (tmp_path / "bin").exists()
    assert byte_code(tmp_path) == []


def test_another_version_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("boto3==1.0.0\n")
    with pytest.raises(NotInstalled, match=f"boto3==1.0.0: {version('boto3')}"):
        closure(requirements)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# nothing\nno-such-thing>=1  # why\n")
    with pytest.raises(NotInstalled, match="no-such-thing"):
        closure(requirements)
