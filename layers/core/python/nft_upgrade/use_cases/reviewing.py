"""What only a human may decide: burns by a delegate or a multisig, or in a form we did not foresee.

The machine holds them as `under_review` for as long as it takes. An operator accepts (the successor
is owed) or refuses (the request is open again, and ends by the next sweep, because what is burned
cannot be burned once more). Both are events like any other, audited with the operator's reason.
"""

from dataclasses import dataclass

from nft_upgrade.domain.burn import BurnProof, Verdict
from nft_upgrade.domain.errors import ChainUnavailable, ErrorType, WrongStatus
from nft_upgrade.domain.upgrade import Failure, Review, Transition, Upgrade
from nft_upgrade.ports import Clock, Upgrades
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.reading import Reading

REFUSED = "review_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewing:
    """An operator's decisions."""

    upgrades: Upgrades
    reading: Reading
    burning: Burning
    clock: Clock

    def proof(self, upgrade_id: str) -> BurnProof:
        """The burn as it stands now; WrongStatus unless the upgrade is under review."""
        return self._held(upgrade_id)[1]

    def accept(self, upgrade_id: str, review: Review) -> Upgrade:
        """The successor is owed to the request's wallet.

        The chain is asked again: what has turned out to be no burn, or is undecided just now, is
        not accepted (WrongStatus, ChainUnavailable). Raises AlreadyRedeemed for a second successor.
        """
        upgrade, proof = self._held(upgrade_id)
        if proof.verdict is Verdict.PENDING:
            raise ChainUnavailable("The burn cannot be looked at just now.")
        if proof.verdict is Verdict.REJECTED:
            raise WrongStatus("This is no burn of the NFT any more: it can only be refused.")
        if proof.owner != upgrade.user_id:
            raise WrongStatus("The request's wallet did not hold the NFT: it can only be refused.")
        proven = self._commit(
            upgrade.prove_burn(
                proof, nft=self.reading.nft_of(upgrade), at=self.clock.now(), review=review
            )
        )
        # The execution that found the burn has ended: its name cannot be used again.
        again = proven.run_again(at=self.clock.now())
        self.upgrades.note(proven, again)
        self.burning.start(again)
        return again

    def refuse(self, upgrade_id: str, review: Review) -> Upgrade:
        """No successor for this burn; the user is told the reason."""
        upgrade, proof = self._held(upgrade_id)
        failure = Failure(
            REFUSED, ErrorType.BURN_TRANSACTION_FAILED, review.reason, retryable=False
        )
        return self._commit(
            upgrade.reject_burn(failure, proof=proof, at=self.clock.now(), review=review)
        )

    def _held(self, upgrade_id: str) -> tuple[Upgrade, BurnProof]:
        """What is decided is what was looked at: the commit conflicts if it moved meanwhile."""
        upgrade = self.reading.upgrade(upgrade_id)
        return upgrade, self.burning.examine(upgrade, upgrade.require_held())

    def _commit(self, transition: Transition) -> Upgrade:
        self.upgrades.commit(transition)
        return transition.after


def refused_signatures(upgrades: Upgrades, upgrade: Upgrade) -> frozenset[str]:
    """The burns of an upgrade that an operator refused."""
    return frozenset(
        event.data["proof"]["signature"]
        for event in upgrades.events(upgrade.id)
        if "review" in event.data
    )
