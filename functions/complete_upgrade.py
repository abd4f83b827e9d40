"""CompleteUpgrade: register the successor and release the locks."""

from typing import Any

from nft_upgrade import observability, wiring
from nft_upgrade.tasks import outcome


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event` is the execution's `{upgradeRequestId, run, ...}`; so is the answer."""
    upgrade_id = str(event["upgradeRequestId"])
    with observability.step("complete_upgrade", upgrade_id):
        return outcome(wiring.minting().complete(upgrade_id))
