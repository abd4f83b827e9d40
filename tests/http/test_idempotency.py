"""The same call twice: one effect, one answer."""

import json
from threading import Barrier, Thread

import pytest

from nft_upgrade.domain.errors import MintingPaused, StorageUnavailable
from nft_upgrade.http.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
)
from nft_upgrade.http.idempotency import Answer, KeyedCall, Once
from tests.fakes.idempotency import FakeIdempotencyStore

CALL = KeyedCall("W1", "POST /api/nft/upgrade", "key-1", {"targetLevel": 2})
SECRET = "a ticket nobody may read"


class Act:
    """Counts how often it is done, and answers with that."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> Answer:
        self.done += 1
        return Answer(201, {"done": self.done, "ticket": SECRET}, {"location": "/here"})


@pytest.fixture
def store() -> FakeIdempotencyStore:
    return FakeIdempotencyStore()


@pytest.fixture
def once(store: FakeIdempotencyStore) -> Once:
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


def test_answers_are_not_stored_readable(once: Once, store: FakeIdempotencyStore) -> None:
    once.run(CALL, Act())
    (record,) = store.records.values()
    assert SECRET not in json.dumps(vars(record))
    assert CALL.idempotency_key not in json.dumps(vars(record))


def test_without_its_store_a_keyed_call_is_not_started(
    once: Once, store: FakeIdempotencyStore
) -> None:
    store.is_down = True
    act = Act()
    with pytest.raises(StorageUnavailable):
        once.run(CALL, act)
    assert act.done == 0


def test_an_answer_survives_a_store_that_fails_afterwards(
    once: Once, store: FakeIdempotencyStore
) -> None:
    def act() -> Answer:
        store.is_down = True
        return Answer(200, {"done": 1})

    assert once.run(CALL, act).body == {"done": 1}


def test_an_error_survives_a_store_that_fails_afterwards(
    once: Once, store: FakeIdempotencyStore
) -> None:
    def refused() -> Answer:
        store.is_down = True
        raise MintingPaused("Later.")

    with pytest.raises(MintingPaused):
        once.run(CALL, refused)


@pytest.mark.parametrize("text", ["", "x" * 256, "a\x7f", "ä"])
def test_keys_are_short_and_visible(text: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        KeyedCall("W1", "POST /", text, {})
