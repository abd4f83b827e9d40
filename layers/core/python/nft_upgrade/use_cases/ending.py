"""Giving up before a burn: only when the chain proves that nothing was burned."""

from dataclasses import dataclass

from nft_upgrade.domain.burn import BurnProof, Verdict
from nft_upgrade.domain.errors import (
    CannotCancelAfterBurn,
    ErrorType,
    ProvidersDisagree,
    VersionConflict,
)
from nft_upgrade.domain.upgrade import Failure, Status, Upgrade
from nft_upgrade.ports import Chain, Clock, Upgrades
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.races import settled
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.reviewing import REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Cancel and expiry. A burn that shows up afterwards is still honoured."""

    upgrades: Upgrades
    reading: Reading
    burning: Burning
    chain: Chain
    clock: Clock

    def cancel(self, user_id: str, upgrade_id: str) -> Upgrade:
        """Cancelled, or unchanged (still burn_pending) while a claimed burn is undecided.

        CannotCancelAfterBurn once the NFT is burned, whether or not that was confirmed.
        """
        return settled(lambda: self._cancel(self.reading.owned(user_id, upgrade_id)))

    def _cancel(self, upgrade: Upgrade) -> Upgrade:
        if upgrade.status is Status.CANCELLED:
            return upgrade
        # The domain refuses what is burned before the chain is asked at all.
        cancelled = upgrade.cancel(nft=self.reading.nft_of(upgrade), at=self.clock.now())
        if upgrade.status is Status.BURN_PENDING and not self._claim_is_refuted(upgrade):
            return upgrade
        self._require_unburned(upgrade)
        self.upgrades.commit(cancelled)
        return cancelled.after

    def expire(self, upgrade: Upgrade) -> Upgrade:
        """For the sweep, on `initiated` requests whose time is over."""
        self._require_unburned(upgrade)
        transition = upgrade.expire(nft=self.reading.nft_of(upgrade), at=self.clock.now())
        self.upgrades.commit(transition)
        return transition.after

    def end_for_other_owner(self, upgrade: Upgrade, proof: BurnProof) -> Upgrade:
        """Another wallet held the NFT and burned it: this request can never come to its burn.

        The user is free again. The registry's row says "active" as before the request; the burn
        itself stays unredeemed, for the wallet that made it.
        """
        code, sentence = "burn_wrong_owner", "Another wallet held this NFT and burned it."
        return self._end_for_good(upgrade, proof, code, sentence)

    def end_for_refused_burn(self, upgrade: Upgrade, proof: BurnProof) -> Upgrade:
        """An operator refused the burn, and there can be no other one: the user is free again."""
        sentence = upgrade.failure.message if upgrade.failure else "The burn was refused."
        return self._end_for_good(upgrade, proof, REFUSED, sentence)

    def _end_for_good(
        self, upgrade: Upgrade, proof: BurnProof, code: str, sentence: str
    ) -> Upgrade:
        failure = Failure(code, ErrorType.INVALID_NFT_STATE, sentence, retryable=False)
        transition = upgrade.fail_permanently(
            failure, nft=self.reading.nft_of(upgrade), proof=proof, at=self.clock.now()
        )
        self.upgrades.commit(transition)
        return transition.after

    def _claim_is_refuted(self, upgrade: Upgrade) -> bool:
        signature = upgrade.burn_signature
        if signature is None:
            raise VersionConflict("The claim was decided meanwhile.")
        return self.burning.examine(upgrade, signature).verdict is Verdict.REJECTED

    def _require_unburned(self, upgrade: Upgrade) -> None:
        """Supply 1 at confirmed too: a burn that is about to be final counts as a burn.

        ProvidersDisagree: what one provider alone says gives nobody's NFT up.
        """
        for commitment in ("confirmed", "finalized"):
            (mint,) = self.chain.mints([upgrade.nft_id], commitment=commitment)
            if not mint.agreed:
                raise ProvidersDisagree("RPC providers contradict each other about the NFT.")
            if not mint.exists or mint.supply != 1:
                raise CannotCancelAfterBurn(
                    "The NFT is burned on chain: confirm the burn to get its successor."
                )
