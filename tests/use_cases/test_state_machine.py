"""Users, sweep, workflow, nodes and forks in any order Hypothesis can think of, on the real SVM.

After every step everything in `invariants` holds. In the end the faults stop, time passes, and
whoever burned his NFT has exactly one successor.

MACHINE_EXAMPLES=2000 looks much longer (CONTRIBUTING.md); in CI the examples are always the same.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from solders.transaction import VersionedTransaction

from nft_upgrade.domain.errors import Conflicting, UpgradeError
from nft_upgrade.domain.upgrade import Status, Upgrade
from tests.machine import settling
from tests.machine.execution import execute
from tests.machine.interleaving import Died, Plan, Process
from tests.machine.invariants import check_all
from tests.machine.ledger_reading import final_slot
from tests.machine.live_world import LiveWorld, User

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
CI_EXAMPLES = 60
STEPS = 50
MOST_PROCESSES = 3

ACTS = (
    "burn",
    "burn and close",
    "burn",
    "burn and close",
    "burn too much",
    "burn nothing",
    "let a delegate burn",
    "incinerate",
    "sell",
)
number = st.integers(0, 5)
plans = st.none() | st.builds(
    Plan, at=st.integers(1, 30), is_before=st.booleans(), is_death=st.booleans()
)


class Upgrading(RuleBasedStateMachine):
    """`number`s choose among what there is; what there is none of is left out."""

    world: LiveWorld

    @initialize(node_count=st.integers(1, 2))
    def begin(self, node_count: int) -> None:
        self.world = LiveWorld(node_count)
        self.processes: list[Process] = []
        self.unsent: list[VersionedTransaction] = []

    # --- users -------------------------------------------------------------------------------

    @rule(who=number, what=number, plan=plans)
    def open(self, who: int, what: int, plan: Plan | None) -> None:
        user = self._user(who)
        held = self.world.held_by(user)
        if held:
            mint = held[what % len(held)]
            target = self.world.rows[mint].level + 1
            self._do(lambda: self.world.opening.open(user.address, mint, target), plan)

    @rule(who=number, what=number, kind=st.sampled_from(ACTS), buyer=number, how=number)
    def act(self, who: int, what: int, kind: str, buyer: int, how: int) -> None:
        """Signed and sent, sent by a node that keeps sending, or signed only (`how` 5)."""
        user = self._user(who)
        held = self.world.held_by(user)
        if not held:
            return
        transaction = self.world.act(user, held[what % len(held)], kind, self._user(buyer))
        if how == 5:
            self.unsent.append(transaction)
        else:
            self.world.ground.ledger.relay(transaction, resends=how > 2)

    @rule(what=number)
    def send_what_was_signed(self, what: int) -> None:
        if self.unsent:
            transaction = self.unsent.pop(what % len(self.unsent))
            self.world.ground.ledger.relay(transaction, resends=True)

    @rule(who=number, which=number, signed_by=number, back=number, plan=plans)
    def confirm(self, who: int, which: int, signed_by: int, back: int, plan: Plan | None) -> None:
        """One's own newest signature mostly, or any other that is or will be on the chain."""
        user, signer = self._user(who), self._user(who if signed_by > 1 else signed_by)
        upgrade = self._own(user, which)
        if upgrade is not None and signer.signatures:
            signature = signer.signatures[-1 - back % len(signer.signatures) // 2]
            confirm = partial(self.world.burning.confirm, user.address, upgrade.id, signature)
            self._do(confirm, plan)

    @rule(who=number, which=number, plan=plans)
    def cancel(self, who: int, which: int, plan: Plan | None) -> None:
        user = self._user(who)
        if upgrade := self._own(user, which):
            self._do(lambda: self.world.ending.cancel(user.address, upgrade.id), plan)

    @rule(who=number, which=number, plan=plans)
    def retry(self, who: int, which: int, plan: Plan | None) -> None:
        user = self._user(who)
        if upgrade := self._own(user, which):
            self._do(lambda: self.world.minting.retry(user.address, upgrade.id), plan)

    # --- workflow and sweep ------------------------------------------------------------------

    @rule(which=number, plan=plans)
    def execution(self, which: int, plan: Plan | None) -> None:
        """One that was started, to its end."""
        running = sorted(self.world.executions.running)
        if running:
            self._do(partial(self._execute, *running[which % len(running)]), plan)

    @rule(which=number)
    def execution_dies(self, which: int) -> None:
        running = sorted(self.world.executions.running)
        if running:
            self.world.executions.finish(*running[which % len(running)])

    @rule(which=number, step=number, plan=plans)
    def single_step(self, which: int, step: int, plan: Plan | None) -> None:
        """In any order, of any upgrade: as a workflow that is run by hand."""
        if upgrade := self._any(which):
            self._do(self._step(upgrade, step), plan)

    @rule(plan=plans)
    def sweep(self, plan: Plan | None) -> None:
        self._do(self.world.sweeping.run, plan)

    # --- processes at the same time ----------------------------------------------------------

    @rule(kind=number, which=number, step=number)
    def process_begins(self, kind: int, which: int, step: int) -> None:
        work = self._work(kind, which, step)
        if work and len(self.processes) < MOST_PROCESSES:
            self.processes.append(Process(f"process {kind}", work, self.world.gate))

    @rule(which=number, calls=st.integers(1, 12))
    def process_goes_on(self, which: int, calls: int) -> None:
        if self.processes:
            process = self.processes[which % len(self.processes)]
            process.go_on(calls)
            self._forget_if_over(process)

    @rule(which=number, is_before=st.booleans())
    def process_dies(self, which: int, is_before: bool) -> None:
        if self.processes:
            process = self.processes[which % len(self.processes)]
            process.die(is_before=is_before)
            self._forget_if_over(process)

    # --- chain and nodes ---------------------------------------------------------------------

    @rule(slots=st.integers(1, 40))
    def slots_pass(self, slots: int) -> None:
        self.world.ground.pass_slots(slots)

    @rule(seconds=st.sampled_from((31.0, 61.0, 400.0, 1900.0)))
    def time_passes(self, seconds: float) -> None:
        """Also far enough that every blockhash expires, or the request."""
        self.world.one_clock.sleep(seconds)
        self.world.ground.ledger.catch_up()

    @rule(keeps_every=st.integers(1, 3))
    def fork(self, keeps_every: int) -> None:
        """All that is not final is rolled back; some of it lands again in the new fork."""
        ledger = self.world.ground.ledger
        newest = ledger.since(final_slot(ledger))
        dropped = [each.signature for place, each in enumerate(newest) if place % keeps_every == 0]
        ledger.fork(final_slot(ledger), dropped=dropped)

    @rule(slots=st.integers(1, 10))
    def slots_are_skipped(self, slots: int) -> None:
        self.world.ground.ledger.skip(slots)

    @rule(blocks=st.sampled_from((2, 3, 32)))
    def finality_takes(self, blocks: int) -> None:
        self.world.ground.ledger.set_finality(1, blocks)

    @rule(count=st.integers(0, 4))
    def payers_are_poor(self, count: int) -> None:
        """The next transactions of the system wallet fail for want of money."""
        settling.starve(self.world, count)

    @rule(node=number, is_down=st.booleans(), lag=st.sampled_from((0, 0, 5, 60)))
    def node_changes(self, node: int, is_down: bool, lag: int) -> None:
        chosen = self.world.nodes[node % len(self.world.nodes)]
        chosen.is_down, chosen.faults.lag = is_down, lag

    @rule(
        node=number,
        order=st.sampled_from(
            (
                ("getTransaction", "null"),
                ("getSignatureStatuses", "null"),
                ("getMultipleAccounts", "null"),
                ("sendTransaction", "drop-send"),
                ("getTransaction", "lie"),
                ("getSignatureStatuses", "lie"),
                ("getMultipleAccounts", "lie"),
            )
        ),
        count=st.integers(1, 3),
    )
    def node_errs(self, node: int, order: tuple[str, str], count: int) -> None:
        """Only one of two may lie; two nodes that tell the same lie are believed."""
        method, kind = order
        first = self.world.nodes[0]
        if kind == "drop-send":
            self.world.nodes[node % len(self.world.nodes)].faults.order(method, kind, count)
        elif len(self.world.nodes) > 1:
            first.faults.order(method, kind, count)

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def everything_is_consistent(self) -> None:
        if hasattr(self, "world"):
            check_all(self.world)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self._end_processes()
                settling.settle(self.world)
                settling.check_end(self.world)
            finally:
                self._end_processes()
                self.world.close()

    # --- how ---------------------------------------------------------------------------------

    def _user(self, who: int) -> User:
        return self.world.users[who % len(self.world.users)]

    def _own(self, user: User, which: int) -> Upgrade | None:
        own = self.world.upgrades_of(user)
        return own[-1 - which % len(own) // 2] if own else None

    def _any(self, which: int) -> Upgrade | None:
        upgrades = list(self.world.store.upgrades.values())
        return upgrades[which % len(upgrades)] if upgrades else None

    def _do(self, work: Callable[[], object], plan: Plan | None) -> None:
        """What users and Lambda are told is no failure of the machine; anything else is."""
        self.world.gate.plan = plan
        try:
            work()
        except Conflicting:
            raise
        except (UpgradeError, Died):
            pass
        finally:
            self.world.gate.plan = None

    def _execute(self, upgrade_id: str, run: int) -> None:
        execute(self.world, upgrade_id, self.world.clock.sleep)
        self.world.executions.finish(upgrade_id, run)

    def _step(self, upgrade: Upgrade, step: int) -> Callable[[], Any]:
        minting = self.world.minting
        steps: tuple[Callable[[str], Any], ...] = (
            self.world.burning.verify,
            minting.prepare,
            minting.submit,
            minting.await_mint,
            minting.complete,
            lambda upgrade_id: minting.mark_retryable(upgrade_id, "States.Timeout"),
        )
        return partial(steps[step], upgrade.id)

    def _work(self, kind: int, which: int, step: int) -> Callable[[], object] | None:
        if kind == 0:
            return self.world.sweeping.run
        running = sorted(self.world.executions.running)
        if kind < 3 and running:
            return partial(self._execute, *running[which % len(running)])
        upgrade = self._any(which)
        if upgrade is None:
            return None
        if kind == 3:
            return partial(self.world.ending.cancel, upgrade.user_id, upgrade.id)
        return self._step(upgrade, step)

    def _forget_if_over(self, process: Process) -> None:
        if process.is_over:
            self.processes.remove(process)
            if process.problem and not _is_told(process.problem):
                raise process.problem

    def _end_processes(self) -> None:
        for process in list(self.processes):
            process.die(is_before=True)
            self._forget_if_over(process)


def _is_told(problem: Exception) -> bool:
    return isinstance(problem, UpgradeError) and not isinstance(problem, Conflicting)


TestUpgrading = Upgrading.TestCase
TestUpgrading.settings = settings(
    max_examples=EXAMPLES or CI_EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
