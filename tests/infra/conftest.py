"""Every stage is synthesized once, also when several processes share the tests."""

import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from infra.stages import DEV, PROD, SHAPES, Stage
from tests.infra.synthesized import Assembly, synthesize

Stages = dict[str, Assembly]


class Synthesis(Protocol):
    """`name` is the assembly's own: one stage in one shape."""

    def __call__(self, name: str, stage: Stage, with_nag: bool = False) -> Assembly: ...


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """By name: the first process that asks synthesizes, others wait and read the same files."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, stage: Stage, with_nag: bool = False) -> Assembly:
        directory, done = shared / f"assembly-{name}", shared / f"assembly-{name}.done"
        with Path(f"{directory}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                synthesize(stage, directory, with_nag=with_nag)
                done.touch()
        return Assembly(stage, directory)

    return once


@pytest.fixture(scope="session")
def assemblies(synthesized: Synthesis) -> Stages:
    return {stage.name: synthesized(stage.name, stage, with_nag=True) for stage in (DEV, PROD)}


@pytest.fixture(params=["dev", "prod"])
def assembly(request: pytest.FixtureRequest, assemblies: Stages) -> Assembly:
    return assemblies[request.param]


@pytest.fixture
def prod(assemblies: Stages) -> Assembly:
    return assemblies["prod"]


@pytest.fixture
def dev(assemblies: Stages) -> Assembly:
    return assemblies["dev"]


@pytest.fixture(scope="session")
def with_kafka(synthesized: Synthesis) -> Callable[[str], Assembly]:
    """Prod with another Kafka."""
    return lambda shape: synthesized(f"prod-{shape}", replace(PROD, kafka=SHAPES[shape]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a process waits for two syntheses, a minute on a busy machine."""
    for item in items:
        if item.path.parent.name == "infra":
            item.add_marker(pytest.mark.timeout(300))
