"""Walks functions/upgrade.asl.json over the use cases, with its Retry, Catch and Wait.

A process that dies in a task is what Lambda calls an unknown error: not in the Retry lists, so
Catch leads to MarkRetryable.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.tasks import fault, outcome, step_outcome
from tests.machine.interleaving import Died
from tests.use_cases.world import World

FILE = Path(__file__).parent.parent.parent / "functions" / "upgrade.asl.json"
STATES: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["States"]
START = "VerifyBurn"
MOST_STATES = 24
"""Then the execution times out, as after its hour."""

Data = dict[str, Any]


def tasks_of(world: World) -> Mapping[str, Callable[[Data], Data]]:
    """What the functions of functions/*.py do, by state."""
    minting = world.minting
    return {
        "VerifyBurn": lambda data: outcome(world.burning.verify(_id(data))),
        "PrepareMint": lambda data: step_outcome(minting.prepare(_id(data))),
        "SubmitMint": lambda data: step_outcome(minting.submit(_id(data))),
        "AwaitMint": lambda data: step_outcome(minting.await_mint(_id(data))),
        "CompleteUpgrade": lambda data: outcome(minting.complete(_id(data))),
        "MarkRetryable": lambda data: outcome(minting.mark_retryable(_id(data), fault(data))),
    }


def execute(
    world: World,
    upgrade_id: str,
    sleep: Callable[[float], None],
    most_states: int = MOST_STATES,
) -> None:
    """One execution, until Done, its time-out or a failure of its very last resort."""
    data: Data = {"upgradeRequestId": upgrade_id}
    name = START
    for _ in range(most_states):
        state = STATES[name]
        if state["Type"] == "Succeed":
            return
        if state["Type"] == "Wait":
            sleep(state["Seconds"])
            name = state["Next"]
        elif state["Type"] == "Choice":
            name = _chosen(state, data)
        else:
            name, data = _task(state, tasks_of(world)[name], data, sleep)
            if not name:
                return


def _task(
    state: Data, task: Callable[[Data], Data], data: Data, sleep: Callable[[float], None]
) -> tuple[str, Data]:
    """The next state and its data; "" when the execution fails."""
    error = ""
    (retry,) = state["Retry"]
    for attempt in range(retry["MaxAttempts"] + 1):
        try:
            return state["Next"], task(data)
        except UpgradeError as raised:
            error = type(raised).__name__
        except Died:
            error = "Lambda.Unknown"
        if not {error, "States.ALL"} & set(retry["ErrorEquals"]):
            break
        sleep(min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * 2**attempt))
    (catch,) = state.get("Catch", [{"Next": ""}])
    return catch["Next"], {**data, "error": {"Error": error}}


def _chosen(state: Data, data: Data) -> str:
    for rule in state["Choices"]:
        if data[rule["Variable"].removeprefix("$.")] == rule["StringEquals"]:
            return str(rule["Next"])
    return str(state["Default"])


def _id(data: Data) -> str:
    return str(data["upgradeRequestId"])
