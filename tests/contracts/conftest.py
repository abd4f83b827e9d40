"""Every contract test runs in memory, on the emulator, and (marked `engines`) on DynamoDB Local."""

import uuid
from collections.abc import Iterator

import pytest

from tests.contracts.storages import Storage, in_memory, on_dynamodb

REAL = ("aws", pytest.param("dynamodb_local", marks=pytest.mark.engines))


@pytest.fixture(params=("memory", *REAL))
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Empty storage of one kind."""
    if request.param == "memory":
        yield in_memory()
    else:
        yield from real(request)


@pytest.fixture(params=REAL)
def real_storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Empty storage on an engine: for what a lock in memory would prove nothing about."""
    yield from real(request)


def real(request: pytest.FixtureRequest) -> Iterator[Storage]:
    endpoint = request.getfixturevalue(request.param)
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield on_dynamodb(url, f"t{uuid.uuid4().hex[:10]}-")
