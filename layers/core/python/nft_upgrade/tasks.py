"""What the workflow's tasks hand to each other: ids and outcomes, never the data itself."""

from typing import Any

from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.use_cases.minting import MintStep
from nft_upgrade.use_cases.sending import Progress


def outcome(upgrade: Upgrade, progress: Progress | None = None) -> dict[str, Any]:
    """A task's answer: `{upgradeRequestId, run, status, progress}` for the Choice that follows."""
    return {
        "upgradeRequestId": upgrade.id,
        "run": upgrade.run,
        "status": upgrade.status.value,
        "progress": None if progress is None else progress.value,
    }


def verified(upgrade: Upgrade) -> dict[str, Any]:
    """After a look at the burn: `ready` means that a submitted transaction wants our signature."""
    return outcome(upgrade, Progress.READY if upgrade.awaits_cosignature else None)


def step_outcome(step: MintStep) -> dict[str, Any]:
    """The same for a step of the mint."""
    return outcome(step.upgrade, step.progress)


def fault(state_input: dict[str, Any]) -> str:
    """Why MarkRetryable was entered: the caught error's name, else the progress that led there."""
    error = state_input.get("error")
    if isinstance(error, dict):
        return str(error.get("Error", "unknown"))
    return str(state_input.get("progress") or "unknown")
