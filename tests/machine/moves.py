"""Everything that can happen next: by users, the product, processes, the chain and its nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from solders.transaction import VersionedTransaction

from nft_upgrade.domain.errors import Conflicting, UpgradeError
from nft_upgrade.domain.upgrade import Status, Upgrade
from tests.machine.execution import execute
from tests.machine.interleaving import Died, Plan, Process
from tests.machine.invariants import committed_events
from tests.machine.ledger_reading import burns, final_slot
from tests.machine.live_chain import InProcessNode
from tests.machine.live_world import LiveWorld, User
from tests.machine.settling import starve

WEIGHTS = {
    "product": {"executes": 10, "execution_ends": 2, "steps": 14, "sweeps": 6, "kafka_halts": 1},
    "users": {"opens": 5, "burns": 10, "acts": 3, "sends": 2, "confirms": 6, "cancels": 5}
    | {"retries": 2, "cheats": 3},
    "time": {"slots_pass": 10, "time_passes": 3},
    "processes": {"process_begins": 6, "process_goes_on": 14, "process_dies": 2},
    "chain": {"forks": 5, "skips": 1, "finality_changes": 2, "mints_fail": 3},
    "nodes": {"node_heals": 4, "node_fails": 3, "node_lags": 2, "node_errs": 8},
}
"""How often each move is chosen, by group."""
GROUP_OF = {name: group for group, names in WEIGHTS.items() for name in names}
OPTIONAL = ("processes", "chain", "nodes", "plans")

BY_HAND = ("burn", "burn and close")
OTHERWISE = ("sell", "burn nothing", "let a delegate burn", "burn too much", "incinerate")
ERRORS = (
    ("getTransaction", "lie"),
    ("getMultipleAccounts", "lie"),
    ("getSignatureStatuses", "lie"),
    ("sendTransaction", "drop-send"),
    ("getTransaction", "null"),
    ("getSignatureStatuses", "null"),
    ("getMultipleAccounts", "null"),
)
MOST_NUMBER = 6
"""Of `who` and `which`."""
MOST_PROCESSES = 3


@dataclass(frozen=True, slots=True)
class Move:
    """What happens; the numbers choose among what there is. What there is none of is left out."""

    what: str
    who: int
    which: int
    plan: Plan | None


class Moves:
    """Carries them out. AssertionError, or what nobody may be told, when something is wrong."""

    def __init__(self, world: LiveWorld) -> None:
        self.world = world
        self.processes: list[Process] = []
        self.unsent: list[VersionedTransaction] = []

    def make(self, move: Move) -> None:
        getattr(self, move.what)(move)

    # --- users -------------------------------------------------------------------------------

    def opens(self, move: Move) -> None:
        user = self._user(move.who)
        if held := self.world.held_by(user):
            mint = held[move.which % len(held)]
            target = self.world.rows[mint].level + 1
            self._do(lambda: self.world.opening.open(user.address, mint, target), move.plan)

    def burns(self, move: Move) -> None:
        """With one's own hand; half of the wallets confirm at once."""
        user = self._user(move.who)
        self._sign_and_send(user, BY_HAND[move.which % 2], move.which)
        if move.which > 2:
            self._confirm_newest(user, move.plan)

    def acts(self, move: Move) -> None:
        """Whatever else one can do with an NFT."""
        user = self._user(move.who)
        self._sign_and_send(user, OTHERWISE[move.which % len(OTHERWISE)], move.who)
        if move.which > 1:
            self._confirm_newest(user, move.plan)

    def cheats(self, move: Move) -> None:
        """Sells the NFT of one's own open request; the buyer burns it; one names his burn."""
        seller = self._user(move.who)
        buyer = self._user(move.who + 1)
        mint = next((u.nft_id for u in self.world.upgrades_of(seller) if u.is_active), None)
        if mint is None or mint not in self.world.held_by(seller):
            return
        for user, kind in ((seller, "sell"), (buyer, BY_HAND[move.which % 2])):
            transaction = self.world.act(user, mint, kind, buyer)
            self.world.ground.ledger.relay(transaction, resends=True)
        self._confirm(self.world.upgrades_of(seller)[-1], buyer, 0, move.plan)

    def sends(self, move: Move) -> None:
        """What was only signed before."""
        if self.unsent:
            transaction = self.unsent.pop(move.which % len(self.unsent))
            self.world.ground.ledger.relay(transaction, resends=True)

    def confirms(self, move: Move) -> None:
        """One's own newest signature mostly, or any other that is or will be on the chain."""
        if upgrade := self._any(move.who):
            own = self._named(upgrade.user_id)
            signer = own if move.which < 4 else self._user(move.which)
            self._confirm(upgrade, signer, move.which // 2, move.plan)

    def cancels(self, move: Move) -> None:
        if upgrade := self._any(move.who):
            cancel = partial(self.world.ending.cancel, upgrade.user_id, upgrade.id)
            self._do(cancel, move.plan)

    def retries(self, move: Move) -> None:
        if upgrade := self._any(move.who):
            retry = partial(self.world.minting.retry, upgrade.user_id, upgrade.id)
            self._do(retry, move.plan)

    def _sign_and_send(self, user: User, kind: str, how: int) -> None:
        """Sent once, sent by a node that goes on sending, or only signed (`how` 5). The buyer of
        what is sold is the next user."""
        held = self.world.held_by(user)
        if not held:
            return
        buyer = self._user(self.world.users.index(user) + 1)
        transaction = self.world.act(user, held[how % len(held)], kind, buyer)
        if how == 5:
            self.unsent.append(transaction)
        else:
            self.world.ground.ledger.relay(transaction, resends=how > 2)

    def _confirm_newest(self, user: User, plan: Plan | None) -> None:
        own = self.world.upgrades_of(user)
        if own:
            self._confirm(own[-1], user, 0, plan)

    def _confirm(self, upgrade: Upgrade, signer: User, back: int, plan: Plan | None) -> None:
        if signer.signatures:
            signature = signer.signatures[-1 - back % len(signer.signatures)]
            confirm = partial(self.world.burning.confirm, upgrade.user_id, upgrade.id, signature)
            self._do(confirm, plan)

    # --- workflow and sweep ------------------------------------------------------------------

    def executes(self, move: Move) -> None:
        """An execution that was started, to its end; or its first states, and it goes on later."""
        if running := self._running(move.who):
            states = (None, None, None, None, 3, 5, 6)[move.which]
            self._do(partial(self._execute, *running, states), move.plan)

    def execution_ends(self, move: Move) -> None:
        """Without a trace."""
        if running := self._running(move.which):
            self.world.executions.finish(*running)

    def steps(self, move: Move) -> None:
        """In any order, of any upgrade: as a workflow that is run by hand."""
        if upgrade := self._minting() or self._any(move.who):
            self._do(self._task(upgrade, move.which), move.plan)

    def sweeps(self, move: Move) -> None:
        self._do(self.world.sweeping.run, move.plan)

    def kafka_halts(self, move: Move) -> None:
        """Half of what was committed up to now is not taken by Kafka; or all is taken again."""
        is_back = bool(self.world.kafka.fail)
        committed = [event.event_id for event in committed_events(self.world)]
        self.world.kafka.fail = {} if is_back else dict.fromkeys(committed[::2], "down")

    # --- processes at the same time ----------------------------------------------------------

    def process_begins(self, move: Move) -> None:
        work = self._work(move)
        if work and len(self.processes) < MOST_PROCESSES:
            self.processes.append(Process(f"process {move.who}", work, self.world.gate))

    def process_goes_on(self, move: Move) -> None:
        if self.processes:
            process = self.processes[move.who % len(self.processes)]
            process.go_on((1, 1, 2, 3, 5, 9, 20)[move.which])
            self._forget_if_over(process)

    def process_dies(self, move: Move) -> None:
        if self.processes:
            process = self.processes[move.who % len(self.processes)]
            process.die(is_before=move.which % 2 == 0)
            self._forget_if_over(process)

    def end_processes(self) -> None:
        """The machine they run on is gone."""
        for process in list(self.processes):
            process.die(is_before=True)
            self._forget_if_over(process)

    # --- chain and nodes ---------------------------------------------------------------------

    def slots_pass(self, move: Move) -> None:
        self.world.ground.pass_slots((1, 2, 4, 8, 16, 40, 100)[move.which])

    def time_passes(self, move: Move) -> None:
        """Also far enough that every blockhash expires, or the request."""
        self.world.one_clock.sleep((10, 31, 61, 61, 90, 90, 1900)[move.which])
        self.world.ground.ledger.catch_up()

    def forks(self, move: Move) -> None:
        """All that is not final is rolled back; some of it lands again in the new fork."""
        ledger = self.world.ground.ledger
        newest = ledger.since(final_slot(ledger))
        every = move.which % 3 + 1
        dropped = [each.signature for place, each in enumerate(newest) if place % every == 0]
        ledger.fork(final_slot(ledger), dropped=dropped)

    def skips(self, move: Move) -> None:
        """Slots without a block."""
        self.world.ground.ledger.skip(2 * move.which + 1)

    def finality_changes(self, move: Move) -> None:
        self.world.ground.ledger.set_finality(1, (2, 3, 3, 8, 32, 32, 32)[move.which])

    def mints_fail(self, move: Move) -> None:
        """The next transactions of the system wallet fail for want of money."""
        starve(self.world, move.which)

    def node_heals(self, move: Move) -> None:
        self._node(move).heal()

    def node_fails(self, move: Move) -> None:
        self._node(move).fails_next = (1, 2, 4, 8, 16, 32, 200)[move.which]

    def node_lags(self, move: Move) -> None:
        self._node(move).faults.lag = (0, 1, 2, 4, 8, 20, 40)[move.which]

    def node_errs(self, move: Move) -> None:
        """Sends are lost anywhere. Only one of two nodes lies: what both tell is believed."""
        method, kind = ERRORS[move.which]
        if kind == "drop-send":
            self._node(move).faults.order(method, kind, 6)
        elif len(self.world.nodes) > 1:
            self.world.nodes[0].faults.order(method, kind, 6)

    # --- how ---------------------------------------------------------------------------------

    def _user(self, who: int) -> User:
        return self.world.users[who % len(self.world.users)]

    def _named(self, address: str) -> User:
        return next(user for user in self.world.users if user.address == address)

    def _node(self, move: Move) -> InProcessNode:
        return self.world.nodes[move.who % len(self.world.nodes)]

    def _any(self, which: int) -> Upgrade | None:
        """Of the active ones, if there are any; the last number means all."""
        upgrades = list(self.world.store.upgrades.values())
        active = [upgrade for upgrade in upgrades if upgrade.is_active]
        chosen = upgrades if which == MOST_NUMBER else active or upgrades
        return chosen[which % len(chosen)] if chosen else None

    def _minting(self) -> Upgrade | None:
        upgrades = self.world.store.upgrades.values()
        return next((u for u in upgrades if u.status is Status.MINT_PENDING), None)

    def _running(self, which: int) -> tuple[str, int] | None:
        running = sorted(self.world.executions.running)
        return running[which % len(running)] if running else None

    def _do(self, work: Callable[[], object], plan: Plan | None) -> None:
        """Nothing whose burn was final for everybody before may be given up by this."""
        gone, before = self._finally_gone(), self._given_up()
        self._told(work, plan)
        wrong = [each for each in self._given_up() - before if each[1] in gone]
        assert not wrong, "given up though it was burned"

    def _given_up(self) -> set[tuple[str, str]]:
        return {
            (upgrade.id, upgrade.nft_id)
            for upgrade in self.world.store.upgrades.values()
            if upgrade.status in (Status.CANCELLED, Status.EXPIRED)
        }

    def _finally_gone(self) -> set[str]:
        """NFTs whose burn every node shows as final, however far it lags."""
        ledger = self.world.ground.ledger
        with ledger.behind(max(node.faults.lag for node in self.world.nodes)):
            return {burn.mint for burn in burns(ledger) if burn.slot <= final_slot(ledger)}

    def _told(self, work: Callable[[], object], plan: Plan | None) -> None:
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

    def _execute(self, upgrade_id: str, run: int, states: int | None = None) -> None:
        if states is not None:
            execute(self.world, upgrade_id, self.world.clock.sleep, states)
            return
        execute(self.world, upgrade_id, self.world.clock.sleep)
        self.world.executions.finish(upgrade_id, run)

    def _task(self, upgrade: Upgrade, step: int) -> Callable[[], Any]:
        minting = self.world.minting
        tasks: tuple[Callable[[str], Any], ...] = (
            self.world.burning.verify,
            minting.prepare,
            minting.submit,
            minting.complete,
            minting.complete,
            minting.await_mint,
            lambda upgrade_id: minting.mark_retryable(upgrade_id, "States.Timeout"),
        )
        return partial(tasks[step], upgrade.id)

    def _work(self, move: Move) -> Callable[[], object] | None:
        if move.which < 2:
            return self.world.sweeping.run
        if move.which < 5 and (running := self._running(move.who)):
            return partial(self._execute, *running)
        upgrade = self._any(move.who)
        if upgrade is None:
            return None
        if move.which == 5:
            return partial(self.world.ending.cancel, upgrade.user_id, upgrade.id)
        return self._task(upgrade, move.who)

    def _forget_if_over(self, process: Process) -> None:
        if process.is_over:
            self.processes.remove(process)
            problem = process.problem
            if problem and (isinstance(problem, Conflicting) or not _is_told(problem)):
                raise problem


def _is_told(problem: Exception) -> bool:
    return isinstance(problem, UpgradeError)
