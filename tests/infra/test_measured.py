"""Memory follows from what was measured."""

import pytest

from infra.measured import MEASURED, Measured
from infra.rows import ROWS

BY_NAME = {row.name: row for row in ROWS}


@pytest.mark.parametrize("name", MEASURED)
def test_no_function_has_less_memory_than_its_measurement_asks_for(name: str) -> None:
    assert BY_NAME[name].memory_mib >= MEASURED[name].least_memory_mib


@pytest.mark.parametrize("name", MEASURED)
def test_none_has_more_than_three_times_of_it(name: str) -> None:
    assert BY_NAME[name].memory_mib <= 3 * MEASURED[name].least_memory_mib


def test_long_imports_ask_for_more_memory_than_the_peak_does() -> None:
    assert Measured(peak_mib=100, import_ms=200).least_memory_mib == 400
    assert Measured(peak_mib=100, import_ms=2000).least_memory_mib == 1769
