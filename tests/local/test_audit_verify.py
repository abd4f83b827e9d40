"""`make audit-verify` finds the running stack's engines, or says that there is none."""

import pytest

from local import audit_verify
from local.settings import free_ports
from nft_upgrade.config import AuditCheckSettings


def test_the_check_is_told_where_tables_and_bucket_are(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {"awsEndpointUrl": "http://a", "dynamoDbEndpointUrl": "http://b"}
    for name, text in audit_verify.environment(addresses).items():
        monkeypatch.setenv(name, text)
    assert AuditCheckSettings().audit_bucket == "nft-upgrade-audit"
    assert audit_verify.environment(addresses)["AWS_ENDPOINT_URL_DYNAMODB"] == "http://b"


def test_without_a_stack_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(free_ports(1)[0]))
    assert audit_verify.main() == 2
    assert "make run" in capsys.readouterr().err
