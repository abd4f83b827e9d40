"""DynamoDB's errors as ours. No error of pynamodb or botocore leaves an adapter.

| theirs                                                 | ours                                 |
|--------------------------------------------------------|--------------------------------------|
| a condition was false                                  | decided by the adapter               |
| another transaction holds an item, or too many calls   | tried again, then StorageUnavailable |
| anything else: network, timeout, 5xx, refused requests | StorageUnavailable                   |
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pynamodb.exceptions import DoesNotExist, PynamoDBException, TransactWriteError
from pynamodb.models import Model

from nft_upgrade.domain.errors import StorageUnavailable

T = TypeVar("T")
M = TypeVar("M", bound=Model)
Pause = Callable[[float], None]
CONDITION_FAILED = "ConditionalCheckFailed"
ITEM_CONDITION_FAILED = "ConditionalCheckFailedException"
BUSY = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Cancellation reasons that say nothing about our conditions."""
BUSY_CALL = frozenset(
    {
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    }
)
TRIES = 8
FIRST_PAUSE = 0.025
"""Seconds; doubles with every try, and each is drawn at random from zero up to it."""


@contextmanager
def storage() -> Iterator[None]:
    """StorageUnavailable for every error that the adapter has not decided itself."""
    try:
        yield
    except PynamoDBException as error:
        raise StorageUnavailable(f"DynamoDB: {error.msg}") from error


def read_item(model: type[M], key: str, sort_key: str | None = None) -> M | None:
    """The item, strongly consistent; None when there is none."""
    with storage():
        try:
            return model.get(key, sort_key, consistent_read=True)
        except DoesNotExist:
            return None


def is_condition_failure(error: PynamoDBException) -> bool:
    """Whether a single item's condition was false."""
    return response_code(error) == ITEM_CONDITION_FAILED


def is_busy(error: PynamoDBException) -> bool:
    """Whether the same call may succeed in a moment, and no condition was found false."""
    if isinstance(error, TransactWriteError) and error.cancellation_reasons:
        codes = {reason.code for reason in error.cancellation_reasons if reason}
        return bool(codes) and codes <= BUSY
    return response_code(error) in BUSY_CALL


def response_code(error: PynamoDBException) -> str | None:
    """DynamoDB's error code; None when there was no answer at all.

    pynamodb's own `cause_response_code` raises AttributeError on a lost connection, whose botocore
    error has a `response` of None.
    """
    response = getattr(error.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def persistently(call: Callable[[], T], pause: Pause) -> T:
    """Try `call` again while DynamoDB is busy: at most 8 times, about three seconds in all.

    The pauses follow "full jitter" (AWS Architecture Blog, Exponential Backoff And Jitter).
    """
    for number in range(TRIES - 1):
        try:
            return call()
        except PynamoDBException as error:
            if not is_busy(error):
                raise
        pause(random.uniform(0, FIRST_PAUSE * 2**number))
    return call()
