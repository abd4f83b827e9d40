"""Users, sweep, workflow, nodes and forks in any order Hypothesis can think of, on the real SVM.

After every move everything in `tests/machine/invariants.py` holds. In the end the faults stop, time
passes, and whoever burned an NFT of a request has exactly one successor.

In CI the examples are always the same ones; MACHINE_EXAMPLES=3000 looks for new ones
(CONTRIBUTING.md).
"""

import os
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.machine import settling
from tests.machine.interleaving import Plan
from tests.machine.invariants import check_all
from tests.machine.live_world import LiveWorld
from tests.machine.moves import GROUP_OF, MOST_NUMBER, OPTIONAL, WEIGHTS, Move, Moves

SEARCHED = int(os.environ.get("MACHINE_EXAMPLES", "0"))
CI_EXAMPLES = 50
STEPS = 60

number = st.integers(0, MOST_NUMBER)
plans = st.none() | st.builds(
    Plan, at=st.integers(1, 30), is_before=st.booleans(), is_death=st.booleans()
)
names = [name for names in WEIGHTS.values() for name, often in names.items() for _ in range(often)]
any_move = st.builds(Move, what=st.sampled_from(names), who=number, which=number, plan=plans)


class Upgrading(RuleBasedStateMachine):
    """One rule of many weighted moves, because Hypothesis leaves whole rules out of examples. What
    may be left out here is drawn at the start."""

    moves: Moves | None = None

    @initialize(
        node_count=st.sampled_from((2, 1)),
        have_opened=st.sets(st.integers(0, 1), min_size=1),
        without=st.sets(st.sampled_from(OPTIONAL)),
    )
    def begin(self, node_count: int, have_opened: set[int], without: set[str]) -> None:
        self.moves = Moves(LiveWorld(node_count))
        self.without = without
        for who in sorted(have_opened):
            self.moves.make(Move("opens", who, 0, None))

    @rule(move=any_move)
    def something_happens(self, move: Move) -> None:
        assert self.moves is not None
        if GROUP_OF[move.what] not in self.without:
            plan = None if "plans" in self.without else move.plan
            self.moves.make(replace(move, plan=plan))

    @invariant()
    def everything_is_consistent(self) -> None:
        if self.moves is not None:
            check_all(self.moves.world)

    def teardown(self) -> None:
        if self.moves is None:
            return
        try:
            self.moves.end_processes()
            settling.settle(self.moves.world)
            settling.check_end(self.moves.world)
        finally:
            self.moves.end_processes()
            self.moves.world.close()


TestUpgrading = Upgrading.TestCase
TestUpgrading.settings = settings(
    max_examples=SEARCHED or CI_EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=not SEARCHED,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=bool(SEARCHED),
)
