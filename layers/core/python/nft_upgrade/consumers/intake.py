"""Kafka's batches as Lambda hands them over, one event at a time, past whatever cannot be read."""

import base64
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nft_upgrade.consumers.ports import DeadLetter, DeadLetters, Meter
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.ports import Clock

logger = logging.getLogger(__name__)


UNFIT = (ValueError, TypeError, KeyError)
"""What code raises that met a fact it was not made for. It would again, however often."""


class Poison(Exception):
    """This record can never be taken, however often it comes: dead letter, go on."""

    def __init__(self, reason: str, *, kind: str = "refused") -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record lies, and its value and key as base64."""

    topic: str
    partition: int
    offset: int
    value: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of one batch."""

    taken: int
    dead: int


class Intake:
    """One consumer's way in.

    An unreadable record becomes a dead letter and does not stop those behind it. Everything else
    that goes wrong (storage does not answer, the mail service neither, a dead letter is not
    acknowledged) is raised, so that Lambda delivers the batch again: a record's offset is committed
    only when it was taken or its letter is safe. What had been done by then is not done twice.

    Counted per consumer: DeadLetters, SequenceGaps, Duplicates (records that changed nothing).
    """

    def __init__(
        self,
        consumer: str,
        *,
        read: Callable[[bytes], UpgradeEvent],
        take: Callable[[UpgradeEvent], object],
        dead_letters: DeadLetters,
        meter: Meter,
        clock: Clock,
        has: Callable[[str, int], bool] | None = None,
        take_all: Callable[[Sequence[UpgradeEvent]], Sequence[bool]] | None = None,
    ) -> None:
        """`read` raises ValueError for what is no event, `take` Poison for what it cannot take and
        answers False for what changed nothing; a ValueError, TypeError or KeyError is poison, too.
        `has(upgrade_id, sequence)`: whether that event was taken; without it nobody looks for
        gaps. `take_all` takes a batch at once, answers for each event and looks for gaps itself;
        `take` is called only when it raises what is poison, to find whose it is.
        """
        self._consumer = consumer
        self._read = read
        self._take = take
        self._dead_letters = dead_letters
        self._meter = meter
        self._clock = clock
        self._has = has
        self._take_all = take_all

    def handle(self, payload: Mapping[str, Any]) -> IntakeReport:
        """`payload`: Lambda's event of an MSK or self-managed Kafka source."""
        readable: list[tuple[UpgradeEvent, RecordPlace]] = []
        dead = 0
        for place in places(payload):
            try:
                readable.append((self._event(place), place))
            except Poison as poison:
                dead += self._bury(place, poison)
        readable.sort(key=lambda pair: (pair[0].upgrade_id, pair[0].sequence))
        if not self._is_taken_at_once([event for event, _ in readable]):
            dead += sum(self._take_or_bury(event, place) for event, place in readable)
        return IntakeReport(taken=len(readable), dead=dead)

    def _is_taken_at_once(self, events: Sequence[UpgradeEvent]) -> bool:
        """False: one by one, then. What of the batch was written by then is taken as duplicates."""
        if not self._take_all:
            return False
        try:
            answers = self._take_all(events) if events else ()
        except (Poison, *UNFIT):
            logger.exception("%s: a batch of %d one by one", self._consumer, len(events))
            return False
        for _ in filter(lambda is_new: not is_new, answers):
            self._meter.count("Duplicates", self._consumer)
        return True

    def _take_or_bury(self, event: UpgradeEvent, place: RecordPlace) -> int:
        """How many dead letters that made."""
        try:
            self._take_one(event)
        except Poison as poison:
            return self._bury(place, poison)
        except UNFIT as error:
            logger.exception("%s: cannot take %s", self._consumer, event.event_id)
            return self._bury(place, Poison(f"{type(error).__name__}: {error}"))
        return 0

    def _take_one(self, event: UpgradeEvent) -> None:
        if self._has and event.sequence > 1:
            has_previous = self._has(event.upgrade_id, event.sequence - 1)
            notice_gap(event, has_previous=has_previous, consumer=self._consumer, meter=self._meter)
        if self._take(event) is False:
            self._meter.count("Duplicates", self._consumer)

    def _event(self, place: RecordPlace) -> UpgradeEvent:
        try:
            return self._read(base64.b64decode(place.value, validate=True))
        except UNFIT as error:
            kind = getattr(error, "reason", "broken")
            raise Poison(f"{type(error).__name__}: {error}", kind=kind) from error

    def _bury(self, place: RecordPlace, poison: Poison) -> int:
        reason = str(poison)[:1000]
        logger.error("%s: dead letter %s: %s", self._consumer, _name(place), reason)
        self._dead_letters.bury(
            DeadLetter(
                consumer=self._consumer,
                topic=place.topic,
                partition=place.partition,
                offset=place.offset,
                value=place.value,
                reason=reason,
                at=self._clock.now(),
                kind=poison.kind,
                key=place.key,
            )
        )
        self._meter.count("DeadLetters", self._consumer)
        return 1


def places(payload: Mapping[str, Any]) -> Iterable[RecordPlace]:
    """All records of the batch; a tombstone (no value) has an empty one.

    Shape: https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html (`records` by
    "topic-partition", `value` in base64).
    """
    for records in payload["records"].values():
        for record in records:
            yield RecordPlace(
                record["topic"],
                record["partition"],
                record["offset"],
                record.get("value") or "",
                record.get("key"),
            )


def notice_gap(event: UpgradeEvent, *, has_previous: bool, consumer: str, meter: Meter) -> None:
    """Say so when the event before this one has not come yet.

    Kafka orders a partition, not topics, so the missing one is usually just behind; one that stays
    away is published again by the sweep.
    """
    if event.sequence > 1 and not has_previous:
        logger.info("%s: %s came before its predecessor", consumer, event.event_id)
        meter.count("SequenceGaps", consumer)


def _name(place: RecordPlace) -> str:
    return f"{place.topic}-{place.partition}@{place.offset}"
