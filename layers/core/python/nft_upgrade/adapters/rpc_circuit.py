"""When an RPC node that fails is left alone, and for how long. No I/O.

Full jitter within the upper half: many processes that saw the same outage do not come back as one.
"""

import random
from collections.abc import Callable

FIRST_REST, LONGEST_REST = 0.25, 30.0
"""Seconds; each failure in a row doubles the rest."""
MOST_DOUBLINGS = 7


class Circuit:
    """Of one node. `monotonic` gives seconds; `spread` a number from 0 to 1."""

    def __init__(
        self, monotonic: Callable[[], float], spread: Callable[[], float] = random.random
    ) -> None:
        self._monotonic = monotonic
        self._spread = spread
        self._failures = 0
        self._rests_until = float("-inf")

    @property
    def rest(self) -> float:
        """Seconds for which the node should not be asked; 0: ask it."""
        return max(0.0, self._rests_until - self._monotonic())

    def succeeded(self) -> None:
        """It answers: trust it at once."""
        self._failures = 0
        self._rests_until = float("-inf")

    def failed(self, *, retry_after: float | None = None) -> float:
        """Rest for as long as the node asks, within bounds, or longer each time; the seconds.

        Questions that were under way when the rest began do not make it longer.
        """
        if self.rest > 0 and retry_after is None:
            return self.rest
        self._failures += 1
        seconds = self._backed_off() if retry_after is None else min(retry_after, LONGEST_REST)
        self._rests_until = max(self._rests_until, self._monotonic() + seconds)
        return seconds

    def _backed_off(self) -> float:
        doublings = min(self._failures - 1, MOST_DOUBLINGS)
        longest = min(LONGEST_REST, FIRST_REST * 2.0**doublings)
        return longest * (1 + self._spread()) / 2
