"""A house per test."""

import pytest

from tests.http.house import House


@pytest.fixture
def house() -> House:
    return House()
