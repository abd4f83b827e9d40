"""The dead-letter topic: one record per letter, value and key as they were, the rest in headers."""

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from nft_upgrade.adapters.kafka_events import producer_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.consumers.ports import DeadLetter, DeadLettersUnavailable
from nft_upgrade.domain.events import iso, parse_iso
from nft_upgrade.messages import TOPIC_DEAD_LETTERS

LARGEST_DEAD_LETTER = 2 * 1024 * 1024
"""Bytes: what any topic takes (1 MiB) and the headers beside it."""
LARGEST_VALUE = LARGEST_DEAD_LETTER - 64 * 1024
"""Bytes of key and value together. Compressed, a topic takes more than that."""


class KafkaDeadLetters:
    """`DeadLetters`, and the way back: over one idempotent producer, connected on first use and
    thrown away after an error, as the publisher's is."""

    def __init__(self, settings: KafkaSettings, *, delivery_seconds: float = 8.0) -> None:
        self._settings = settings
        self._seconds = delivery_seconds
        self._producer: KafkaProducer | None = None

    def bury(self, letter: DeadLetter) -> None:
        """See `DeadLetters`."""
        topic = self._settings.kafka_topic_prefix + TOPIC_DEAD_LETTERS
        fitting = that_fits(letter)
        self._write(topic, fitting, headers(fitting))

    def send_back(self, letter: DeadLetter) -> None:
        """Write the record to the topic it came from; raises DeadLettersUnavailable."""
        self._write(letter.topic, letter, [("replayedLetter", letter.letter_id.encode())])

    def close(self) -> None:
        """Drop the connection; the next letter makes a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                producer.close(timeout=1)

    def _write(self, topic: str, letter: DeadLetter, with_: list[tuple[str, bytes]]) -> None:
        key = base64.b64decode(letter.key) if letter.key else None
        try:
            sent = self._connected().send(topic, key=key, value=letter.original, headers=with_)
            sent.get(timeout=self._seconds + 1)
        except KafkaError as error:
            self.close()
            raise DeadLettersUnavailable(f"{topic}: {type(error).__name__}: {error}") from error

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(
                **producer_options(self._settings, self._seconds),
                max_request_size=LARGEST_DEAD_LETTER,
            )
        return self._producer


def that_fits(letter: DeadLetter) -> DeadLetter:
    """The letter; without key and value when its topic would refuse it for ever. The record lies
    where it came from for as long as Kafka keeps it, and the letter says which one it was."""
    size = len(letter.original) + len(letter.key or "")
    if size <= LARGEST_VALUE:
        return letter
    digest = hashlib.sha256(letter.original).hexdigest()
    left_out = f"left out: {len(letter.original)} bytes, SHA-256 {digest}"
    return replace(letter, value="", key=None, reason=f"{letter.reason[:800]} ({left_out})")


def headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """All but key and value, as text."""
    facts = {
        "letterId": letter.letter_id,
        "consumer": letter.consumer,
        "kind": letter.kind,
        "reason": letter.reason,
        "sourceTopic": letter.topic,
        "sourcePartition": str(letter.partition),
        "sourceOffset": str(letter.offset),
        "failedAt": iso(letter.at),
    }
    return [(name, fact.encode()) for name, fact in facts.items()]


def letter_of(record: Any) -> DeadLetter:
    """The letter in a record of the topic; KeyError or ValueError when it is none."""
    facts: Mapping[str, str] = {name: fact.decode() for name, fact in record.headers}
    return DeadLetter(
        consumer=facts["consumer"],
        topic=facts["sourceTopic"],
        partition=int(facts["sourcePartition"]),
        offset=int(facts["sourceOffset"]),
        value=_text(record.value) or "",
        reason=facts["reason"],
        at=parse_iso(facts["failedAt"]),
        kind=facts["kind"],
        key=_text(record.key),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
