"""Memory follows from what was measured."""

import pytest

from benchmarks.imports import BUILDERS
from infra.measured import HELPERS, MEASURED, ROOM, Measured
from infra.rows import ROWS
from tests.infra.synthesized import Assembly

BY_NAME = {row.name: row for row in ROWS}


def test_every_function_is_measured_by_the_deployment_check_and_by_the_import_benchmark() -> None:
    assert set(MEASURED) == set(BUILDERS) == set(BY_NAME)


@pytest.mark.parametrize("name", HELPERS)
def test_no_helper_has_less_memory_than_its_peak_asks_for(name: str, dev: Assembly) -> None:
    assert dev.function(name).properties["MemorySize"] >= ROOM * HELPERS[name]


@pytest.mark.parametrize("name", MEASURED)
def test_no_function_has_less_memory_than_its_measurement_asks_for(name: str) -> None:
    assert BY_NAME[name].memory_mib >= MEASURED[name].least_memory_mib


@pytest.mark.parametrize("name", MEASURED)
def test_none_has_more_than_three_times_of_it(name: str) -> None:
    assert BY_NAME[name].memory_mib <= 3 * MEASURED[name].least_memory_mib


def test_long_imports_ask_for_more_memory_than_the_peak_does() -> None:
    assert Measured(peak_mib=100, import_ms=200).least_memory_mib == 400
    assert Measured(peak_mib=100, import_ms=2000).least_memory_mib == 1769
