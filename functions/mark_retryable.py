"""MarkRetryable: an execution ends without the mint, and the sweep will go on with it."""

from typing import Any

from nft_upgrade import observability, wiring
from nft_upgrade.tasks import fault, outcome


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event` is the execution's data with `error: {Error, Cause}` when a task failed."""
    upgrade_id = str(event["upgradeRequestId"])
    with observability.step("mark_retryable", upgrade_id, fault=fault(event)):
        return outcome(wiring.minting().mark_retryable(upgrade_id, fault(event)))
