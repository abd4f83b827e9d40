"""A relay per test, in a thread of this process."""

from collections.abc import Iterator

import pytest

from tests.relay.harness import World
from tests.sse import close_all


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_socket_left_open() -> Iterator[None]:
    yield
    close_all()
