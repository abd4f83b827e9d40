"""Executions of the upgrade state machine (AWS Step Functions, Standard).

A name can be used again only after 90 days; StartExecution with the same name and input is a
success while the first one runs and ExecutionAlreadyExists afterwards. Both mean "started".
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

import json
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nft_upgrade.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_PATIENCE = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})


def execution_name(upgrade_id: str, run: int) -> str:
    """`up-<id>-<run>`."""
    return f"up-{upgrade_id}-{run}"


class StepFunctionsWorkflow:
    """`load_arn` gives the state machine's ARN; it and the client are asked for on first use."""

    def __init__(self, load_arn: Callable[[], str], client: "SFNClient | None" = None) -> None:
        self._load_arn = load_arn
        self._given_client = client

    def start(self, upgrade_id: str, run: int) -> None:
        """Started now or before; Unavailable when that is not known."""
        try:
            self._client.start_execution(
                stateMachineArn=self._arn,
                name=execution_name(upgrade_id, run),
                input=json.dumps({"upgradeRequestId": upgrade_id, "run": run}),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return
        except (BotoCoreError, ClientError) as fault:
            raise Unavailable("The workflow could not be started now.") from fault

    def is_running(self, upgrade_id: str, run: int) -> bool:
        """False for an execution that ended or never was; Unavailable when not known."""
        name = execution_name(upgrade_id, run)
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return self._client.describe_execution(executionArn=arn)["status"] == "RUNNING"
        except self._client.exceptions.ExecutionDoesNotExist:
            return False
        except (BotoCoreError, ClientError) as fault:
            raise Unavailable("The workflow could not be asked now.") from fault

    @cached_property
    def _arn(self) -> str:
        return self._load_arn()

    @cached_property
    def _client(self) -> "SFNClient":
        return self._given_client or boto3.client("stepfunctions", config=_PATIENCE)
