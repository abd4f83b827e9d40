"""What comes back from the wallet in atomic mode: checked, written down, handed to the workflow.

Nothing is signed here: SubmitMint checks again and signs. Until then nothing can land, so a crash,
or a transaction that is lost, has burned nothing.
"""

from dataclasses import dataclass

from nft_upgrade.domain.errors import WrongStatus, WrongTransaction
from nft_upgrade.domain.upgrade import BURNED, Mode, Submitted, Upgrade
from nft_upgrade.ports import AtomicProgram, Chain, Clock, Holder, Upgrades
from nft_upgrade.use_cases.burning import Answer, Burning, Confirmation
from nft_upgrade.use_cases.offering import Offering
from nft_upgrade.use_cases.opening import Opening
from nft_upgrade.use_cases.races import settled
from nft_upgrade.use_cases.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """The user's signed transaction, once per request at a time."""

    upgrades: Upgrades
    reading: Reading
    opening: Opening
    offering: Offering
    atomic: AtomicProgram
    chain: Chain
    burning: Burning
    clock: Clock

    def submit(self, user_id: str, upgrade_id: str, transaction: bytes) -> Confirmation:
        """Claim and transaction are written as one; the same bytes again answer the state.

        WrongTransaction: not what we built, or not signed by its owner. WrongStatus: another one is
        on its way, or the request takes none. What the preflight refuses (MintingPaused, NftNotFree
        ...) is refused before anything is burned.
        """
        return settled(lambda: self._submit(self.reading.owned(user_id, upgrade_id), transaction))

    def _submit(self, upgrade: Upgrade, transaction: bytes) -> Confirmation:
        if upgrade.mode is not Mode.ATOMIC:
            raise WrongStatus("The request was not opened in atomic mode.")
        signature = self._signature(transaction)
        if upgrade.burn_signature == signature or upgrade.status in BURNED:
            return Confirmation(upgrade, Answer.CURRENT)
        holder = self.opening.free_to_burn(upgrade)
        transition = upgrade.submit(
            self._checked(upgrade, holder, transaction),
            signature,
            at=self.clock.now(),
        )
        self.upgrades.commit(transition)
        self.burning.start(transition.after)
        return Confirmation(transition.after, Answer.ACCEPTED)

    def _signature(self, transaction: bytes) -> str:
        try:
            return self.atomic.signature_text(transaction)
        except ValueError as unreadable:
            raise WrongTransaction(f"Not signed: {unreadable}.") from unreadable

    def _checked(self, upgrade: Upgrade, holder: Holder, transaction: bytes) -> Submitted:
        """Whichever blockhash it has, the latest one is valid for longer."""
        order, rent = self.offering.terms(upgrade)
        try:
            self.atomic.require(transaction, order, holder, rent=rent)
        except ValueError as wrong:
            raise WrongTransaction(f"Not signed: {wrong}.") from wrong
        latest = self.chain.latest_blockhash()
        return Submitted(transaction, holder.token_account, rent, latest.last_valid_block_height)
