"""`make audit-verify` finds the running stack's engines, or says that there is none."""

import pytest

from local import audit_verify, on_stack
from local.settings import free_ports
from nft_upgrade.config import AuditCheckSettings, PublishSettings


def test_the_check_is_told_where_tables_and_bucket_are(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {
        "awsEndpointUrl": "http://a",
        "dynamoDbEndpointUrl": "http://b",
        "kafkaBootstrapServers": "127.0.0.1:1",
        "kafkaApiVersion": "2.0",
    }
    for name, text in on_stack.environment(addresses).items():
        monkeypatch.setenv(name, text)
    assert AuditCheckSettings().audit_bucket == "nft-upgrade-audit"
    assert on_stack.environment(addresses)["AWS_ENDPOINT_URL_DYNAMODB"] == "http://b"


def test_without_a_stack_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(free_ports(1)[0]))
    assert audit_verify.main() == 2
    assert "make run" in capsys.readouterr().err


def test_an_operators_command_finds_the_brokers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {
        "awsEndpointUrl": "http://a",
        "dynamoDbEndpointUrl": "http://b",
        "kafkaBootstrapServers": "127.0.0.1:1",
    }
    for version in ("2.0", None):
        told = on_stack.environment({**addresses, "kafkaApiVersion": version})
        assert told.get("KAFKA_API_VERSION") == version
    for name, text in told.items():
        monkeypatch.setenv(name, text)
    assert PublishSettings().kafka_bootstrap_servers == "127.0.0.1:1"


def test_without_a_stack_no_command_is_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(free_ports(1)[0]))
    assert on_stack.main(["nft_upgrade.stats", "drop", "0"]) == 2
    assert "make run" in capsys.readouterr().err
