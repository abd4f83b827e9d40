"""What the KMS adapter does when KMS refuses, is away, or answers wrongly. How it behaves when all
is well is in tests/contracts/test_signer_contract.py."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from nft_upgrade.adapters.kms_signer import KmsEd25519Key, KmsSigner
from nft_upgrade.domain.errors import SignerUnavailable
from tests.chain_builders import keypair

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

PREFIX = bytes.fromhex("302a300506032b6570032100")
PUBLIC_KEY = bytes(keypair("signer").pubkey())
NO_RETRIES = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1)


def client_of(endpoint: str | None = None) -> "KMSClient":
    return boto3.client(
        "kms",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=NO_RETRIES,
    )


def key_answering(*answers: tuple[str, dict[str, Any] | str]) -> KmsEd25519Key:
    """A key whose KMS gives these answers, then none; a text is an error's code."""
    client = client_of()
    stubber = Stubber(client)
    for operation, answer in answers:
        if isinstance(answer, str):
            stubber.add_client_error(operation, service_error_code=answer)
        else:
            stubber.add_response(operation, answer)
    stubber.activate()
    return KmsEd25519Key("alias/mint", client)


GOOD_KEY = ("get_public_key", {"PublicKey": PREFIX + PUBLIC_KEY})


def test_the_public_key_is_asked_for_once() -> None:
    key = key_answering(GOOD_KEY)
    assert key.public_key == PUBLIC_KEY
    assert key.public_key == PUBLIC_KEY
    assert KmsSigner(key).address() == str(keypair("signer").pubkey())


def test_a_good_signature_is_returned() -> None:
    signature = bytes(keypair("signer").sign_message(b"message"))
    assert key_answering(("sign", {"Signature": signature}), GOOD_KEY).sign(b"message") == signature


@pytest.mark.parametrize(
    "signature",
    [
        bytes(64),
        bytes(keypair("signer").sign_message(b"another message")),
        bytes(keypair("another key").sign_message(b"message")),
        b"short",
    ],
)
def test_a_signature_that_does_not_verify_never_leaves_the_adapter(signature: bytes) -> None:
    with pytest.raises(SignerUnavailable, match="does not verify"):
        key_answering(("sign", {"Signature": signature}), GOOD_KEY).sign(b"message")


@pytest.mark.parametrize(
    "der",
    [
        PUBLIC_KEY,
        # X25519 (1.3.101.110) has the same length and another meaning.
        bytes.fromhex("302a300506032b656e032100") + PUBLIC_KEY,
        PREFIX + PUBLIC_KEY[:-1],
    ],
)
def test_a_key_that_is_not_ed25519_is_no_wallet(der: bytes) -> None:
    with pytest.raises(SignerUnavailable, match="no Ed25519 key"):
        _ = key_answering(("get_public_key", {"PublicKey": der})).public_key


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "KMSInternalException",
        "NotFoundException",
        "AccessDeniedException",
        "KMSInvalidStateException",
    ],
)
def test_every_refusal_of_kms_is_retryable_and_names_its_code(code: str) -> None:
    for operation in ("sign", "get_public_key"):
        key = key_answering((operation, code))
        with pytest.raises(SignerUnavailable, match=code) as raised:
            key.sign(b"message") if operation == "sign" else key.public_key
        assert raised.value.retryable


def test_a_kms_that_is_not_there_is_retryable() -> None:
    with pytest.raises(SignerUnavailable, match="EndpointConnectionError"):
        KmsEd25519Key("alias/mint", client_of("http://127.0.0.1:9")).sign(b"message")


def test_making_a_key_calls_nobody_and_needs_no_settings() -> None:
    assert KmsSigner(KmsEd25519Key("alias/mint")) is not None
