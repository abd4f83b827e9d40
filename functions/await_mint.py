"""AwaitMint: poll and send the same bytes again until the chain has decided."""

from typing import Any

from nft_upgrade import observability, wiring
from nft_upgrade.tasks import step_outcome


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event` is the execution's `{upgradeRequestId, run, ...}`; so is the answer."""
    upgrade_id = str(event["upgradeRequestId"])
    with observability.step("await_mint", upgrade_id):
        return step_outcome(wiring.minting().await_mint(upgrade_id))
