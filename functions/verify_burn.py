"""VerifyBurn: is the claimed burn proven, refuted, or not to be known yet? In atomic mode a
transaction that is not co-signed yet is handed to SubmitMint first."""

from typing import Any

from nft_upgrade import observability, wiring
from nft_upgrade.tasks import verified


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event` is the execution's `{upgradeRequestId, run, ...}`; so is the answer."""
    upgrade_id = str(event["upgradeRequestId"])
    with observability.step("verify_burn", upgrade_id):
        return verified(wiring.burning().verify(upgrade_id))
