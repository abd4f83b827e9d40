"""Why a burn was accepted, refused or held: the proof as it was decided, or as it stands now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import Clock, Upgrades
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.reading import Reading


@dataclass(frozen=True, slots=True)
class BurnReport:
    """`proof` in the form of `BurnProof.as_json`; None: no burn was claimed or found yet.

    `is_decided`: it is the proof that the upgrade's status rests on, as it is in the audit record;
    else the chain was asked just now, and the next answer may differ.
    """

    upgrade: Upgrade
    proof: Mapping[str, Any] | None
    is_decided: bool
    looked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """The caller's own burns, check by check."""

    upgrades: Upgrades
    reading: Reading
    burning: Burning
    clock: Clock

    def burn(self, user_id: str, upgrade_id: str) -> BurnReport:
        """ChainUnavailable while a claimed burn is undecided and no provider answers."""
        upgrade = self.reading.owned(user_id, upgrade_id)
        if upgrade.status is Status.BURN_PENDING and upgrade.burn_signature is not None:
            proof = self.burning.examine(upgrade, upgrade.burn_signature)
            return BurnReport(upgrade, proof.as_json(), False, self.clock.now())
        return self._decided(upgrade)

    def _decided(self, upgrade: Upgrade) -> BurnReport:
        """The latest one: after a refusal another burn may have been proven."""
        for event in reversed(self.upgrades.events(upgrade.id)):
            if "proof" in event.data:
                return BurnReport(upgrade, event.data["proof"], True, event.occurred_at)
        return BurnReport(upgrade, None, False, None)
