"""The engines that tests may ask for by name; each starts on first use, on a free loopback port."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.aws",
    "tests.fixtures.dynamodb_local",
    "tests.fixtures.kafka",
    "tests.fixtures.kms",
    "tests.fixtures.solana",
]

# How fast inputs are made says something about the machine's load, and nothing about our code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Few tests, long ones: begun last they would keep one process busy while the others are done.
LONG = ("tests/local/", "tests/web/", "tests/delivery/", "tests/relay/", "tests/use_cases/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
