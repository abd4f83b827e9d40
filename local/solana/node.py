"""A ledger that starts fresh or goes on from its folder."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.solana.journal import FORMAT, Journal, JournalBroken, replay
from local.solana.ledger import Ledger, genesis_hash
from local.solana.slots import FIRST_SLOT, SKIP_EVERY, Era, Schedule
from local.solana.svm import Programs


@dataclass(frozen=True, slots=True)
class Options:
    """How a node is started. `seed` None: a new one, or the folder's."""

    slot_ms: int = 400
    confirmed_after: int = 1
    finalized_after: int = 3
    skip_every: int = SKIP_EVERY
    data_dir: Path | None = None
    seed: str | None = None
    programs: Programs = field(default_factory=dict)
    """More programs than a Solana cluster begins with, by address."""


Clock = Callable[[], float]


@contextmanager
def open_ledger(options: Options, *, now: Clock = time.time) -> Iterator[Ledger]:
    """The ledger `options` describe, at the current slot; JournalBroken."""
    with ExitStack() as files:
        if options.data_dir is None:
            ledger = _fresh(options, now, seed=_seed(options))
        else:
            journal = files.enter_context(closing(Journal(options.data_dir)))
            ledger = _journaled(options, now, journal)
        ledger.catch_up()
        yield ledger


def _journaled(options: Options, now: Clock, journal: Journal) -> Ledger:
    entries = iter(journal.entries())
    head = next(entries, None)
    if head is None:
        ledger = _fresh(options, now, seed=_seed(options))
        journal.write_genesis(ledger.seed, options.skip_every, ledger.schedule.eras[0])
    else:
        ledger = _replayed(options, now, head, entries)
    ledger.on_landed, ledger.on_era = journal.write_landed, journal.write_era
    ledger.on_gap, ledger.on_fork = journal.write_gap, journal.write_fork
    _keep_pace(ledger, options, now)
    return ledger


def _fresh(options: Options, now: Clock, *, seed: str) -> Ledger:
    era = Era(FIRST_SLOT, now(), options.slot_ms / 1000)
    return _ledger(options, now, seed, Schedule(genesis_hash(seed), [era], options.skip_every))


def _replayed(
    options: Options, now: Clock, head: dict[str, Any], entries: Iterable[dict[str, Any]]
) -> Ledger:
    if head.get("format") != FORMAT:
        raise JournalBroken(f"{options.data_dir} does not begin with a ledger of format {FORMAT}")
    seed = head["seed"]
    if options.seed not in (None, seed):
        raise JournalBroken(f"{options.data_dir} holds another ledger (its seed is {seed!r})")
    schedule = Schedule(genesis_hash(seed), [Era(**head["era"])], head["skip_every"])
    ledger = _ledger(options, now, seed, schedule)
    for entry in entries:
        replay(ledger, entry)
    return ledger


def _keep_pace(ledger: Ledger, options: Options, now: Clock) -> None:
    """Slots of another length begin now."""
    slot_seconds = options.slot_ms / 1000
    if ledger.schedule.eras[-1].slot_seconds != slot_seconds:
        ledger.begin_era(Era(ledger.schedule.slot_at(now()), now(), slot_seconds))


def _ledger(options: Options, now: Clock, seed: str, schedule: Schedule) -> Ledger:
    return Ledger(
        schedule,
        seed,
        now=now,
        confirmed_after=options.confirmed_after,
        finalized_after=options.finalized_after,
        programs=options.programs,
    )


def _seed(options: Options) -> str:
    return options.seed if options.seed is not None else secrets.token_hex(16)
