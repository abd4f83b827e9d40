"""From "I burned it" to a proven burn: the claim, the verification, and late burns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nft_upgrade.domain.burn import BurnClaim, BurnProof, Verdict
from nft_upgrade.domain.burn_checks import check_burn
from nft_upgrade.domain.errors import (
    BurnAlreadyUsed,
    ChainUnavailable,
    ErrorType,
    Unavailable,
    WrongStatus,
)
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import BURNED, Failure, LockKind, Status, Transition, Upgrade
from nft_upgrade.ports import Alerts, Chain, Clock, Upgrades, Workflow
from nft_upgrade.use_cases.cosigning import Cosigning
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.races import settled
from nft_upgrade.use_cases.reading import Reading


class Answer(StrEnum):
    """What a confirmation led to."""

    ACCEPTED = "accepted"
    """The claim is written down; its verification is on its way."""
    CURRENT = "current"
    """Nothing new: the state as it is."""
    LATE = "late"
    """A proven burn of a request that had been given up: its successor is owed."""
    LATE_PENDING = "late_pending"
    """Given up, and the burn is not final yet: the sweep looks again by itself."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The upgrade after a confirmation."""

    upgrade: Upgrade
    answer: Answer


UNREADABLE = "UnreadableTransactions"
DISAGREEMENT = "ProviderDisagreements"
ALERTS: Mapping[str, str] = {
    "burn_unsupported_transaction": UNREADABLE,
    "providers_disagree": DISAGREEMENT,
    "provider_answer_invalid": DISAGREEMENT,
    "wrong_cluster": DISAGREEMENT,
}
"""Codes of checks that hold a burn through no fault of the user's, and the metric of each."""
SOON = timedelta(seconds=5)
"""When the sweep looks again at a late burn that is not final yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burning:
    """Claims are taken at once; only `finalized` effects on chain are believed."""

    upgrades: Upgrades
    reading: Reading
    chain: Chain
    cosigning: Cosigning
    workflow: Workflow
    alerts: Alerts
    policy: Policy
    clock: Clock

    def confirm(self, user_id: str, upgrade_id: str, burn_signature: str) -> Confirmation:
        """The user names the burn. Repeating a confirmation has no further effect."""
        return settled(
            lambda: self._confirm(self.reading.owned(user_id, upgrade_id), burn_signature)
        )

    def verify(self, upgrade_id: str) -> Upgrade:
        """Poll until the claim is decided or the task's patience ends; then still burn_pending.

        In atomic mode the same bytes are sent again meanwhile. A transaction that still wants the
        system wallet's signature is left alone: SubmitMint comes first.
        """
        upgrade = self.reading.upgrade(upgrade_id)
        if upgrade.awaits_cosignature:
            return self._unless_dead(upgrade)
        last_sent = self.clock.now()
        deadline = last_sent + timedelta(seconds=self.policy.patience_seconds)
        while upgrade.status is Status.BURN_PENDING:
            proof = self.examine(upgrade, _claimed(upgrade))
            if proof.verdict is not Verdict.PENDING:
                return self._decide(upgrade, proof)
            upgrade = self._with_height(upgrade)
            if self.clock.now() >= deadline:
                self.alert(upgrade, proof)
                break
            last_sent = self._send_again(upgrade, last_sent)
            self.clock.sleep(self.policy.poll_seconds)
        return upgrade

    def examine(self, upgrade: Upgrade, burn_signature: str) -> BurnProof:
        """All checks of chain.md section 3 on one signature; writes nothing."""
        nft = self.reading.nft_of(upgrade)
        evidence = self.chain.burn_evidence(burn_signature, upgrade.nft_id)
        return check_burn(evidence, self._claim_facts(upgrade, nft, burn_signature))

    def prove(self, upgrade: Upgrade, proof: BurnProof) -> Upgrade:
        """Commit a proven burn and start the mint; for confirmations and the watcher alike."""
        proven = self._commit(
            upgrade.prove_burn(proof, nft=self.reading.nft_of(upgrade), at=self.clock.now())
        )
        self.start(proven)
        return proven

    def alert(self, upgrade: Upgrade, proof: BurnProof) -> None:
        """Call a human when what holds the burn is our own side's fault: it waits until we act."""
        problem = proof.first_problem
        code = problem.code or "" if problem else ""
        metric = ALERTS.get(code)
        if proof.verdict is Verdict.PENDING and metric is not None:
            self.alerts.call(
                metric,
                _reason(proof),
                code=code,
                upgrade_request_id=upgrade.id,
                mint=upgrade.nft_id,
                burn_signature=proof.signature,
            )

    def start(self, upgrade: Upgrade) -> None:
        """Start the workflow. When that fails the sweep starts it: what is owed is written."""
        try:
            self.workflow.start(upgrade.id, upgrade.run)
        except Unavailable:
            return

    def claim(self, upgrade: Upgrade, burn_signature: str) -> Confirmation:
        """Write the claim down and start its verification; the user's and the watcher's."""
        self._require_unused(upgrade, burn_signature)
        # No height yet: a claim asks the chain nothing, and most burns are final when looked for.
        claimed = self._commit(upgrade.claim_burn(burn_signature, height=None, at=self.clock.now()))
        self.start(claimed)
        return Confirmation(claimed, Answer.ACCEPTED)

    # --- the claim -------------------------------------------------------------------------

    def _confirm(self, upgrade: Upgrade, burn_signature: str) -> Confirmation:
        if upgrade.status in (Status.CANCELLED, Status.EXPIRED) or self._is_over(upgrade):
            return self._late(upgrade, burn_signature)
        if upgrade.status is Status.INITIATED:
            return self.claim(upgrade, burn_signature)
        if upgrade.burn_signature == burn_signature or upgrade.status in BURNED:
            return Confirmation(upgrade, Answer.CURRENT)
        raise WrongStatus(
            f"Another signature is being looked at while the upgrade is {upgrade.status}."
        )

    def _late(self, upgrade: Upgrade, burn_signature: str) -> Confirmation:
        """An honest burn is honoured whenever it shows up (chain.md section 6)."""
        self._require_unused(upgrade, burn_signature)
        newer = self._newer(upgrade)
        if newer is not None:
            return self._confirm(newer, burn_signature)
        proof = self._examine_if_reachable(upgrade, burn_signature)
        if proof is None or proof.verdict is Verdict.PENDING:
            if proof is not None:
                self.alert(upgrade, proof)
            self.upgrades.note(upgrade, upgrade.looked_at_again(self.clock.now() + SOON))
            return Confirmation(upgrade, Answer.LATE_PENDING)
        if proof.verdict is not Verdict.PROVEN:
            raise WrongStatus(f"The upgrade is {upgrade.status}. {_reason(proof)}")
        return Confirmation(self.prove(upgrade, proof), Answer.LATE)

    def _is_over(self, upgrade: Upgrade) -> bool:
        """Open past its time: a name that nobody has seen on chain must not keep it open."""
        return upgrade.status is Status.INITIATED and self.clock.now() >= upgrade.expires_at

    def _newer(self, upgrade: Upgrade) -> Upgrade | None:
        """The user's active request for the same NFT: whatever was burned belongs to that one."""
        lock = self.upgrades.lock(LockKind.NFT, upgrade.nft_id)
        holder = self.upgrades.get(lock.holder) if lock else None
        is_theirs = holder is not None and holder.user_id == upgrade.user_id
        return holder if is_theirs and holder != upgrade else None

    def _examine_if_reachable(self, upgrade: Upgrade, burn_signature: str) -> BurnProof | None:
        try:
            return self.examine(upgrade, burn_signature)
        except ChainUnavailable:
            return None

    def _require_unused(self, upgrade: Upgrade, burn_signature: str) -> None:
        if self._is_used_by_other(upgrade, burn_signature):
            raise BurnAlreadyUsed("This burn belongs to another upgrade request.")

    def _is_used_by_other(self, upgrade: Upgrade, burn_signature: str) -> bool:
        lock = self.upgrades.lock(LockKind.SIGNATURE, f"{burn_signature}#{upgrade.nft_id}")
        return lock is not None and lock.holder != upgrade.id

    # --- the verification ------------------------------------------------------------------

    def _unless_dead(self, upgrade: Upgrade) -> Upgrade:
        """What we have not signed cannot have landed; past its height it is not worth signing."""
        proof = self.examine(upgrade, _claimed(upgrade))
        return self._decide(upgrade, proof) if proof.verdict is Verdict.REJECTED else upgrade

    def _send_again(self, upgrade: Upgrade, last_sent: datetime) -> datetime:
        now = self.clock.now()
        is_time = now - last_sent >= timedelta(seconds=self.policy.resend_seconds)
        if upgrade.submitted is None or not is_time:
            return last_sent
        self.cosigning.send(upgrade)
        return now

    def _with_height(self, upgrade: Upgrade) -> Upgrade:
        """The height from which a claim that is not seen can go stale: later is only safer."""
        if upgrade.claimed_height is not None or upgrade.submitted is not None:
            return upgrade
        height = self.chain.block_height(commitment="finalized")
        noted = upgrade.claimed_at_height(height)
        self.upgrades.note(upgrade, noted)
        return noted

    def _decide(self, upgrade: Upgrade, proof: BurnProof) -> Upgrade:
        now = self.clock.now()
        if proof.verdict is Verdict.PROVEN:
            return self._commit(upgrade.prove_burn(proof, nft=self.reading.nft_of(upgrade), at=now))
        if proof.verdict is Verdict.UNDER_REVIEW:
            return self._commit(upgrade.review_burn(proof, at=now))
        return self._commit(upgrade.reject_burn(_failure(proof), proof=proof, at=now))

    def _claim_facts(self, upgrade: Upgrade, nft: Nft, burn_signature: str) -> BurnClaim:
        redeemed = self.upgrades.lock(LockKind.BURN, upgrade.nft_id)
        return BurnClaim(
            signature=burn_signature,
            mint=upgrade.nft_id,
            owner=upgrade.user_id,
            token_program=upgrade.token_program,
            level=upgrade.current_level,
            registry_level=nft.level,
            already_redeemed=redeemed is not None and redeemed.holder != upgrade.id,
            opened_slot=upgrade.opened_slot,
            claimed_height=upgrade.claimed_height,
            signature_used_by_other=self._is_used_by_other(upgrade, burn_signature),
            last_valid_block_height=_last_valid(upgrade, burn_signature),
        )

    def _commit(self, transition: Transition) -> Upgrade:
        self.upgrades.commit(transition)
        return transition.after


def _claimed(upgrade: Upgrade) -> str:
    if upgrade.burn_signature is None:
        raise WrongStatus("No burn is claimed.")
    return upgrade.burn_signature


def _last_valid(upgrade: Upgrade, burn_signature: str) -> int | None:
    """Until when the transaction may land, if it is the one we send ourselves."""
    submitted = upgrade.submitted
    if submitted is None or burn_signature != upgrade.burn_signature:
        return None
    return submitted.last_valid_block_height


def _reason(proof: BurnProof) -> str:
    problem = proof.first_problem
    return problem.reason if problem else ""


def _failure(proof: BurnProof) -> Failure:
    problem = proof.first_problem
    code = problem.code if problem and problem.code else "burn_rejected"
    return Failure(code, ErrorType.BURN_TRANSACTION_FAILED, _reason(proof), retryable=True)
