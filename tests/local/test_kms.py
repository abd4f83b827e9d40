"""The KMS stand-in through boto3's unmodified client, and over bare HTTP where boto3 is polite."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from local.kms import KEY_SPEC, TEST_KEY
from local.process import Part

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


def client_of(url: str) -> "KMSClient":
    return boto3.client(
        "kms",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def public_key(client: "KMSClient", name: str) -> bytes:
    return client.get_public_key(KeyId=name)["PublicKey"]


def sign(client: "KMSClient", name: str, **changes: Any) -> bytes:
    asked = {
        "KeyId": name,
        "Message": b"message",
        "MessageType": "RAW",
        "SigningAlgorithm": "ED25519_SHA_512",
        **changes,
    }
    return client.sign(**asked)["Signature"]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


@pytest.fixture
def client(kms_client: "KMSClient") -> "Iterator[KMSClient]":
    yield kms_client


@pytest.mark.parametrize("alias", ["alias/mint", "alias/session"])
def test_both_keys_exist_from_the_start_and_sign(client: "KMSClient", alias: str) -> None:
    der = public_key(client, alias)
    assert len(der) == 44
    Ed25519PublicKey.from_public_bytes(der[-32:]).verify(sign(client, alias), b"message")


def test_a_created_key_is_found_by_id_arn_and_alias(client: "KMSClient") -> None:
    made = client.create_key(KeySpec=KEY_SPEC, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    client.create_alias(AliasName="alias/made", TargetKeyId=made["KeyId"])
    names = [made["KeyId"], made["Arn"], "alias/made"]
    assert len({public_key(client, name) for name in names}) == 1
    listed = client.list_aliases(KeyId=made["KeyId"])["Aliases"]
    assert [alias["AliasName"] for alias in listed] == ["alias/made"]
    described = client.describe_key(KeyId="alias/made")["KeyMetadata"]
    assert (described["KeySpec"], described["SigningAlgorithms"]) == (KEY_SPEC, ["ED25519_SHA_512"])


def test_all_aliases_are_listed(client: "KMSClient") -> None:
    names = {alias["AliasName"] for alias in client.list_aliases()["Aliases"]}
    assert {"alias/mint", "alias/session"} <= names


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"KeyId": "alias/none"}, "NotFoundException"),
        ({"SigningAlgorithm": "ECDSA_SHA_256"}, "InvalidKeyUsageException"),
        ({"MessageType": "DIGEST"}, "ValidationException"),
        ({"Message": bytes(4097)}, "ValidationException"),
    ],
)
def test_what_kms_refuses_is_refused_with_its_code(
    client: "KMSClient", changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as error:
        sign(client, "alias/mint", **changes)
    assert code_of(error) == code


def test_4096_bytes_are_signed(client: "KMSClient") -> None:
    assert len(sign(client, "alias/mint", Message=bytes(4096))) == 64


def test_a_taken_alias_is_refused(client: "KMSClient") -> None:
    key_id = client.describe_key(KeyId="alias/session")["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError) as error:
        client.create_alias(AliasName="alias/mint", TargetKeyId=key_id)
    assert code_of(error) == "AlreadyExistsException"


def test_other_key_specs_are_refused(client: "KMSClient") -> None:
    with pytest.raises(ClientError) as error:
        client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    assert code_of(error) == "UnsupportedOperationException"


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("TrentService.Encrypt", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
        ("TrentService.Sign", b"not json", "SerializationException"),
        ("TrentService.Sign", b"[]", "SerializationException"),
        ("TrentService.Sign", b'{"KeyId":"alias/mint","Message":"%"}', "SerializationException"),
        ("TrentService.Sign", b'{"KeyId":"alias/mint"}', "ValidationException"),
        ("TrentService.Sign", b"{}", "NotFoundException"),
    ],
)
def test_bad_requests_get_an_aws_error_not_a_crash(
    kms: str, target: str, body: bytes, code: str
) -> None:
    answer = httpx.post(kms, content=body, headers={"X-Amz-Target": target})
    assert (answer.status_code, answer.json()["__type"]) == (400, code)


def test_many_callers_at_once_are_all_served(client: "KMSClient") -> None:
    with ThreadPoolExecutor(32) as threads:
        signatures = set(threads.map(lambda _: sign(client, "alias/mint"), range(128)))
    assert len(signatures) == 1


def test_a_seed_gives_the_same_marked_test_keys_and_another_seed_others() -> None:
    found = []
    for seed in ("one", "one", "two"):
        with Part("local.kms", "--port", "0", "--seed", seed) as part:
            client = client_of(part.wait())
            described = client.describe_key(KeyId="alias/mint")["KeyMetadata"]
            assert described["Description"] == TEST_KEY
            found.append(public_key(client, "alias/mint"))
            assert public_key(client, "alias/session") != found[-1]
            client.close()
    assert found[0] == found[1] != found[2]


def test_without_a_seed_keys_are_random_and_survive_a_restart_in_their_folder(
    tmp_path: Path,
) -> None:
    found = []
    for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
        with Part("local.kms", "--port", "0", "--data-dir", str(folder)) as part:
            client = client_of(part.wait())
            found.append(public_key(client, "alias/mint"))
            client.close()
    assert found[0] == found[1] != found[2]
    assert (tmp_path / "a" / "kms.json").stat().st_mode & 0o077 == 0


def test_a_created_key_survives_a_crash(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--data-dir", str(tmp_path))
    with Part("local.kms", *arguments) as part:
        client = client_of(part.wait())
        made = client.create_key(KeySpec=KEY_SPEC, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        before = public_key(client, made)
        client.close()
        part.kill()
    with Part("local.kms", *arguments) as part:
        client = client_of(part.wait())
        assert public_key(client, made) == before
        client.close()


def test_it_ends_cleanly_on_sigterm() -> None:
    part = Part("local.kms", "--port", "0")
    part.wait()
    assert part.stop() == 0
