"""Slots as a function of time: nothing ticks, so a stopped node resumes where the clock is."""

import bisect
import hashlib
from dataclasses import dataclass, field

from solders.hash import Hash

FIRST_SLOT = 436_000_000
"""Where a new ledger begins: the size of slots on the public clusters, above LiteSVM's own."""
SKIP_EVERY = 20
"""One slot in so many has no block, as on the public clusters, so heights differ from slots."""


@dataclass(frozen=True, slots=True)
class Era:
    """From `first_slot`, which begins at `started_at` (Unix seconds), each slot takes as long."""

    first_slot: int
    started_at: float
    slot_seconds: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Slots `first` to `last` have no block at all."""

    first: int
    last: int


@dataclass(slots=True)
class Schedule:
    """When each slot begins. `skip_every` 0: no slot is skipped regularly.

    `forks`: the last slot before each fork, oldest first; the blocks after it have other hashes
    than those that were abandoned.
    """

    genesis_hash: Hash
    eras: list[Era]
    skip_every: int = SKIP_EVERY
    gaps: list[Gap] = field(default_factory=list)
    forks: list[int] = field(default_factory=list)
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = [era.first_slot for era in self.eras]

    def slot_at(self, moment: float) -> int:
        """The newest slot with a block at `moment`."""
        era = self.eras[-1]
        elapsed = max(0.0, moment - era.started_at)
        return self.slot_of(self.height_of(era.first_slot + int(elapsed / era.slot_seconds)))

    def begin(self, era: Era) -> None:
        """From now on slots follow `era`."""
        self.eras.append(era)
        self._starts.append(era.first_slot)

    def is_skipped(self, slot: int) -> bool:
        if any(gap.first <= slot <= gap.last for gap in self.gaps):
            return True
        return self.skip_every > 0 and slot % self.skip_every == self.skip_every - 1

    def height_of(self, slot: int) -> int:
        """Block height of `slot`; a skipped slot has its predecessor's."""
        begun = (gap for gap in self.gaps if gap.first <= slot)
        lost = sum(self._blocks(gap.first, min(slot, gap.last)) for gap in begun)
        return self._regular_height(slot) - lost

    def slot_of(self, height: int) -> int:
        """The slot that has the block of `height`."""
        for gap in self.gaps:
            if height > self._regular_height(gap.first - 1):
                height += self._blocks(gap.first, gap.last)
        return height + height // (self.skip_every - 1) if self.skip_every else height

    def _regular_height(self, slot: int) -> int:
        """As if there were no gaps."""
        return slot - (slot + 1) // self.skip_every if self.skip_every else slot

    def _blocks(self, first: int, last: int) -> int:
        """Blocks that a gap takes away."""
        return self._regular_height(last) - self._regular_height(first - 1)

    def time_of(self, slot: int) -> int:
        """Unix seconds at which `slot` began."""
        position = max(0, bisect.bisect_right(self._starts, slot) - 1)
        era = self.eras[position]
        moment = era.started_at + (slot - era.first_slot) * era.slot_seconds
        if position + 1 < len(self.eras):
            moment = min(moment, self.eras[position + 1].started_at)
        return int(moment)

    def blockhash_of(self, slot: int) -> Hash:
        """Every block's hash follows from the genesis hash, its slot and the forks before it."""
        fork = bisect.bisect_left(self.forks, slot)
        named = slot.to_bytes(8, "little") + (fork.to_bytes(4, "little") if fork else b"")
        return Hash(hashlib.sha256(bytes(self.genesis_hash) + named).digest())


class Blockhashes:
    """The blockhashes that transactions may name, by height."""

    def __init__(self, schedule: Schedule, *, keep: int) -> None:
        self._schedule = schedule
        self._keep = keep
        self._heights: dict[Hash, int] = {}
        self._newest = -1

    def register_up_to(self, height: int) -> None:
        """Know the hashes of the last `keep` blocks up to `height`."""
        for new in range(max(self._newest + 1, height - self._keep), height + 1):
            self._heights[self._schedule.blockhash_of(self._schedule.slot_of(new))] = new
        self._newest = max(self._newest, height)
        if len(self._heights) > 2 * self._keep:
            self._forget_below(height - self._keep)

    def forget_above(self, height: int) -> None:
        """The blocks above `height` were abandoned."""
        self._heights = {known: at for known, at in self._heights.items() if at <= height}
        self._newest = min(self._newest, height)

    def height_of(self, blockhash: Hash) -> int | None:
        return self._heights.get(blockhash)

    def _forget_below(self, height: int) -> None:
        self._heights = {known: at for known, at in self._heights.items() if at >= height}
