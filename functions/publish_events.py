"""The upgrades table's stream -> Kafka; Lambda repeats from the first record not acknowledged."""

from typing import Any

from nft_upgrade import wiring_events


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event`: a batch of the DynamoDB stream; the answer is a partial batch response."""
    return wiring_events.outbox().handle(event)
