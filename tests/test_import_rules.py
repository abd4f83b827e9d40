"""Who may import whom, walked over the syntax trees (docs/architecture.md)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "layers/core/python/nft_upgrade"
STANDARD = set(sys.stdlib_module_names)
OWN_DOORS = {"local", "infra", "functions", "tests", "relay", "benchmarks"}

# Part of the house -> the parts of the house it may import. A part is a module or a package.
INSIDE = {
    "domain": {"domain"},
    "ports": {"domain"},
    "messages": {"domain", "ports"},
    "use_cases": {"use_cases", "domain", "ports"},
    "consumers": {"consumers", "domain", "ports", "messages"},
    "tasks": {"use_cases", "domain"},
    "adapters": {"adapters", "domain", "ports", "messages", "config", "consumers"},
    "http": {"http", "use_cases", "domain", "ports", "messages", "config"},
    "config": set(),
    "observability": {"domain", "config"},
    "ops": {"ops", "wiring", "wiring_events", "wiring_ops", "use_cases", "consumers", "domain"},
}
# Parts that may use nothing but the standard library from outside.
PURE = {"domain", "ports", "messages", "use_cases", "tasks"}
WIRING = {"wiring", "wiring_events", "wiring_ops", "stats"}
COMMANDS = {"replay_dead_letters", "audit_verify"}
"""Small doors for operators inside the package: `python -m nft_upgrade.<name>`."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{name.name}" for name in node.names)


def part_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def inside(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("nft_upgrade.")}


def outside(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"nft_upgrade"} - STANDARD


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(HOUSE)))
def test_a_part_of_the_house_imports_only_what_it_may(path: Path) -> None:
    part = part_of(path)
    if part in WIRING | COMMANDS or part == "__init__":
        return
    assert inside(path) <= INSIDE[part], f"{part} must not import {inside(path) - INSIDE[part]}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(HOUSE)))
def test_rules_and_use_cases_know_no_third_party(path: Path) -> None:
    if part_of(path) in PURE:
        assert not outside(path)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(HOUSE)))
def test_the_house_knows_nothing_of_its_doors(path: Path) -> None:
    assert not outside(path) & OWN_DOORS


@pytest.mark.parametrize("door", ["functions", "relay"])
def test_a_door_uses_the_house_and_no_other_door(door: str) -> None:
    for path in (ROOT / door).rglob("*.py"):
        assert not outside(path) & (OWN_DOORS - {door}), path


@pytest.mark.parametrize("door", ["functions", "relay", "infra"])
def test_nobody_but_tests_imports_the_local_stack(door: str) -> None:
    for path in (ROOT / door).rglob("*.py"):
        assert "local" not in outside(path), path


def test_the_sessions_reader_of_the_relay_is_free_of_web_frameworks() -> None:
    for name in ("sessions.py", "problems.py"):
        assert not outside(HOUSE / "http" / name) & {"fastapi", "starlette", "mangum"}, name
