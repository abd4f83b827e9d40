"""Every stage is synthesized once; the Node process behind CDK is shared."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from infra.stages import DEV, PROD, SHAPES
from tests.infra.synthesized import Assembly, synthesize

Stages = dict[str, Assembly]


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return {
        stage.name: synthesize(stage, tmp_path_factory.mktemp(stage.name), with_nag=True)
        for stage in (DEV, PROD)
    }


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
def with_kafka(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assembly]:
    """Prod with another Kafka."""

    def make(shape: str) -> Assembly:
        stage = replace(PROD, kafka=SHAPES[shape])
        return synthesize(stage, tmp_path_factory.mktemp(shape), with_nag=False)

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a process waits for two syntheses, a minute on a busy machine."""
    for item in items:
        if item.path.parent.name == "infra":
            item.add_marker(pytest.mark.timeout(300))
