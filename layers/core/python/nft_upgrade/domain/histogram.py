"""Durations in fixed buckets, so that counts from anywhere add up to the same quantiles.

Bounds grow by a tenth (whole milliseconds at least), as in DDSketch (Masson, Rim, Lee, VLDB 2019):
a quantile is off by less than 5 % of itself, whatever the distribution, and by at most a
millisecond below 10 ms. The bounds are part of what is stored: another growth needs a rebuild.
"""

from bisect import bisect_left
from collections.abc import Mapping
from math import ceil, sqrt

LONGEST_MS = 366 * 86_400_000
"""A year; longer durations count as this long."""


def _bounds() -> tuple[int, ...]:
    bounds = [1]
    while bounds[-1] < LONGEST_MS:
        last = bounds[-1]
        # Whole numbers, not logarithms: every machine draws the same lines.
        bounds.append(max(last + 1, last * 11 // 10))
    return tuple(bounds)


BOUNDS = _bounds()
"""The upper bound of each bucket, inclusive, in milliseconds."""


def bucket_of(milliseconds: int) -> int:
    """Its bucket's number."""
    return bisect_left(BOUNDS, min(max(milliseconds, 0), LONGEST_MS))


def quantile(counts: Mapping[int, int], share: float) -> int | None:
    """Milliseconds below which `share` (0 to 1) of the counted lie; None when there are none."""
    wanted = ceil(sum(counts.values()) * share)
    passed = 0
    for number in sorted(counts):
        passed += counts[number]
        if passed >= wanted and passed:
            return _middle(number)
    return None


def _middle(number: int) -> int:
    """The value that is off by the same share from both bounds."""
    low = BOUNDS[number - 1] if number else 0
    return round(sqrt((low + 1) * BOUNDS[number]))
