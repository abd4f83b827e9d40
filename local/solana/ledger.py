"""The bank: executes transactions in the current slot and answers by commitment.

LiteSVM executes (svm.py); signatures, blockhash ages, commitments and history are kept here. One
thread uses a ledger: the node's event loop.

Forks: `fork` abandons the newest blocks. What they held is executed again on a fresh VM, in the
same slots but under other blockhashes, without the transactions that are to be dropped and without
those that named an abandoned blockhash.
"""

import bisect
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from local.solana import messages, outcomes
from local.solana.accounts import Accounts
from local.solana.history import History
from local.solana.messages import Loaded
from local.solana.outcomes import Landed
from local.solana.slots import Blockhashes, Era, Gap, Schedule
from local.solana.svm import EPOCH_SLOTS as EPOCH_SLOTS
from local.solana.svm import Genesis, Programs, Svm

MAX_AGE = 150
"""Blocks after which a blockhash is too old (Agave's MAX_PROCESSING_AGE)."""
SIMULATION_AGE = MAX_AGE - 6
"""Simulations leave room for forwarding (Agave's MAX_TRANSACTION_FORWARDING_DELAY)."""
STATUS_CACHE = 300
"""Blocks for which signature statuses are known without searching the history."""
MAX_LAG = 200
"""Slots that a node may be told to lag behind; as far back every account is kept."""
MAX_FINALITY = 150
"""Blocks that finality may be told to take."""
RESEND_AFTER = 3
"""Blocks until a node sends what a fork dropped once more."""
NO_PROGRAMS: Programs = MappingProxyType({})


class Commitment(StrEnum):
    """How sure the cluster is of a slot."""

    PROCESSED = "processed"
    """The newest block; may be rolled back."""
    CONFIRMED = "confirmed"
    """Voted for by a supermajority."""
    FINALIZED = "finalized"
    """Rooted, irreversible."""


@dataclass(frozen=True, slots=True)
class View:
    """The bank at one commitment."""

    slot: int
    height: int


class Ledger:
    """One chain since its genesis. `now` gives Unix seconds."""

    def __init__(
        self,
        schedule: Schedule,
        seed: str,
        *,
        now: Callable[[], float],
        confirmed_after: int = 1,
        finalized_after: int = 3,
        programs: Programs = NO_PROGRAMS,
    ) -> None:
        self.schedule = schedule
        self.seed = seed
        self.faucet = Keypair.from_seed(hashlib.sha256(f"faucet:{seed}".encode()).digest())
        self.on_landed: Callable[[Landed], None] = lambda landed: None
        self.on_era: Callable[[Era], None] = lambda era: None
        self.on_gap: Callable[[Gap], None] = lambda gap: None
        self.on_fork: Callable[[int, Collection[str]], None] = lambda slot, dropped: None
        self.starves: Callable[[VersionedTransaction], bool] = lambda transaction: False
        """Whether a transaction's payer is to be without money while it runs."""
        self._now = now
        self._lags = _lags(confirmed_after, finalized_after)
        self._reached = dict.fromkeys(Commitment, 0)
        self._behind = 0
        self._genesis = Genesis(self.faucet, programs)
        self._resent: set[str] = set()
        self._dropped: list[tuple[int, VersionedTransaction]] = []
        self.blockhashes = Blockhashes(schedule, keep=STATUS_CACHE + MAX_FINALITY)
        self._height = schedule.height_of(schedule.eras[0].first_slot)
        self._begin_chain()
        self._begin_block()

    def catch_up(self) -> None:
        """Begin every slot that is due; each request does this first."""
        self.reach(self.schedule.height_of(self.schedule.slot_at(self._now())))
        self._resend_dropped()

    def reach(self, height: int) -> None:
        """Make `height` the newest block; never goes back."""
        if height > self._height:
            self._height = height
            self._begin_block()

    # --- reading -----------------------------------------------------------------------------

    def view(self, commitment: Commitment) -> View:
        """The bank at `commitment`, seen from where one stands (`behind`)."""
        slot = self.schedule.slot_of(self._height_at(commitment)) - self._behind
        height = self.schedule.height_of(slot)
        return View(self.schedule.slot_of(height), height)

    @contextmanager
    def behind(self, slots: int) -> Iterator[None]:
        """Within, everything is read as a node reads it that lags this far behind."""
        self._behind = min(slots, MAX_LAG)
        try:
            yield
        finally:
            self._behind = 0

    @property
    def tip(self) -> View:
        return self.view(Commitment.PROCESSED)

    def commitment_of(self, slot: int) -> Commitment:
        """The highest commitment that `slot` has reached."""
        reached = [each for each in Commitment if slot <= self.view(each).slot]
        return reached[-1]

    def account(self, pubkey: Pubkey, view: View) -> Account | None:
        return self.accounts.get(pubkey, view.slot)

    def rent(self, size: int) -> int:
        """Lamports that exempt an account of `size` bytes."""
        return self.svm.rent(size)

    def is_valid(self, blockhash: Hash, view: View, *, age: int = MAX_AGE) -> bool:
        """Whether `blockhash` is known to `view`'s bank and at most `age` blocks old there."""
        height = self.blockhashes.height_of(blockhash)
        return height is not None and 0 <= view.height - height <= age

    def find(self, signature: str, view: View) -> Landed | None:
        landed = self._history.find(signature)
        return landed if landed is not None and landed.slot <= view.slot else None

    def history(self, address: Pubkey, view: View) -> Iterator[Landed]:
        """What named `address`, newest first."""
        entries = self._history.naming(address)
        return (landed for landed in entries if landed.slot <= view.slot)

    def count(self, view: View) -> int:
        """How many transactions had landed by `view`."""
        return self._history.count(view.slot)

    def since(self, slot: int) -> list[Landed]:
        """What landed after `slot`."""
        return self._history.since(slot)

    @property
    def landed(self) -> list[Landed]:
        """Everything that landed, oldest first."""
        return self._history.landed

    def load(self, transaction: VersionedTransaction, view: View) -> Loaded:
        return messages.load(transaction.message, lambda pubkey: self.account(pubkey, view))

    # --- time --------------------------------------------------------------------------------

    def advance(self, slots: int) -> None:
        """Move on by so many slots at once, without waiting for them."""
        self.catch_up()
        current = self.schedule.eras[-1]
        self.begin_era(Era(self.tip.slot + slots, self._now(), current.slot_seconds))

    def begin_era(self, era: Era) -> None:
        self.schedule.begin(era)
        self.on_era(era)
        self.catch_up()

    def skip(self, slots: int) -> Gap:
        """The next slots have no block: nothing lands, and no height is gained."""
        gap = Gap(self.tip.slot + 1, self.tip.slot + slots)
        self.schedule.gaps.append(gap)
        self.on_gap(gap)
        return gap

    @property
    def finality(self) -> tuple[int, int]:
        """Blocks until a block is confirmed and until it is finalized."""
        return self._lags[Commitment.CONFIRMED], self._lags[Commitment.FINALIZED]

    def set_finality(self, confirmed_after: int, finalized_after: int) -> None:
        """In blocks; what is confirmed or finalized already stays so."""
        if not 0 <= confirmed_after <= finalized_after <= MAX_FINALITY:
            raise ValueError(f"finality is confirmed <= finalized <= {MAX_FINALITY} blocks")
        self._reached = {each: self._height_at(each) for each in Commitment}
        self._lags = _lags(confirmed_after, finalized_after)

    def fork(self, slot: int, *, dropped: Collection[str] | None = None) -> list[Landed]:
        """Abandon the blocks after `slot`; what is gone. `dropped`: by signature; None: all.

        ValueError when `slot` is final already further on.
        """
        if slot < self.schedule.slot_of(self._height_at(Commitment.FINALIZED)):
            raise ValueError("a finalized block is never rolled back")
        abandoned = self.since(slot)
        dropped = [each.signature for each in abandoned] if dropped is None else dropped
        before = self.landed
        bisect.insort(self.schedule.forks, slot)
        self.blockhashes.forget_above(self.schedule.height_of(slot))
        self.blockhashes.register_up_to(self._height)
        self._begin_chain()
        for landed in before:
            if landed.slot <= slot or self._survives(landed, dropped):
                self.execute(landed.transaction, landed.slot, starved=landed.starved)
        self.on_fork(slot, dropped)
        gone = [each for each in abandoned if each.signature not in self._history]
        self._dropped += ((self._height, each.transaction) for each in gone)
        return gone

    # --- executing ---------------------------------------------------------------------------

    def relay(self, transaction: VersionedTransaction, *, resends: bool) -> Landed | None:
        """As a node that was sent it; `resends`: it sends it again by itself until it is final,
        as nodes do unless they are asked for `maxRetries: 0`."""
        if resends:
            self._resent.add(str(transaction.signatures[0]))
        return self.land(transaction)

    def land(self, transaction: VersionedTransaction) -> Landed | None:
        """Execute in the current slot, as a leader does; None: dropped without a trace.

        Dropped are transactions a leader does not include: bad signature, blockhash unknown or
        too old, signature already processed, fee payer unable to pay.
        """
        newest = View(self.schedule.slot_of(self._height), self._height)
        if str(transaction.signatures[0]) in self._history:
            return None
        if not self.is_valid(transaction.message.recent_blockhash, newest):
            return None
        if not all(transaction.verify_with_results()):
            return None
        landed = self.execute(transaction, newest.slot, starved=self.starves(transaction))
        if landed is not None:
            self.on_landed(landed)
        return landed

    def execute(
        self, transaction: VersionedTransaction, slot: int, *, starved: bool = False
    ) -> Landed | None:
        """Execute unchecked in `slot` (the replay of a journal); None: its payer cannot pay."""
        try:
            loaded = self.load(transaction, View(slot, self.schedule.height_of(slot)))
        except messages.LookupFailed:
            return None
        outcome = self.svm.execute(transaction, slot, loaded, starved=starved)
        if outcome is None:
            return None
        for pubkey, old, new in zip(loaded.pubkeys, outcome.before, outcome.after, strict=True):
            if old != new:
                self.accounts.record(slot, pubkey, old, new)
        return self._history.add(
            outcomes.landed(
                transaction,
                slot,
                loaded,
                outcome,
                lambda mint: self.accounts.get(mint, slot),
                starved=starved,
            )
        )

    def simulate(
        self, transaction: VersionedTransaction, view: View, *, check_blockhash: bool
    ) -> outcomes.Simulated:
        """A dry run on the bank of `view`; signatures are not looked at. LookupFailed."""
        loaded = self.load(transaction, view)
        if check_blockhash and (error := self._unprocessable(transaction, view)):
            return outcomes.refused(error)
        state = self._state_of(view, loaded)
        return outcomes.simulated(self.svm.simulate(transaction, view.slot, loaded, state))

    def _unprocessable(self, transaction: VersionedTransaction, view: View) -> str | None:
        blockhash = transaction.message.recent_blockhash
        if not self.is_valid(blockhash, view, age=SIMULATION_AGE):
            return "BlockhashNotFound"
        if self.find(str(transaction.signatures[0]), view) is not None:
            return "AlreadyProcessed"
        return None

    def _state_of(self, view: View, loaded: Loaded) -> Mapping[Pubkey, Account | None]:
        changed = self.accounts.changed_since(view.slot).intersection(loaded.pubkeys)
        return {pubkey: self.account(pubkey, view) for pubkey in changed}

    def _survives(self, landed: Landed, dropped: Collection[str]) -> bool:
        """Whether an abandoned transaction is in the new fork's blocks too."""
        if landed.signature in dropped:
            return False
        view = View(landed.slot, self.schedule.height_of(landed.slot))
        return self.is_valid(landed.transaction.message.recent_blockhash, view)

    def _resend_dropped(self) -> None:
        waiting, self._dropped = self._dropped, []
        for at, transaction in waiting:
            if self._height < at + RESEND_AFTER:
                self._dropped.append((at, transaction))
            elif str(transaction.signatures[0]) in self._resent:
                self.land(transaction)

    def _height_at(self, commitment: Commitment) -> int:
        return max(self._height - self._lags[commitment], self._reached[commitment])

    def _begin_chain(self) -> None:
        self._history = History()
        self.svm = Svm(self._genesis, self.schedule)
        self.accounts = Accounts(self.svm.vm)

    def _begin_block(self) -> None:
        self.blockhashes.register_up_to(self._height)
        final = self.schedule.slot_of(self._height_at(Commitment.FINALIZED))
        self.accounts.finalize(final - MAX_LAG)


def genesis_hash(seed: str) -> Hash:
    """The cluster's identity follows from its seed."""
    return Hash(hashlib.sha256(f"genesis:{seed}".encode()).digest())


def _lags(confirmed_after: int, finalized_after: int) -> dict[Commitment, int]:
    return {
        Commitment.PROCESSED: 0,
        Commitment.CONFIRMED: confirmed_after,
        Commitment.FINALIZED: finalized_after,
    }
