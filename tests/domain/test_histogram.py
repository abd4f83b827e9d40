"""Quantiles from fixed buckets are within 5 % of the true ones."""

from collections import Counter
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nft_upgrade.domain.histogram import BOUNDS, LONGEST_MS, bucket_of, quantile

DURATIONS = st.lists(st.integers(0, LONGEST_MS), min_size=1, max_size=200)


def test_the_bounds_rise_by_a_tenth_at_most() -> None:
    assert BOUNDS[-1] >= LONGEST_MS
    assert all(low < high <= max(low + 1, low * 1.1) for low, high in pairwise(BOUNDS))
    assert len(BOUNDS) < 300


@given(DURATIONS, st.sampled_from([0.5, 0.95, 1.0]))
def test_a_quantile_is_within_five_percent(durations: list[int], share: float) -> None:
    found = quantile(Counter(map(bucket_of, durations)), share)
    true = sorted(durations)[ceil(len(durations) * share) - 1]
    assert found is not None
    assert abs(found - true) <= max(1, 0.05 * true)


@given(DURATIONS, DURATIONS)
def test_counts_from_two_places_add_up(one: list[int], other: list[int]) -> None:
    apart = Counter(map(bucket_of, one)) + Counter(map(bucket_of, other))
    assert quantile(apart, 0.95) == quantile(Counter(map(bucket_of, one + other)), 0.95)


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile({}, 0.5) is None


@pytest.mark.parametrize(("milliseconds", "bucket"), [(-5, 0), (0, 0), (1, 0), (2, 1)])
def test_the_shortest_lie_in_the_first_buckets(milliseconds: int, bucket: int) -> None:
    assert bucket_of(milliseconds) == bucket


def test_what_takes_longer_than_a_year_counts_as_a_year() -> None:
    assert bucket_of(LONGEST_MS * 5) == bucket_of(LONGEST_MS)
