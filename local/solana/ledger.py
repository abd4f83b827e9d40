"""The bank: executes transactions in the current slot and answers by commitment.

LiteSVM executes; signatures, blockhash ages, commitments and history are kept here. One thread
uses a ledger: the node's event loop.

Where faults of the chain itself attach: `reach` decides which block is the newest (stalls, jumps);
a rollback puts back, for `Accounts.changed_since(slot)`, the versions of `slot` as `_at` does for a
simulation, and drops what landed `since(slot)`; a fork's blockhashes need a salt in `Schedule`.
"""

import bisect
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from local.solana import messages, outcomes
from local.solana.accounts import Accounts
from local.solana.messages import Loaded
from local.solana.outcomes import Landed, Outcome
from local.solana.slots import Blockhashes, Era, Schedule

MAX_AGE = 150
"""Blocks after which a blockhash is too old (Agave's MAX_PROCESSING_AGE)."""
SIMULATION_AGE = MAX_AGE - 6
"""Simulations leave room for forwarding (Agave's MAX_TRANSACTION_FORWARDING_DELAY)."""
STATUS_CACHE = 300
"""Blocks for which signature statuses are known without searching the history."""
EPOCH_SLOTS = 432_000
FAUCET_LAMPORTS = 500_000_000 * 10**9
SYSTEM_PROGRAM = Pubkey.default()


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
    ) -> None:
        self.schedule = schedule
        self.seed = seed
        self.faucet = Keypair.from_seed(hashlib.sha256(f"faucet:{seed}".encode()).digest())
        self.on_landed: Callable[[Landed], None] = lambda landed: None
        self.on_era: Callable[[Era], None] = lambda era: None
        self.landed: list[Landed] = []
        self._now = now
        self._lags = {
            Commitment.PROCESSED: 0,
            Commitment.CONFIRMED: confirmed_after,
            Commitment.FINALIZED: finalized_after,
        }
        self._by_signature: dict[str, Landed] = {}
        self._by_address: defaultdict[Pubkey, list[Landed]] = defaultdict(list)
        self._vm = _new_vm()
        self._vm.set_account(
            self.faucet.pubkey(), Account(FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM, False, 2**64 - 1)
        )
        self.accounts = Accounts(self._vm)
        self.blockhashes = Blockhashes(schedule, keep=STATUS_CACHE + finalized_after)
        self._height = schedule.height_of(schedule.eras[0].first_slot)
        self._vm_slot = -1
        self._begin_block()

    def catch_up(self) -> None:
        """Begin every slot that is due; each request does this first."""
        self.reach(self.schedule.height_of(self.schedule.slot_at(self._now())))

    def reach(self, height: int) -> None:
        """Make `height` the newest block; never goes back."""
        if height > self._height:
            self._height = height
            self._begin_block()

    def view(self, commitment: Commitment) -> View:
        height = self._height - self._lags[commitment]
        return View(self.schedule.slot_of(height), height)

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
        return self._vm.minimum_balance_for_rent_exemption(size)

    def is_valid(self, blockhash: Hash, view: View, *, age: int = MAX_AGE) -> bool:
        """Whether `blockhash` is known to `view`'s bank and at most `age` blocks old there."""
        height = self.blockhashes.height_of(blockhash)
        return height is not None and 0 <= view.height - height <= age

    def find(self, signature: str, view: View) -> Landed | None:
        landed = self._by_signature.get(signature)
        return landed if landed is not None and landed.slot <= view.slot else None

    def history(self, address: Pubkey, view: View) -> Iterator[Landed]:
        """What named `address`, newest first."""
        entries = self._by_address.get(address, [])
        return (landed for landed in reversed(entries) if landed.slot <= view.slot)

    def count(self, view: View) -> int:
        """How many transactions had landed by `view`."""
        return bisect.bisect_right(self.landed, view.slot, key=lambda landed: landed.slot)

    def since(self, slot: int) -> list[Landed]:
        """What landed after `slot`."""
        first = bisect.bisect_right(self.landed, slot, key=lambda landed: landed.slot)
        return self.landed[first:]

    def advance(self, slots: int) -> None:
        """Move on by so many slots at once, without waiting for them."""
        self.catch_up()
        current = self.schedule.eras[-1]
        self.begin_era(Era(self.tip.slot + slots, self._now(), current.slot_seconds))

    def begin_era(self, era: Era) -> None:
        self.schedule.begin(era)
        self.on_era(era)
        self.catch_up()

    def load(self, transaction: VersionedTransaction, view: View) -> Loaded:
        return messages.load(transaction.message, lambda pubkey: self.account(pubkey, view))

    def land(self, transaction: VersionedTransaction) -> Landed | None:
        """Execute in the current slot, as a leader does; None: dropped without a trace.

        Dropped are transactions a leader does not include: bad signature, blockhash unknown or
        too old, signature already processed, fee payer unable to pay.
        """
        tip = self.tip
        if str(transaction.signatures[0]) in self._by_signature:
            return None
        if not self.is_valid(transaction.message.recent_blockhash, tip):
            return None
        if not all(transaction.verify_with_results()):
            return None
        landed = self.execute(transaction, tip.slot)
        if landed is not None:
            self.on_landed(landed)
        return landed

    def execute(self, transaction: VersionedTransaction, slot: int) -> Landed | None:
        """Execute unchecked in `slot` (the replay of a journal); None: its payer cannot pay."""
        try:
            loaded = self.load(transaction, View(slot, self.schedule.height_of(slot)))
        except messages.LookupFailed:
            return None
        pubkeys = loaded.pubkeys
        before = self._snapshot(pubkeys)
        self._enter(slot, pubkeys)
        result = self._vm.send_transaction(transaction)
        after = self._snapshot(pubkeys)
        if isinstance(result, FailedTransactionMetadata) and before[0] == after[0]:
            return None
        return self._keep(transaction, slot, loaded, Outcome(result, before, after))

    def simulate(
        self, transaction: VersionedTransaction, view: View, *, check_blockhash: bool
    ) -> outcomes.Simulated:
        """A dry run on the bank of `view`; signatures are not looked at. LookupFailed."""
        loaded = self.load(transaction, view)
        if check_blockhash and (error := self._unprocessable(transaction, view)):
            return outcomes.refused(error)
        with self._at(view, loaded.pubkeys):
            result = self._vm.simulate_transaction(transaction)
        return outcomes.simulated(result)

    def _keep(
        self, transaction: VersionedTransaction, slot: int, loaded: Loaded, outcome: Outcome
    ) -> Landed:
        for pubkey, old, new in zip(loaded.pubkeys, outcome.before, outcome.after, strict=True):
            if old != new:
                self.accounts.record(slot, pubkey, old, new)
        landed = outcomes.landed(
            transaction, slot, loaded, outcome, lambda mint: self.accounts.get(mint, slot)
        )
        self.landed.append(landed)
        self._by_signature[landed.signature] = landed
        for pubkey in dict.fromkeys(loaded.pubkeys):
            self._by_address[pubkey].append(landed)
        return landed

    def _unprocessable(self, transaction: VersionedTransaction, view: View) -> str | None:
        blockhash = transaction.message.recent_blockhash
        if not self.is_valid(blockhash, view, age=SIMULATION_AGE):
            return "BlockhashNotFound"
        if self.find(str(transaction.signatures[0]), view) is not None:
            return "AlreadyProcessed"
        return None

    @contextmanager
    def _at(self, view: View, pubkeys: Sequence[Pubkey]) -> Iterator[None]:
        """The VM holds the state of `view` for these accounts, then its own again."""
        changed = self.accounts.changed_since(view.slot).intersection(pubkeys)
        newest = {pubkey: self._vm.get_account(pubkey) for pubkey in changed}
        for pubkey in changed:
            self._put(pubkey, self.account(pubkey, view))
        self._enter(view.slot, pubkeys)
        try:
            yield
        finally:
            for pubkey, account in newest.items():
                self._put(pubkey, account)

    def _put(self, pubkey: Pubkey, account: Account | None) -> None:
        self._vm.set_account(pubkey, account or Account(0, b"", SYSTEM_PROGRAM))

    def _snapshot(self, pubkeys: Sequence[Pubkey]) -> list[Account | None]:
        return [self._vm.get_account(pubkey) for pubkey in pubkeys]

    def _enter(self, slot: int, pubkeys: Sequence[Pubkey]) -> None:
        """The VM's clock shows `slot`; slot hashes only for whom they matter (they are slow)."""
        if slot != self._vm_slot:
            self._vm_slot = slot
            self._vm.set_clock(self._clock(slot))
        if messages.LOOKUP_TABLE_PROGRAM in pubkeys:
            recent = (slot - back for back in range(1, 513))
            self._vm.set_slot_hashes(
                [
                    (each, self.schedule.blockhash_of(each))
                    for each in recent
                    if not self.schedule.is_skipped(each)
                ]
            )

    def _begin_block(self) -> None:
        self.blockhashes.register_up_to(self._height)
        self.accounts.finalize(self.view(Commitment.FINALIZED).slot)

    def _clock(self, slot: int) -> Clock:
        epoch = slot // EPOCH_SLOTS
        epoch_began = self.schedule.time_of(epoch * EPOCH_SLOTS)
        return Clock(slot, epoch_began, epoch, epoch + 1, self.schedule.time_of(slot))


def genesis_hash(seed: str) -> Hash:
    """The cluster's identity follows from its seed."""
    return Hash(hashlib.sha256(f"genesis:{seed}".encode()).digest())


def _new_vm() -> LiteSVM:
    vm = LiteSVM().with_sigverify(False).with_blockhash_check(False)
    return vm.with_transaction_history(0)
