"""One TransactWrite, made of steps that know what it means when their condition is false."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from nft_upgrade.adapters.dynamodb_errors import (
    CONDITION_FAILED,
    Pause,
    persistently,
    storage,
)
from nft_upgrade.domain.errors import UpgradeError

RawItem = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's JSON."""


class Order(IntEnum):
    """pynamodb sends deletes, then puts, then updates; reasons come back in that order."""

    DELETE = 1
    PUT = 2
    UPDATE = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One item's write. `refusal` makes our error from the item as it was (None: not there).

    `may_be_left_out`: a false condition means that there is nothing to do for this step.
    """

    order: Order
    add: Callable[[TransactWrite], None]
    refusal: Callable[[RawItem | None], UpgradeError]
    may_be_left_out: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step whose condition was false; `item` is the item as it was, where DynamoDB says."""

    step: Step
    item: RawItem | None

    @property
    def error(self) -> UpgradeError:
        return self.step.refusal(self.item)


def transact(connection: Connection, steps: Sequence[Step], pause: Pause) -> Sequence[Refusal]:
    """Write all steps or none; the refusals, in the order of `steps` (empty: written).

    A step that may be left out and is refused is left out, and the rest is tried again: that is
    sound where its condition cannot become true while the other steps' conditions hold.
    Raises StorageUnavailable; then the write may or may not have happened.
    """
    with storage():
        refused = persistently(lambda: _try(connection, steps), pause)
    if refused and all(refusal.step.may_be_left_out for refusal in refused):
        left_out = [refusal.step for refusal in refused]
        return transact(connection, [step for step in steps if step not in left_out], pause)
    return refused


def _try(connection: Connection, steps: Sequence[Step]) -> Sequence[Refusal]:
    sent = sorted(steps, key=lambda step: step.order)
    try:
        with TransactWrite(connection=connection) as write:
            for step in sent:
                step.add(write)
    except TransactWriteError as error:
        refusals = _refusals(sent, error)
        if not refusals:
            raise
        return sorted(refusals, key=lambda refusal: steps.index(refusal.step))
    return ()


def _refusals(sent: Sequence[Step], error: TransactWriteError) -> list[Refusal]:
    reasons = error.cancellation_reasons
    return [
        Refusal(step, reason.raw_item)
        for step, reason in zip(sent, reasons, strict=bool(reasons))
        if reason is not None and reason.code == CONDITION_FAILED
    ]
