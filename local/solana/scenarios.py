"""Bad days to develop against, by name: `make run SCENARIO=fork`, `--scenario fork`, or the control
`{"scenario": "fork"}`. First NFTs are always minted in peace, so that a user can be given one.

none             all goes well again
slow-finality    a block is final 32 blocks after it was made (13 s), as on the public clusters
rpc-down         a minute of answers, then 20 s of HTTP 500, and so on
mint-fails-twice two executions of every upgrade's mint fail on chain: retrying, twice
lost-sends       the first two sends of every mint are lost on the way
fork             every burn and mint is confirmed, then rolled back once; the same bytes land again
lag              the node answers as of 20 slots ago (8 s)
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from local.solana.faults import ANY_METHOD, Faults
from local.solana.ledger import Commitment, Ledger
from local.solana.outcomes import Landed
from local.solana.tokens import TOKEN_PROGRAMS

SLOW_FINALITY = 32
FORKED_FINALITY = 20
"""Blocks: long enough that a confirmed block is seen before it is rolled back."""
LAG = 20
LOST_SENDS = 2
FAILING_ATTEMPTS = 6
"""Two executions of the mint, each of which builds three transactions before it gives up."""
UP_SECONDS, DOWN_SECONDS = 60, 20
FOR_EVER = 10**9

SYSTEM_PROGRAM = Pubkey.default()
ALLOCATE_WITH_SEED = (9).to_bytes(4, "little")
LEVEL_FIELD = b"\x05\x00\x00\x00level"
FIRST_LEVEL = LEVEL_FIELD + b"\x01\x00\x00\x001"
BURN, BURN_CHECKED = 8, 15


class Scenario(StrEnum):
    """What each does is told above."""

    NONE = "none"
    SLOW_FINALITY = "slow-finality"
    RPC_DOWN = "rpc-down"
    MINT_FAILS_TWICE = "mint-fails-twice"
    LOST_SENDS = "lost-sends"
    FORK = "fork"
    LAG = "lag"


class Stage:
    """Plays one scenario at a time on a ledger and one of its nodes. `now` gives seconds."""

    def __init__(self, ledger: Ledger, faults: Faults, *, now: Callable[[], float]) -> None:
        self._ledger = ledger
        self._faults = faults
        self._now = now
        self._usual = ledger.finality
        self._began = now()
        self.scenario = Scenario.NONE

    def play(self, scenario: Scenario) -> None:
        """End what was played, begin this."""
        self._end()
        self.scenario, self._began = scenario, self._now()
        match scenario:
            case Scenario.NONE | Scenario.RPC_DOWN:
                pass
            case Scenario.SLOW_FINALITY:
                self._finality(SLOW_FINALITY)
            case Scenario.LAG:
                self._faults.lag = LAG
            case Scenario.LOST_SENDS:
                self._faults.loses = _FirstSends(LOST_SENDS)
            case Scenario.MINT_FAILS_TWICE:
                self._ledger.starves = _FirstAttempts(FAILING_ATTEMPTS)
            case Scenario.FORK:
                self._finality(FORKED_FINALITY)
                self._forked: set[str] = {each.signature for each in self._ledger.landed}
            case _:
                assert_never(scenario)

    def tick(self) -> None:
        """Before each request, once the ledger has caught up."""
        if self.scenario is Scenario.RPC_DOWN:
            elapsed = (self._now() - self._began) % (UP_SECONDS + DOWN_SECONDS)
            is_down = elapsed >= UP_SECONDS
            self._faults.order(ANY_METHOD, "error-500", FOR_EVER if is_down else 0)
        if self.scenario is Scenario.FORK:
            self._fork_once()

    def _end(self) -> None:
        self._ledger.set_finality(*self._usual)
        self._ledger.starves = lambda transaction: False
        self._faults.lag, self._faults.loses = 0, lambda transaction: False
        self._faults.order(ANY_METHOD, "error-500", 0)

    def _finality(self, blocks: int) -> None:
        self._ledger.set_finality(self._usual[0], blocks)

    def _fork_once(self) -> None:
        """Roll back the oldest confirmed burn or mint that was not rolled back before."""
        final = self._ledger.view(Commitment.FINALIZED).slot
        confirmed = self._ledger.view(Commitment.CONFIRMED).slot
        for landed in self._ledger.since(final):
            if landed.slot < confirmed and self._is_next(landed):
                self._forked.add(landed.signature)
                self._ledger.fork(landed.slot - 1, dropped=[landed.signature])
                return

    def _is_next(self, landed: Landed) -> bool:
        if landed.signature in self._forked:
            return False
        transaction = landed.transaction
        return upgrade_mint(transaction) is not None or is_burn(transaction)


class _FirstSends:
    """True for the first so many sends of each upgrade's mint transaction."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._sent: Counter[str] = Counter()

    def __call__(self, transaction: VersionedTransaction) -> bool:
        if upgrade_mint(transaction) is None:
            return False
        self._sent[str(transaction.signatures[0])] += 1
        return self._sent[str(transaction.signatures[0])] <= self._count


class _FirstAttempts:
    """True for the first so many different transactions that mint the same NFT."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._signatures: defaultdict[Pubkey, list[str]] = defaultdict(list)

    def __call__(self, transaction: VersionedTransaction) -> bool:
        mint = upgrade_mint(transaction)
        if mint is None:
            return False
        attempts = self._signatures[mint]
        if (signature := str(transaction.signatures[0])) not in attempts:
            attempts.append(signature)
        return attempts.index(signature) < self._count


def upgrade_mint(transaction: VersionedTransaction) -> Pubkey | None:
    """The mint that it creates, of a level above the first; None: it is something else."""
    message = transaction.message
    data = [bytes(each.data) for each in message.instructions]
    if not any(LEVEL_FIELD in each and FIRST_LEVEL not in each for each in data):
        return None
    for instruction in message.instructions:
        program = message.account_keys[instruction.program_id_index]
        if program == SYSTEM_PROGRAM and bytes(instruction.data[:4]) == ALLOCATE_WITH_SEED:
            return message.account_keys[instruction.accounts[0]]
    return None


def is_burn(transaction: VersionedTransaction) -> bool:
    """Whether it burns a token at top level."""
    message = transaction.message
    return any(
        message.account_keys[each.program_id_index] in TOKEN_PROGRAMS
        and each.data[:1] in (bytes([BURN]), bytes([BURN_CHECKED]))
        for each in message.instructions
    )
