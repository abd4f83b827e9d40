"""Kafka -> congratulations by push."""

from dataclasses import asdict
from typing import Any

from nft_upgrade import wiring_events


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """`event`: a batch of a Kafka event source. Raising means: deliver the batch again."""
    return asdict(wiring_events.push_notifier().handle(event))
