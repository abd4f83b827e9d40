"""All figures again from all events, while readers and the live consumer go on.

1. `begin` points the live consumer at a fresh generation as well as the current one.
2. The history is read, which begins after that. Every event is in it or is taken by the live
   consumer after step 1, most by both: each generation counts an event once.
3. `switch` makes the new generation the one that is read: one conditional write.

A death before 3 leaves readers where they were; the next rebuild begins anew.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nft_upgrade.consumers.analytics import count_into
from nft_upgrade.consumers.stats_ports import EventHistory, Generations

EVERY = 1000
"""Events between two reports of progress."""


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What became of it; `read` may hold repetitions, `counted` does not."""

    generation: int
    read: int
    counted: int


class Rebuild:
    """An operator's act."""

    def __init__(
        self,
        generations: Generations,
        history: EventHistory,
        tell: Callable[[int], object] = lambda read: None,
    ) -> None:
        """`tell` is called with the number of events read, now and then."""
        self._generations = generations
        self._history = history
        self._tell = tell

    def run(self) -> RebuildReport:
        """Raises HistoryIncomplete, or VersionConflict when another rebuild took over; readers
        then keep what they had."""
        generation = self._generations.begin()
        try:
            read, counted = self._fill(generation)
        except Exception:
            # Spares the live consumer the second write; another rebuild's is left alone.
            self._generations.abandon(generation)
            raise
        self._generations.switch(generation)
        return RebuildReport(generation, read, counted)

    def _fill(self, generation: int) -> tuple[int, int]:
        store = self._generations.store(generation)
        read = counted = 0
        for read, event in enumerate(self._history.events(), 1):
            counted += count_into(store, event) is not None
            if read % EVERY == 0:
                self._tell(read)
        return read, counted
