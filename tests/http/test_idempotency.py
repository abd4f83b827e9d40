"""What is kept of an answered call, and what happens when it cannot be kept."""

import json

import pytest

from nft_upgrade.domain.errors import MintingPaused, StorageUnavailable
from nft_upgrade.http.errors import InvalidIdempotencyKey
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
