"""SNS -> addresses that mail must not be sent to any more."""

from typing import Any

from nft_upgrade import wiring_events


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """`event`: SES's bounces and complaints. Raising means: SNS tries again."""
    return {"suppressed": wiring_events.mail_feedback().handle(event)}
