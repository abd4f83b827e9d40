"""LiteSVM as the ledger uses it: executes in a slot of ours, on any state, with our programs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from solders.account import Account
from solders.clock import Clock
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, SimulateResult

from local.solana import messages
from local.solana.messages import Loaded
from local.solana.outcomes import Outcome
from local.solana.slots import Schedule

EPOCH_SLOTS = 432_000
FAUCET_LAMPORTS = 500_000_000 * 10**9
SYSTEM_PROGRAM = Pubkey.default()
RENT_EXEMPT_EPOCH = 2**64 - 1
NEARLY_NOTHING = 2_000_000
"""What a starved payer has left: the fee, and what keeps its account alive."""

Programs = Mapping[Pubkey, bytes]


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a chain begins with: a rich faucet and, besides the usual programs, these."""

    faucet: Keypair
    programs: Programs


class Svm:
    """One VM. Signatures and blockhashes are the ledger's business."""

    def __init__(self, genesis: Genesis, schedule: Schedule) -> None:
        self._schedule = schedule
        self._slot = -1
        self.vm = LiteSVM().with_sigverify(False).with_blockhash_check(False)
        self.vm = self.vm.with_transaction_history(0)
        for address, program in genesis.programs.items():
            self.vm.add_program(address, program)
        wealth = Account(FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM, False, RENT_EXEMPT_EPOCH)
        self.vm.set_account(genesis.faucet.pubkey(), wealth)

    def rent(self, size: int) -> int:
        """Lamports that exempt an account of `size` bytes."""
        return self.vm.minimum_balance_for_rent_exemption(size)

    def execute(
        self, transaction: VersionedTransaction, slot: int, loaded: Loaded, *, starved: bool
    ) -> Outcome | None:
        """Run it in `slot`; None: its payer cannot pay the fee. `starved`: the payer has nearly
        nothing while it runs, as a wallet that somebody else's transaction emptied just before."""
        pubkeys = loaded.pubkeys
        before = self._snapshot(pubkeys)
        self._enter(slot, pubkeys)
        with self._poor(pubkeys[0], before[0], starved):
            result = self.vm.send_transaction(transaction)
        after = self._snapshot(pubkeys)
        if isinstance(result, FailedTransactionMetadata) and before[0] == after[0]:
            return None
        return Outcome(result, before, after)

    def simulate(
        self,
        transaction: VersionedTransaction,
        slot: int,
        loaded: Loaded,
        state: Mapping[Pubkey, Account | None],
    ) -> SimulateResult:
        """Dry run in `slot`, where the accounts of `state` are not the newest."""
        with self._other(state):
            self._enter(slot, loaded.pubkeys)
            return self.vm.simulate_transaction(transaction)

    @contextmanager
    def _poor(self, payer: Pubkey, account: Account | None, starved: bool) -> Iterator[None]:
        taken = max(0, account.lamports - NEARLY_NOTHING) if account and starved else 0
        self._pay(payer, -taken)
        yield
        self._pay(payer, taken)

    def _pay(self, payer: Pubkey, lamports: int) -> None:
        account = self.vm.get_account(payer)
        if account is not None and lamports:
            changed = Account(
                account.lamports + lamports,
                account.data,
                account.owner,
                account.executable,
                account.rent_epoch,
            )
            self.vm.set_account(payer, changed)

    @contextmanager
    def _other(self, state: Mapping[Pubkey, Account | None]) -> Iterator[None]:
        newest = {pubkey: self.vm.get_account(pubkey) for pubkey in state}
        self._put(state)
        try:
            yield
        finally:
            self._put(newest)

    def _put(self, state: Mapping[Pubkey, Account | None]) -> None:
        for pubkey, account in state.items():
            self.vm.set_account(pubkey, account or Account(0, b"", SYSTEM_PROGRAM))

    def _snapshot(self, pubkeys: Sequence[Pubkey]) -> list[Account | None]:
        return [self.vm.get_account(pubkey) for pubkey in pubkeys]

    def _enter(self, slot: int, pubkeys: Sequence[Pubkey]) -> None:
        """The VM's clock shows `slot`; slot hashes only for whom they matter (they are slow)."""
        if slot != self._slot:
            self._slot = slot
            self.vm.set_clock(self._clock(slot))
        if messages.LOOKUP_TABLE_PROGRAM in pubkeys:
            recent = (slot - back for back in range(1, 513))
            self.vm.set_slot_hashes(
                [
                    (each, self._schedule.blockhash_of(each))
                    for each in recent
                    if not self._schedule.is_skipped(each)
                ]
            )

    def _clock(self, slot: int) -> Clock:
        epoch = slot // EPOCH_SLOTS
        epoch_began = self._schedule.time_of(epoch * EPOCH_SLOTS)
        return Clock(slot, epoch_began, epoch, epoch + 1, self._schedule.time_of(slot))
