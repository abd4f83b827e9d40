"""All figures again from all events, while readers and the live consumer go on.

1. `begin` points the live consumer at a fresh generation as well as the current one.
2. The history is read, which begins after that. Every event is in it or is taken by the live
   consumer after step 1, most by both: each generation counts an event once.
3. `switch` makes the new generation the one that is read: one conditional write.

A death before 3 leaves readers where they were, and the live consumer counting into what nobody
finishes: the next rebuild begins anew and takes its place. An interruption (Ctrl-C) takes it back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from nft_upgrade.consumers.analytics import TOGETHER, count_all
from nft_upgrade.consumers.stats_ports import EventHistory, Generations

EVERY = 1000
"""Events between two reports of progress."""


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What became of it; `read` may hold repetitions, `counted` does not. `took_over`: the
    generation of a rebuild that had begun and not ended, perhaps because it died."""

    generation: int
    read: int
    counted: int
    took_over: int | None = None


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
        took_over = self._generations.pointer().building
        generation = self._generations.begin()
        try:
            read, counted = self._fill(generation)
        except BaseException:
            # Spares the live consumer the second write; another rebuild's is left alone.
            self._generations.abandon(generation)
            raise
        self._generations.switch(generation)
        return RebuildReport(generation, read, counted, took_over)

    def _fill(self, generation: int) -> tuple[int, int]:
        store = self._generations.store(generation)
        read = counted = 0
        events = self._history.events()
        while part := list(islice(events, TOGETHER)):
            counted += len(count_all(store, part))
            if read // EVERY < (read + len(part)) // EVERY:
                self._tell(read + len(part))
            read += len(part)
        return read, counted
