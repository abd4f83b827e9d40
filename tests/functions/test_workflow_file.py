"""The state machine's file against the functions and the error tree."""

import json
from pathlib import Path
from typing import Any

from nft_upgrade.domain.errors import MintingPaused
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.use_cases.sending import Progress
from tests.domain.test_errors import tree

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
MACHINE = json.loads((FUNCTIONS / "upgrade.asl.json").read_text(encoding="utf-8"))
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
LAMBDA_FAULTS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def test_every_task_has_its_function_and_its_placeholder() -> None:
    assert set(TASKS) == {
        "VerifyBurn",
        "PrepareMint",
        "SubmitMint",
        "AwaitMint",
        "CompleteUpgrade",
        "MarkRetryable",
    }
    for name, state in TASKS.items():
        assert (FUNCTIONS / f"{snake(name)}.py").is_file()
        assert state["Resource"] == f"${{{name}}}"


def test_tasks_retry_exactly_the_faults_that_may_pass_by_themselves() -> None:
    # Minting that is paused refuses new requests; no task of a running upgrade meets it.
    retryable = {e.__name__ for e in tree() if e.retryable and not e.__subclasses__()}
    retryable |= {"ChainUnavailable"}
    wanted = (retryable - {MintingPaused.__name__, "RateLimited"}) | LAMBDA_FAULTS
    for name in set(TASKS) - {"MarkRetryable"}:
        (retry,) = TASKS[name]["Retry"]
        assert set(retry["ErrorEquals"]) == wanted, name


def test_tasks_back_off_from_two_seconds_at_least_three_times() -> None:
    for state in TASKS.values():
        (retry,) = state["Retry"]
        assert retry["IntervalSeconds"] == 2
        assert retry["BackoffRate"] == 2
        assert retry["MaxAttempts"] >= 3


def test_whatever_a_task_fails_with_ends_in_mark_retryable() -> None:
    for name in set(TASKS) - {"MarkRetryable"}:
        (catch,) = TASKS[name]["Catch"]
        assert catch == {
            "ErrorEquals": ["States.ALL"],
            "ResultPath": "$.error",
            "Next": "MarkRetryable",
        }


def test_choices_compare_with_statuses_and_progresses_that_exist() -> None:
    known: dict[str, set[Any]] = {"$.status": set(Status), "$.progress": set(Progress)}
    choices = [state for state in STATES.values() if state["Type"] == "Choice"]
    for rule in (rule for state in choices for rule in state["Choices"]):
        assert rule["StringEquals"] in known[rule["Variable"]]


def test_every_state_is_reached_and_the_machine_never_fails_by_itself() -> None:
    targets = {MACHINE["StartAt"]}
    for state in STATES.values():
        targets |= {state.get("Next"), state.get("Default")}
        targets |= {rule["Next"] for rule in state.get("Choices", []) + state.get("Catch", [])}
    assert targets - {None} == set(STATES)
    assert not [name for name, state in STATES.items() if state["Type"] == "Fail"]
