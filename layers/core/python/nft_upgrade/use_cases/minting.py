"""From a proven burn to the finalized successor: write ahead, sign, send, wait, complete.

A crash anywhere means: load the last attempt and go on with it (chain.md section 4). Every step
may run twice or after another one was faster, and then changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nft_upgrade.domain.errors import ChainUnavailable, Conflicting, ErrorType
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Failure, LockKind, Status, Transition, Upgrade
from nft_upgrade.ports import Clock, MintAttempt, Upgrades
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.cosigning import Cosigning
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.sending import Progress, Sending


@dataclass(frozen=True, slots=True)
class MintStep:
    """What a task of the workflow hands to the next."""

    upgrade: Upgrade
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Minting:
    """The tasks of the mint, the user's retry and the sweep's."""

    upgrades: Upgrades
    reading: Reading
    burning: Burning
    sending: Sending
    cosigning: Cosigning
    policy: Policy
    clock: Clock

    def prepare(self, upgrade_id: str) -> MintStep:
        """Make sure that there is an attempt which may still land, written down before it is sent.

        A new one is built only when the last one is provably dead or landed with an error.
        """
        upgrade = self.reading.upgrade(upgrade_id)
        if upgrade.status is Status.BURN_CONFIRMED:
            upgrade = self._commit(upgrade.start_mint(at=self.clock.now()))
        if upgrade.status is not Status.MINT_PENDING:
            return MintStep(upgrade, Progress.NOT_NEEDED)
        attempts = self.upgrades.attempts(upgrade_id)
        if attempts:
            progress = self.sending.progress(attempts[-1], recipient=upgrade.user_id)
            if progress is Progress.PENDING:
                return MintStep(upgrade, Progress.READY)
            if progress is Progress.FINALIZED:
                return MintStep(upgrade, progress)
        return MintStep(upgrade, self._prepare_next(upgrade, len(attempts) + 1))

    def submit(self, upgrade_id: str) -> MintStep:
        """Sign the last attempt if it is not signed yet, keep the signature, then send.

        In atomic mode, before the burn: the same for the transaction that the user submitted.
        """
        upgrade = self.reading.upgrade(upgrade_id)
        if upgrade.status is Status.BURN_PENDING and upgrade.submitted is not None:
            return MintStep(self._cosign(upgrade), Progress.PENDING)
        attempt = self._last_attempt(upgrade)
        if attempt is None:
            return MintStep(upgrade, Progress.NOT_NEEDED)
        if attempt.signature is None:
            signature = self.sending.sign(attempt.message, self.policy.successor_order(upgrade))
            attempt = self.upgrades.sign_attempt(attempt, signature)
        self._send(attempt)
        return MintStep(upgrade, Progress.PENDING)

    def await_mint(self, upgrade_id: str) -> MintStep:
        """Poll, and send the same bytes again and again, until decided or out of patience."""
        upgrade = self.reading.upgrade(upgrade_id)
        attempt = self._last_attempt(upgrade)
        if attempt is None:
            return MintStep(upgrade, Progress.NOT_NEEDED)
        return MintStep(upgrade, self._wait_for(upgrade, attempt))

    def complete(self, upgrade_id: str) -> Upgrade:
        """Register the successor and release the locks, once one of our attempts is finalized.

        Its bytes are exactly ours, so its success is the mint; the NFT itself may already have
        moved on to another wallet. Without a stored attempt the account itself is the proof.
        """
        upgrade = self.reading.upgrade(upgrade_id)
        if upgrade.status is not Status.MINT_PENDING:
            return upgrade
        now = self.clock.now()
        signature = self._landed_signature(upgrade)
        owner_lock = self.upgrades.lock(LockKind.OWNER, upgrade.user_id)
        known = self.reading.nfts.get(upgrade.successor)
        successor = self._successor(upgrade, signature, at=now)
        return self._commit(
            upgrade.complete(
                signature,
                successor=successor if known is None else _confirmed(known, successor),
                known=known,
                holds_owner_lock=owner_lock is not None and owner_lock.holder == upgrade.nft_id,
                at=now,
            )
        )

    def mark_retryable(self, upgrade_id: str, error: str) -> Upgrade:
        """An execution ends without the mint: late, not lost; the sweep goes on.

        `error` is the error's class name or a `Progress`. An upgrade whose burn is not decided
        keeps its status: the sweep starts a new execution.
        """
        upgrade = self.reading.upgrade(upgrade_id)
        if upgrade.status not in (Status.BURN_CONFIRMED, Status.MINT_PENDING):
            return upgrade
        return self._commit(upgrade.fail_mint(_failure(error), at=self.clock.now()))

    def retry(self, user_id: str, upgrade_id: str) -> Upgrade:
        """The user asks for another go; NotRetryable unless it is failed_retryable."""
        return self.try_again(self.reading.owned(user_id, upgrade_id))

    def try_again(self, upgrade: Upgrade) -> Upgrade:
        """Another execution for a failed mint: the user's retry and the sweep's own."""
        retried = self._commit(upgrade.retry(at=self.clock.now()))
        self.burning.start(retried)
        return retried

    # --- how ---------------------------------------------------------------------------------

    def _cosign(self, upgrade: Upgrade) -> Upgrade:
        if upgrade.awaits_cosignature:
            signed = upgrade.cosigned(self.cosigning.sign(upgrade))
            self.upgrades.note(upgrade, signed)
            upgrade = signed
        self.cosigning.send(upgrade)
        return upgrade

    def _prepare_next(self, upgrade: Upgrade, number: int) -> Progress:
        if self._is_minted(upgrade):
            return Progress.FINALIZED
        if number > self.policy.attempts_per_run * upgrade.run:
            return Progress.EXHAUSTED
        built = self.sending.build(self.policy.successor_order(upgrade))
        attempt = MintAttempt(
            upgrade_id=upgrade.id,
            number=number,
            message=built.message,
            last_valid_block_height=built.last_valid_block_height,
            successor=upgrade.successor,
            created_at=self.clock.now(),
        )
        self.upgrades.add_attempt(attempt)
        return Progress.READY

    def _is_minted(self, upgrade: Upgrade) -> bool | None:
        """An NFT that was minted together with the burn may have moved on to another wallet."""
        try:
            return self.sending.is_minted(upgrade.successor, recipient=upgrade.user_id)
        except Conflicting:
            if self._is_minted_with_burn(upgrade):
                return True
            raise

    def _is_minted_with_burn(self, upgrade: Upgrade) -> bool:
        burn = upgrade.burn_signature
        return burn is not None and self.sending.is_minted_by(
            burn, upgrade.successor, recipient=upgrade.user_id
        )

    def _wait_for(self, upgrade: Upgrade, attempt: MintAttempt) -> Progress:
        started = last_sent = self.clock.now()
        while True:
            progress = self.sending.progress(attempt, recipient=upgrade.user_id)
            now = self.clock.now()
            if progress is not Progress.PENDING or now - started >= self._patience:
                return progress
            if now - last_sent >= timedelta(seconds=self.policy.resend_seconds):
                self._send(attempt)
                last_sent = now
            self.clock.sleep(self.policy.poll_seconds)

    @property
    def _patience(self) -> timedelta:
        return timedelta(seconds=self.policy.patience_seconds)

    def _send(self, attempt: MintAttempt) -> None:
        if attempt.signature is not None:
            self.sending.send(attempt.message, attempt.signature)

    def _last_attempt(self, upgrade: Upgrade) -> MintAttempt | None:
        if upgrade.status is not Status.MINT_PENDING:
            return None
        attempts = self.upgrades.attempts(upgrade.id)
        return attempts[-1] if attempts else None

    def _landed_signature(self, upgrade: Upgrade) -> str:
        """Of the attempts, the one that minted; newest first. Else what the chain itself says."""
        for attempt in reversed(self.upgrades.attempts(upgrade.id)):
            if attempt.signature is None:
                continue
            if self.sending.progress(attempt, recipient=upgrade.user_id) is Progress.FINALIZED:
                return self.sending.signature_text(attempt)
        return self._signature_on_chain(upgrade)

    def _signature_on_chain(self, upgrade: Upgrade) -> str:
        """For an attempt that we no longer have, for example after a restore of the database, and
        for an atomic transaction, whose burn is the mint."""
        if upgrade.burn_signature and self._is_minted_with_burn(upgrade):
            return upgrade.burn_signature
        if self.sending.is_minted(upgrade.successor, recipient=upgrade.user_id):
            signature = self.sending.mint_signature(upgrade.successor)
            if signature is not None:
                return signature
        raise ChainUnavailable("The mint is not seen as finalized yet.")

    def _successor(self, upgrade: Upgrade, mint_signature: str, *, at: datetime) -> Nft:
        return Nft(
            mint=upgrade.successor,
            owner=upgrade.user_id,
            level=upgrade.target_level,
            status=NftStatus.ACTIVE,
            version=1,
            token_program=self.policy.token_program,
            mint_base=upgrade.mint_base,
            created_at=at,
            updated_at=at,
            predecessor=upgrade.nft_id,
            mint_signature=mint_signature,
        )

    def _commit(self, transition: Transition) -> Upgrade:
        self.upgrades.commit(transition)
        return transition.after


def _confirmed(known: Nft, minted: Nft) -> Nft:
    """The row that a rebuild or a lost answer left, completed; its owner and status are newer."""
    if not known.is_same_nft(minted):
        raise Conflicting(f"The registry says something else about {minted.mint}.")
    return replace(
        known,
        mint_signature=minted.mint_signature,
        version=known.version + 1,
        updated_at=minted.updated_at,
    )


_ERROR_TYPES: Mapping[str, ErrorType] = {
    "ChainUnavailable": ErrorType.SOLANA_RPC_ERROR,
    "ProvidersDisagree": ErrorType.SOLANA_RPC_ERROR,
    "StorageUnavailable": ErrorType.NETWORK_ERROR,
    "States.Timeout": ErrorType.MINT_CONFIRMATION_TIMEOUT,
    Progress.EXHAUSTED: ErrorType.MINT_CONFIRMATION_TIMEOUT,
}
"""By an error's class name or a Progress; anything else is mint_transaction_failed."""


def _failure(error: str) -> Failure:
    return Failure(
        "mint_failed",
        _ERROR_TYPES.get(error, ErrorType.MINT_TRANSACTION_FAILED),
        "The mint did not get through. Your burn is safe and it is tried again.",
        retryable=True,
    )
