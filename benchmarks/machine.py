"""Walks functions/upgrade.asl.json in this process: Task and Choice as they stand, no waiting."""

import json
from collections.abc import Callable
from typing import Any

from benchmarks.house import FUNCTIONS, Context, function

MACHINE = json.loads((FUNCTIONS / "upgrade.asl.json").read_text(encoding="utf-8"))


def snake(name: str) -> str:
    """`VerifyBurn` -> `verify_burn`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def run(upgrade_id: str, before: Callable[[str], None] = lambda state: None) -> list[str]:
    """Execute until Done; the states passed. `before` is called ahead of each state."""
    data: dict[str, Any] = {"upgradeRequestId": upgrade_id, "run": 1}
    name, passed = MACHINE["StartAt"], []
    while True:
        before(name)
        passed.append(name)
        state = MACHINE["States"][name]
        if state["Type"] == "Succeed":
            return passed
        if state["Type"] == "Task":
            data = function(snake(name))(data, Context())
        name = _next(state, data)


def _next(state: dict[str, Any], data: dict[str, Any]) -> str:
    for rule in state.get("Choices", ()):
        if data[rule["Variable"].removeprefix("$.")] == rule["StringEquals"]:
            return str(rule["Next"])
    return str(state.get("Default") or state["Next"])
