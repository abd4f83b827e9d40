"""The functions: the rows, the files, the state machine and the environment agree."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.bundling import ROOT
from infra.environment import MissingSetting, environment
from infra.rows import ROWS, STEP_TIMEOUT, Row, consumers
from nft_upgrade.config import Group, KafkaSettings, StepSettings
from tests.infra.synthesized import Assembly

FILES = {path.stem for path in (ROOT / "functions").glob("*.py")}
BY_NAME = {row.name: row for row in ROWS}
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def asl() -> dict[str, Any]:
    definition: dict[str, Any] = json.loads((ROOT / "functions/upgrade.asl.json").read_text())
    return definition


def plain(value: Any) -> str:
    """A variable's value with references replaced by a word."""
    return value if isinstance(value, str) else "resolved-at-deployment"


def test_every_file_is_a_function_and_every_function_a_file(assembly: Assembly) -> None:
    handlers = {
        each.properties["Handler"].removesuffix(".handler")
        for each in assembly.resources("AWS::Lambda::Function")
    }
    helpers = {path.stem for path in (ROOT / "infra/handlers").glob("*.py")} - {"cfn", "topics"}
    if assembly.stage.is_protected:
        helpers.remove("empty")
    assert handlers == FILES | helpers
    assert {row.name for row in ROWS} == FILES


def test_every_task_state_is_a_function_of_its_name() -> None:
    tasks = {name for name, state in asl()["States"].items() if state["Type"] == "Task"}
    assert tasks == {row.state for row in ROWS if row.is_step}


def test_state_machine_gets_the_arn_of_every_step(assembly: Assembly) -> None:
    machine = assembly.one("AWS::StepFunctions::StateMachine").properties
    named = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    substituted = machine["DefinitionSubstitutions"]
    assert named == set(substituted)
    for state, arn in substituted.items():
        function = next(row.name for row in ROWS if row.state == state)
        assert arn == {"Fn::GetAtt": [assembly.function(function).id, "Arn"]}


def test_no_step_runs_longer_than_its_state() -> None:
    timeouts = {state["TimeoutSeconds"] for state in asl()["States"].values() if "Retry" in state}
    assert min(timeouts) > STEP_TIMEOUT


def test_a_task_ends_its_polling_before_the_function_is_stopped() -> None:
    patience = StepSettings.model_fields["task_patience_seconds"].default
    assert patience < STEP_TIMEOUT / 2


def test_kafka_is_given_up_before_the_publisher_is_stopped() -> None:
    assert BY_NAME["publish_events"].timeout_seconds > 2 * 8


@every_row
def test_environment_reads_back_into_the_settings_model(
    row: Row, prod: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = prod.function(row.name).properties["Environment"]["Variables"]
    for name, value in variables.items():
        monkeypatch.setenv(name, plain(value))
    read = row.settings()
    unset = {name.upper() for name in row.settings.model_fields} - set(variables)
    assert set(variables) | unset == {name.upper() for name in row.settings.model_fields}
    assert read.model_dump()["table_prefix"] == "nft-upgrade-prod-"


def test_environment_of_a_model_that_asks_for_more_is_refused() -> None:
    with pytest.raises(MissingSetting, match="kafka_bootstrap_servers"):
        environment(KafkaSettings, {"kafka_security_protocol": "SSL"})


def test_environment_has_nothing_that_the_model_does_not_know() -> None:
    class Small(Group):
        table_prefix: str = "x"

    assert environment(Small, {"table_prefix": "y", "other": "z"}) == {"TABLE_PREFIX": "y"}


def test_no_variable_holds_a_secret(assembly: Assembly) -> None:
    for function in assembly.resources("AWS::Lambda::Function"):
        text = json.dumps(function.properties.get("Environment", {}))
        assert "resolve:secretsmanager" not in text
    urls = assembly.function("submit_mint").properties["Environment"]["Variables"]
    assert json.dumps(urls["SOLANA_RPC_URLS"]).startswith('{"Fn::Join": ["", ["secret:"')


@every_row
def test_functions_run_on_arm_with_the_runtime_of_the_layers(row: Row, prod: Assembly) -> None:
    properties = prod.function(row.name).properties
    assert properties["Architectures"] == ["arm64"]
    assert properties["Runtime"] == "python3.14"
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert len(properties["Layers"]) == 2


def test_only_what_speaks_to_kafka_is_in_the_vpc(assembly: Assembly) -> None:
    inside = {
        each.properties["Handler"].removesuffix(".handler")
        for each in assembly.resources("AWS::Lambda::Function")
        if "VpcConfig" in each.properties
    }
    writers = {row.name for row in ROWS if issubclass(row.settings, KafkaSettings)}
    assert inside == writers
    assert inside == {
        "sweep",
        "publish_events",
        "replay_dead_letters",
        *(row.name for row in consumers()),
    }


def test_concurrency_is_reserved_in_prod_alone(prod: Assembly, dev: Assembly) -> None:
    key = "ReservedConcurrentExecutions"
    assert prod.function("sweep").properties[key] == 1
    assert all(key not in each.properties for each in dev.resources("AWS::Lambda::Function"))


def test_api_is_moved_by_a_canary_that_an_alarm_stops(prod: Assembly) -> None:
    alias = prod.one("AWS::Lambda::Alias", Name="live")
    assert "CodeDeployLambdaAliasUpdate" in alias.whole["UpdatePolicy"]
    group = prod.one("AWS::CodeDeploy::DeploymentGroup").properties
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert group["AlarmConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_serverless_topics_are_made_by_the_products_own_code(
    with_kafka: Callable[[str], Assembly],
) -> None:
    assembly = with_kafka("serverless")
    made = assembly.function("topics").properties
    assert "VpcConfig" in made
    assert made["Environment"]["Variables"]["KAFKA_SASL_MECHANISM"] == "AWS_MSK_IAM"
    assert assembly.resources("AWS::MSK::Topic") == []
    assert len(assembly.resources("AWS::MSK::ServerlessCluster")) == 1
