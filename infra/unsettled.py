"""What an operator has not said yet about a stage, and what happens until then.

A synthesis needs none of it; in prod it warns, the deployment's outputs repeat it, and the smoke
suite fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.stages import Stage

PLACEHOLDER = "nft.example"
"""A name that nobody can own (RFC 2606): what still contains it was never chosen."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """`name`: of the choice in cdk.json; `until_then`: one sentence."""

    name: str
    until_then: str

    def __str__(self) -> str:
        return f"{self.name}: {self.until_then}"


def unsettled(stage: Stage) -> Iterator[Unsettled]:
    """The choices of `stage` that are placeholders or empty."""
    if not stage.alarm_email:
        yield Unsettled("alarm_email", "nobody is subscribed to the alarms; nobody is woken")
    if PLACEHOLDER in stage.nft_metadata_base_uri:
        yield Unsettled(
            "nft_metadata_base_uri",
            f"NFTs are minted for ever with metadata at {stage.nft_metadata_base_uri}, "
            "which does not exist",
        )
    if PLACEHOLDER in stage.notify_sender:
        yield Unsettled("notify_sender", f"no mail can leave from {stage.notify_sender}")
    if not stage.operator_wallets:
        yield Unsettled("operator_wallets", "nobody may use the operators' view")
