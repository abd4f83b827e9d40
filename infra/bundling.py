"""Layers without Docker: pip fetches wheels for Lambda's platform, byte code is compiled if the
runtime's own Python is at hand.

What was fetched once is kept under `.build/layers`, so that a second synthesis only copies it.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, Final

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.installed import copy_installed, link

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = ROOT / "layers/dependencies/requirements.txt"
CORE: Final = ROOT / "layers/core/python"
KEPT: Final = ROOT / ".build/layers"
RUNTIME_VERSION: Final = "3.14"
PLATFORMS: Final = ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")
"""What Amazon Linux 2023 (glibc 2.34) runs."""
SERVICES: Final = frozenset(
    {
        "dynamodb",
        "dynamodbstreams",
        "kafka",
        "kms",
        "s3",
        "secretsmanager",
        "sesv2",
        "sns",
        "sqs",
        "stepfunctions",
        "sts",
    }
)
"""Whose descriptions the layer keeps; a test reads the code for services that are missing here."""


@jsii.implements(ILocalBundling)
class LocalBundling:
    """CDK calls it instead of a container; it never answers "use one"."""

    def __init__(self, build: Any) -> None:
        """`build(target)` fills a directory."""
        self._build = build

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        self._build(Path(output_dir))
        return True


def dependencies_code(*, wheels: str) -> lambda_.AssetCode:
    """The layer of what Lambda needs from PyPI; `wheels`: `lambda` or `host`."""
    name = mark(wheels)
    return _code(REQUIREMENTS.parent, name, lambda target: _dependencies(target, name, wheels))


def mark(wheels: str) -> str:
    """The dependencies layer's name: another one whenever something else would be in it."""
    return _digest([REQUIREMENTS], wheels, _compiler(wheels), *sorted(SERVICES))


def core_code(*, wheels: str) -> lambda_.AssetCode:
    """The layer of the package itself, as it lies."""
    sources = sorted(path for path in CORE.rglob("*") if _is_source(path))
    name = _digest(sources, wheels, _compiler(wheels))
    return _code(CORE.parent, name, lambda target: _core(target, wheels))


def _compiler(wheels: str) -> str:
    """What byte code there will be."""
    return sys.implementation.cache_tag if wheels == "host" else str(runtime_python() is not None)


def runtime_python() -> str | None:
    """Where the runtime's Python is on this machine; this very process, when it is one."""
    if ".".join(map(str, sys.version_info[:2])) == RUNTIME_VERSION:
        return sys.executable
    return shutil.which(f"python{RUNTIME_VERSION}")


def build_dependencies(target: Path, wheels: str) -> None:
    """Fill `target` with what the requirements need; NotInstalled or CalledProcessError when
    something is missing."""
    if wheels == "host":
        copy_installed(REQUIREMENTS, target, is_asked)
    else:
        _fetch(target)
        _thin_out(target)


def _fetch(target: Path) -> None:
    platform = [f"--platform={name}" for name in PLATFORMS]
    lambda_only = [*platform, f"--python-version={RUNTIME_VERSION}", "--implementation=cp"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [
            *command,
            "--only-binary=:all:",
            "--no-compile",
            f"--target={target}",
            f"--requirement={REQUIREMENTS}",
            *lambda_only,
        ],
        check=True,
    )


def is_asked(path: PurePath) -> bool:
    """False for botocore's description of a service that nobody asks."""
    parts = path.parts
    return parts[:2] != ("botocore", "data") or len(parts) == 3 or parts[2] in SERVICES


def _thin_out(target: Path) -> None:
    """Also without the scripts."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for file in list((target / "botocore/data").rglob("*")):
        if file.is_file() and not is_asked(file.relative_to(target)):
            file.unlink()


def _code(source: Path, mark: str, build: Any) -> lambda_.AssetCode:
    return lambda_.Code.from_asset(
        str(source),
        asset_hash=mark,
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("never-used"), local=LocalBundling(build)
        ),
    )


def _dependencies(target: Path, name: str, wheels: str) -> None:
    kept = KEPT / name
    if not kept.is_dir():
        draft = kept.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        build_dependencies(draft / "python", wheels)
        compile_layer(draft, wheels)
        draft.rename(kept)
    shutil.copytree(kept, target, copy_function=link, dirs_exist_ok=True)


def _core(target: Path, wheels: str) -> None:
    shutil.copytree(
        CORE / "nft_upgrade",
        target / "python" / "nft_upgrade",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    compile_layer(target, wheels)


def compile_layer(directory: Path, wheels: str) -> bool:
    """Whether there is byte code now: only what the layer's own Python made is of use to it.

    It is never checked against its source: a layer's files get new times when they are unpacked.
    """
    python = sys.executable if wheels == "host" else runtime_python()
    if python is None:
        return False
    # Some wheels carry files that are no Python; those stay uncompiled, hence no `check`.
    command = [python, "-m", "compileall", "-qq", "-j", "0", "--invalidation-mode=unchecked-hash"]
    subprocess.run([*command, directory], check=False)
    return True


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)


def _digest(files: Iterable[Path], *words: str) -> str:
    digest = hashlib.sha256(repr((RUNTIME_VERSION, PLATFORMS, words)).encode())
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
