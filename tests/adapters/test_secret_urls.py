"""RPC URLs with access tokens come from Secrets Manager, not from the environment."""

import uuid
from collections.abc import Callable

import boto3
import pytest

from nft_upgrade.adapters.secret_urls import revealed
from nft_upgrade.domain.errors import ChainUnavailable
from tests.fixtures.aws import AwsEndpoint

Keep = Callable[[str], str]
PLAIN = ("https://one.example", "https://two.example")


@pytest.fixture
def keep(aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Puts a text into a new secret and returns its ARN; the adapter meets the same service."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    client = boto3.client("secretsmanager")

    def create(text: str) -> str:
        made = client.create_secret(Name=f"urls-{uuid.uuid4().hex}", SecretString=text)
        return str(made["ARN"])

    return create


def test_urls_that_are_no_secret_are_taken_as_they_are() -> None:
    assert revealed(PLAIN) == PLAIN


def test_urls_behind_a_secret_are_read_and_split(keep: Keep) -> None:
    arn = keep("https://one.example/?key=a, https://two.example/b\n")
    assert revealed([f"secret:{arn}"]) == ("https://one.example/?key=a", "https://two.example/b")


def test_a_secret_among_others_is_not_looked_up() -> None:
    mixed = ("secret:arn", "https://one.example")
    assert revealed(mixed) == mixed


def test_a_secret_that_is_not_there_is_a_fault_that_may_pass(keep: Keep) -> None:
    with pytest.raises(ChainUnavailable, match="could not be read") as caught:
        revealed(["secret:no-such-secret"])
    assert caught.value.retryable


def test_a_service_that_does_not_answer_is_a_fault_that_may_pass(
    aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ChainUnavailable):
        revealed(["secret:anything"])
