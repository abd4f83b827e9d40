from typing import Any

import pytest
from solders.keypair import Keypair

from local import aws_resources, faucet, witnesses
from local.operator import OPERATOR, SEED
from local.settings import DynamoDb, Kafka, LocalSettings, Ports, handler_environment
from local.wallet import named
from nft_upgrade import config
from nft_upgrade.adapters.dynamodb_tables import TABLES
from nft_upgrade.messages import TOPICS

PORTS = Ports(public=8000, solana=8899, kafka=9092, aws=4566, api=1, relay=2, kms=3, dynamodb=4)
DOORS: list[type[config.Group]] = [
    config.ApiSettings,
    config.RelaySettings,
    config.StepSettings,
    config.SweepSettings,
    config.IssueSettings,
    config.OpsSettings,
    config.PublishSettings,
    config.NotifySettings,
    config.AuditSettings,
]


def environment(**chosen: Any) -> dict[str, str | None]:
    return handler_environment(LocalSettings(**chosen), PORTS)


def enter(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str | None]) -> None:
    for name, text in variables.items():
        if text is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, text)


@pytest.mark.parametrize("door", DOORS)
def test_every_door_finds_its_settings(
    door: type[config.Group], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, environment())
    assert door()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", ["solana_rpc_urls", "allowed_origins", "operator_wallets"])
def test_a_list_is_read_at_every_door_that_has_it(
    door: type[config.Group], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, {**environment(), name.upper(): "first, second,"})
    read = getattr(door(), name, None)
    assert read == (("first", "second") if name in door.model_fields else None)


def test_every_variable_of_the_product_is_a_field_of_a_door() -> None:
    fields = {name.upper() for door in DOORS for name in door.model_fields}
    foreign = ("AWS_", "POWERTOOLS_")
    ours = {name for name in environment() if not name.startswith(foreign)}
    assert ours - fields == set()


def test_one_public_origin_on_localhost_is_what_the_browser_sees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enter(monkeypatch, environment())
    assert config.SessionSettings().public_origin == "http://localhost:8000"


def test_the_embedded_broker_needs_its_version_and_apache_negotiates() -> None:
    assert environment(kafka=Kafka.EMBEDDED)["KAFKA_API_VERSION"] == "2.0"
    assert environment(kafka=Kafka.APACHE)["KAFKA_API_VERSION"] is None


def test_tables_and_streams_move_together_to_dynamodb_local() -> None:
    chosen = environment(dynamodb=DynamoDb.LOCAL)
    assert chosen["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:4"
    assert chosen["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] == "http://127.0.0.1:4"
    assert environment()["AWS_ENDPOINT_URL_DYNAMODB"] is None


def test_a_developers_own_aws_profile_is_not_used() -> None:
    assert environment()["AWS_PROFILE"] is None
    assert environment()["AWS_CONFIG_FILE"] == "/dev/null"


def test_state_machine_and_bucket_are_those_that_the_emulator_makes() -> None:
    assert environment()["STATE_MACHINE_ARN"] == aws_resources.STATE_MACHINE_ARN
    assert environment()["AUDIT_BUCKET"] == aws_resources.AUDIT_BUCKET
    assert environment()["PUSH_APPLICATIONS"] == aws_resources.push_applications()


def test_the_local_operator_is_the_test_key_and_whoever_was_named() -> None:
    assert named("operator").address == OPERATOR
    assert bytes(Keypair.from_seed(SEED)) == bytes(named("operator")._keypair)
    wallets = environment(operator_wallets="first,second")["OPERATOR_WALLETS"]
    assert wallets == f"{OPERATOR},first,second"


def test_names_repeated_outside_the_package_are_those_of_the_package() -> None:
    tables = {f"{aws_resources.TABLE_PREFIX}{table.name}" for table in TABLES}
    assert {witnesses.PROJECTIONS, faucet.GIVEN_TABLE} <= tables
    assert set(witnesses.TOPICS) == set(TOPICS)


def test_port_0_becomes_a_free_port() -> None:
    ports = Ports.chosen(LocalSettings(port=0, solana_port=0, kafka_port=0, aws_port=0))
    numbers = [getattr(ports, name) for name in Ports.__slots__]
    assert 0 not in numbers
    assert len(set(numbers)) == len(numbers)
