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
from tests.machine.live_chain import InProcessNode
from tests.machine.live_world import LiveWorld, User

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
CI_EXAMPLES = 60
STEPS = 50
MOST_PROCESSES = 3

BURNS = ("burn", "burn and close")
OTHER_ACTS = ("burn too much", "burn nothing", "let a delegate burn", "incinerate", "sell")
ERRORS = (
    ("sendTransaction", "drop-send"),
    ("getTransaction", "null"),
    ("getSignatureStatuses", "null"),
    ("getMultipleAccounts", "null"),
    ("getTransaction", "lie"),
    ("getMultipleAccounts", "lie"),
)
number = st.integers(0, 5)
plans = st.none() | st.builds(
    Plan, at=st.integers(1, 30), is_before=st.booleans(), is_death=st.booleans()
)


def one_of(**weights: int) -> st.SearchStrategy[str]:
    """A method's name. Few rules with many choices each: Hypothesis leaves whole rules out."""
    return st.sampled_from([name for name, weight in weights.items() for _ in range(weight)])


class Upgrading(RuleBasedStateMachine):
    """`number`s choose among what there is; what there is none of is left out."""

    world: LiveWorld

    @initialize(node_count=st.integers(1, 2), has_opened=st.sets(st.integers(0, 1)))
    def begin(self, node_count: int, has_opened: set[int]) -> None:
        self.world = LiveWorld(node_count)
        self.processes: list[Process] = []
        self.unsent: list[VersionedTransaction] = []
        for who in has_opened:
            self._open(who, 0, None)

    @rule(
        what=one_of(_open=4, _burn=6, _act=1, _send=1, _confirm=4, _cancel=1, _retry=1),
        who=number,
        which=number,
        plan=plans,
    )
    def a_user(self, what: str, who: int, which: int, plan: Plan | None) -> None:
        getattr(self, what)(who, which, plan)

    @rule(what=one_of(_execution=5, _end=1, _step=4, _sweep=3), who=number, which=number, plan=plans)
    def the_product(self, what: str, who: int, which: int, plan: Plan | None) -> None:
        getattr(self, what)(who, which, plan)

    @rule(what=one_of(_begin=4, _go_on=8, _die=1), who=number, which=number, calls=st.integers(1, 12))
    def a_process(self, what: str, who: int, which: int, calls: int) -> None:
        """Work that others overtake."""
        getattr(self, what)(who, which, calls)

    @rule(what=one_of(_slots=6, _time=3, _fork=4, _skip=1, _finality=1, _poor=2), count=number)
    def the_chain(self, what: str, count: int) -> None:
        getattr(self, what)(count)

    @rule(what=one_of(_heal=3, _down=2, _lag=1, _err=3), node=number, count=number)
    def a_node(self, what: str, node: int, count: int) -> None:
        getattr(self, what)(self.world.nodes[node % len(self.world.nodes)], count)

    # --- users -------------------------------------------------------------------------------

    def _open(self, who: int, which: int, plan: Plan | None) -> None:
        user = self._user(who)
        if held := self.world.held_by(user):
            mint = held[which % len(held)]
            target = self.world.rows[mint].level + 1
            self._do(lambda: self.world.opening.open(user.address, mint, target), plan)

    def _burn(self, who: int, which: int, plan: Plan | None) -> None:
        """With one's own hand; half of the wallets confirm at once."""
        user = self._user(who)
        self._sign_and_send(user, BURNS[which % 2], which)
        if which > 2:
            self._confirm_with(user, 0, user, 0, plan)

    def _act(self, who: int, which: int, plan: Plan | None) -> None:
        """Whatever else one can do with an NFT; a buyer is the next user."""
        self._sign_and_send(self._user(who), OTHER_ACTS[which % len(OTHER_ACTS)], who)

    def _sign_and_send(self, user: User, kind: str, how: int) -> None:
        """Sent once, sent by a node that goes on sending, or signed only (`how` 5)."""
        held = self.world.held_by(user)
        if not held:
            return
        buyer = self._user(self.world.users.index(user) + 1)
        transaction = self.world.act(user, held[how % len(held)], kind, buyer)
        if how == 5:
            self.unsent.append(transaction)
        else:
            self.world.ground.ledger.relay(transaction, resends=how > 2)

    def _send(self, who: int, which: int, plan: Plan | None) -> None:
        """What was only signed before."""
        if self.unsent:
            transaction = self.unsent.pop(which % len(self.unsent))
            self.world.ground.ledger.relay(transaction, resends=True)

    def _confirm(self, who: int, which: int, plan: Plan | None) -> None:
        """One's own newest signature mostly, or any other that is or will be on the chain."""
        signer = self._user(who if which < 4 else which)
        self._confirm_with(self._user(who), which % 2, signer, which // 2, plan)

    def _confirm_with(
        self, user: User, which: int, signer: User, back: int, plan: Plan | None
    ) -> None:
        upgrade = self._own(user, which)
        if upgrade is not None and signer.signatures:
            signature = signer.signatures[-1 - back % len(signer.signatures)]
            confirm = partial(self.world.burning.confirm, user.address, upgrade.id, signature)
            self._do(confirm, plan)

    def _cancel(self, who: int, which: int, plan: Plan | None) -> None:
        user = self._user(who)
        if upgrade := self._own(user, which // 3):
            self._do(lambda: self.world.ending.cancel(user.address, upgrade.id), plan)

    def _retry(self, who: int, which: int, plan: Plan | None) -> None:
        user = self._user(who)
        if upgrade := self._own(user, which // 3):
            self._do(lambda: self.world.minting.retry(user.address, upgrade.id), plan)

    # --- workflow and sweep ------------------------------------------------------------------

    def _execution(self, who: int, which: int, plan: Plan | None) -> None:
        """One that was started, to its end."""
        if running := sorted(self.world.executions.running):
            self._do(partial(self._execute, *running[which % len(running)]), plan)

    def _end(self, who: int, which: int, plan: Plan | None) -> None:
        """An execution is gone."""
        if running := sorted(self.world.executions.running):
            self.world.executions.finish(*running[which % len(running)])

    def _step(self, who: int, which: int, plan: Plan | None) -> None:
        """In any order, of any upgrade: as a workflow that is run by hand."""
        if upgrade := self._any(who):
            self._do(self._task(upgrade, which), plan)

    def _sweep(self, who: int, which: int, plan: Plan | None) -> None:
        self._do(self.world.sweeping.run, plan)

    # --- processes at the same time ----------------------------------------------------------

    def _begin(self, who: int, which: int, calls: int) -> None:
        work = self._work(who, which, calls)
        if work and len(self.processes) < MOST_PROCESSES:
            self.processes.append(Process(f"process {who}", work, self.world.gate))

    def _go_on(self, who: int, which: int, calls: int) -> None:
        if self.processes:
            process = self.processes[which % len(self.processes)]
            process.go_on(calls)
            self._forget_if_over(process)

    def _die(self, who: int, which: int, calls: int) -> None:
        if self.processes:
            process = self.processes[which % len(self.processes)]
            process.die(is_before=calls % 2 == 0)
            self._forget_if_over(process)

    # --- chain and nodes ---------------------------------------------------------------------

    def _slots(self, count: int) -> None:
        self.world.ground.pass_slots((1, 2, 4, 8, 16, 40)[count])

    def _time(self, count: int) -> None:
        """Also far enough that every blockhash expires, or the request."""
        self.world.one_clock.sleep((10, 31, 61, 61, 90, 1900)[count])
        self.world.ground.ledger.catch_up()

    def _fork(self, count: int) -> None:
        """All that is not final is rolled back; some of it lands again in the new fork."""
        ledger = self.world.ground.ledger
        newest = ledger.since(final_slot(ledger))
        every = count % 3 + 1
        dropped = [each.signature for place, each in enumerate(newest) if place % every == 0]
        ledger.fork(final_slot(ledger), dropped=dropped)

    def _skip(self, count: int) -> None:
        """Slots without a block."""
        self.world.ground.ledger.skip(2 * count + 1)

    def _finality(self, count: int) -> None:
        self.world.ground.ledger.set_finality(1, (2, 3, 3, 8, 32, 32)[count])

    def _poor(self, count: int) -> None:
        """The next transactions of the system wallet fail for want of money."""
        settling.starve(self.world, count)

    def _heal(self, node: InProcessNode, count: int) -> None:
        node.heal()

    def _down(self, node: InProcessNode, count: int) -> None:
        node.fails_next = (1, 2, 4, 8, 16, 200)[count]

    def _lag(self, node: InProcessNode, count: int) -> None:
        node.faults.lag = (0, 1, 2, 4, 8, 40)[count]

    def _err(self, node: InProcessNode, count: int) -> None:
        """Sends are lost anywhere. Only one of two nodes lies: what both tell is believed."""
        method, kind = ERRORS[count]
        if kind == "drop-send":
            node.faults.order(method, kind, 2)
        elif len(self.world.nodes) > 1:
            self.world.nodes[0].faults.order(method, kind, 2)

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

    def _task(self, upgrade: Upgrade, step: int) -> Callable[[], Any]:
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
        return self._task(upgrade, step % 6)

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
