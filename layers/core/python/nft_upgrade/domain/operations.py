"""What operators ask for, written down before it is done: who, what, why; chained by hash.

An entry says that somebody asked; what came of it is in the switch, and in the upgrade's own
history. So nothing is ever done that no entry speaks of, wherever the process dies.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from nft_upgrade.domain.canonical import canonical_hash
from nft_upgrade.domain.events import GENESIS_HASH, iso


class Act(StrEnum):
    """What can be asked for."""

    PAUSE = "pause"
    """No new upgrades; burns already made are still minted."""
    RESUME = "resume"
    """New upgrades again."""
    RETRY = "retry"
    """Another execution for a mint that failed."""
    ACCEPT = "accept"
    """A burn under review gets its successor."""
    REFUSE = "refuse"
    """A burn under review gets none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One request of an operator. `number` counts from 1 without a hole; `hash` covers every other
    field and the hash before it."""

    number: int
    act: Act
    operator: str
    reason: str
    asked_at: datetime
    upgrade_id: str | None = None
    previous_hash: str = GENESIS_HASH
    hash: str = ""

    def sealed(self) -> "JournalEntry":
        """The same entry with its `hash` computed."""
        return replace(self, hash=_hash(self))


def following(
    last: JournalEntry | None,
    act: Act,
    *,
    operator: str,
    reason: str,
    at: datetime,
    upgrade_id: str | None = None,
) -> JournalEntry:
    """The entry after `last`."""
    return JournalEntry(
        number=last.number + 1 if last else 1,
        act=act,
        operator=operator,
        reason=reason,
        asked_at=at,
        upgrade_id=upgrade_id,
        previous_hash=last.hash if last else GENESIS_HASH,
    ).sealed()


def is_sound(newest_first: Iterable[JournalEntry]) -> bool:
    """Whether these entries follow each other and none was changed."""
    later: JournalEntry | None = None
    for entry in newest_first:
        if entry.hash != _hash(entry):
            return False
        if later and (later.number, later.previous_hash) != (entry.number + 1, entry.hash):
            return False
        later = entry
    return later is None or later.number > 1 or later.previous_hash == GENESIS_HASH


def _hash(entry: JournalEntry) -> str:
    facts = {name: getattr(entry, name) for name in JournalEntry.__dataclass_fields__}
    facts |= {"asked_at": iso(entry.asked_at)}
    del facts["hash"]
    return canonical_hash(facts)
