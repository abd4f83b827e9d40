"""The same call twice has one effect and one answer, whatever keeps the records."""

from collections.abc import Iterator
from threading import Barrier, Thread
from uuid import uuid4

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    DynamoDBPersistenceLayer,
)

from local.aws_resources import create_tables
from nft_upgrade.domain.errors import MintingPaused
from nft_upgrade.http.errors import IdempotencyInProgress, IdempotencyKeyReused
from nft_upgrade.http.idempotency import Answer, KeyedCall, Once
from tests.contracts.conftest import REAL
from tests.fakes.idempotency import FakeIdempotencyStore

CALL = KeyedCall("W1", "POST /api/nft/upgrade", "key-1", {"targetLevel": 2})


class Act:
    """Counts how often it is done, and answers with that."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> Answer:
        self.done += 1
        return Answer(201, {"done": self.done}, {"location": "/here"})


@pytest.fixture(params=("memory", *REAL))
def store(request: pytest.FixtureRequest) -> Iterator[BasePersistenceLayer]:
    if request.param == "memory":
        yield FakeIdempotencyStore()
        return
    endpoint = request.getfixturevalue(request.param)
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    prefix = f"t{uuid4().hex[:10]}-"
    create_tables(url, prefix)
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield DynamoDBPersistenceLayer(
        f"{prefix}transient", key_attr="item", expiry_attr="expires", boto3_client=client
    )
    client.close()


@pytest.fixture
def once(store: BasePersistenceLayer) -> Once:
    return Once(store, lambda size: bytes(size))


def test_the_first_answer_is_given_again(once: Once) -> None:
    act = Act()
    first = once.run(CALL, act)
    assert once.run(CALL, act) == first
    assert (act.done, first.status, first.headers) == (1, 201, {"location": "/here"})


@pytest.mark.parametrize(
    "other",
    [
        KeyedCall("W2", CALL.route, CALL.idempotency_key, CALL.fields),
        KeyedCall(CALL.user_id, "POST /api/nft/other", CALL.idempotency_key, CALL.fields),
        KeyedCall(CALL.user_id, CALL.route, "key-2", CALL.fields),
    ],
    ids=["user", "route", "key"],
)
def test_another_user_route_or_key_is_another_call(once: Once, other: KeyedCall) -> None:
    act = Act()
    once.run(CALL, act)
    once.run(other, act)
    assert act.done == 2


def test_the_same_key_with_another_body_is_refused(once: Once) -> None:
    once.run(CALL, Act())
    with pytest.raises(IdempotencyKeyReused):
        once.run(KeyedCall(CALL.user_id, CALL.route, "key-1", {"targetLevel": 3}), Act())


def test_while_the_first_still_runs_the_second_is_told_so(once: Once) -> None:
    inside, outside, refused = Barrier(2), Barrier(2), []

    def slow() -> Answer:
        inside.wait()
        outside.wait()
        return Answer(200, {})

    first = Thread(target=lambda: once.run(CALL, slow))
    first.start()
    inside.wait()
    try:
        once.run(CALL, Act())
    except IdempotencyInProgress as error:
        refused.append(error)
    outside.wait()
    first.join()
    assert refused


def test_a_refused_call_may_be_tried_again(once: Once) -> None:
    def refused() -> Answer:
        raise MintingPaused("Later.")

    with pytest.raises(MintingPaused):
        once.run(CALL, refused)
    assert once.run(CALL, Act()).status == 201
