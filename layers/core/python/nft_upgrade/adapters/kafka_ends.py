"""What lies in partitions up to an end that is known beforehand."""

from collections.abc import Iterator, Mapping
from typing import Any

from kafka import TopicPartition

POLL_MS = 500
SILENT_POLLS = 60
"""Empty answers in a row (30 s) after which the brokers count as away."""


def batches_to(
    ends: Mapping[TopicPartition, int], consumer: Any, *, away: Exception
) -> Iterator[list[Any]]:
    """Records of the consumer's partitions, from its places until all `ends` are reached; a batch
    may be empty, or hold records from behind the ends. Raises `away` when nothing comes for long.
    """
    silent = 0
    while any((consumer.position(place) or 0) < end for place, end in ends.items()):
        polled = consumer.poll(timeout_ms=POLL_MS)
        silent = 0 if polled else silent + 1
        if silent > SILENT_POLLS:
            raise away
        yield [record for records in polled.values() for record in records]
