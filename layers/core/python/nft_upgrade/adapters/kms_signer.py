"""Ed25519 keys in AWS KMS: the system wallet, and the key that signs session tokens.

KMS facts used (AWS KMS API Reference, Sign and GetPublicKey): key spec ECC_NIST_EDWARDS25519,
algorithm ED25519_SHA_512 over the RAW message of at most 4,096 bytes; the public key comes as
DER SubjectPublicKeyInfo, whose last 32 bytes are the key itself.
"""

from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nft_upgrade.domain import base58
from nft_upgrade.domain.errors import SignerUnavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

LONGEST_MESSAGE = 4096
"""Bytes that KMS signs RAW."""

_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""DER SubjectPublicKeyInfo of an Ed25519 key (RFC 8410), up to the key's 32 bytes."""
_PATIENCE = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})


class KmsEd25519Key:
    """One key. The client is made on first use; tests and wiring may hand one in."""

    def __init__(self, kms_key_id: str, client: "KMSClient | None" = None) -> None:
        self.kms_key_id = kms_key_id
        self._given_client = client

    @cached_property
    def public_key(self) -> bytes:
        """32 bytes. Asked for once per process; SignerUnavailable when KMS does not answer."""
        try:
            answer = self._client.get_public_key(KeyId=self.kms_key_id)
        except (ClientError, BotoCoreError) as error:
            raise _unavailable("GetPublicKey", error) from error
        der = answer["PublicKey"]
        if len(der) != len(_PREFIX) + 32 or not der.startswith(_PREFIX):
            raise SignerUnavailable(f"KMS key {self.kms_key_id} is no Ed25519 key.")
        return der[len(_PREFIX) :]

    def sign(self, message: bytes) -> bytes:
        """64 bytes, verified here before they are returned.

        ValueError for a message KMS cannot take; SignerUnavailable otherwise, also when the
        signature does not verify: a wrong one must never be stored or sent.
        """
        if not 0 < len(message) <= LONGEST_MESSAGE:
            raise ValueError(f"KMS signs 1 to {LONGEST_MESSAGE} bytes, not {len(message)}")
        signature = self._signature(message)
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature as error:
            raise SignerUnavailable("KMS returned a signature that does not verify.") from error
        return signature

    def _signature(self, message: bytes) -> bytes:
        try:
            return self._client.sign(
                KeyId=self.kms_key_id,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm="ED25519_SHA_512",
            )["Signature"]
        except (ClientError, BotoCoreError) as error:
            raise _unavailable("Sign", error) from error

    @cached_property
    def _client(self) -> "KMSClient":
        return self._given_client or boto3.client("kms", config=_PATIENCE)


class KmsSigner:
    """The port Signer: the system wallet, whose key never leaves KMS."""

    def __init__(self, wallet: KmsEd25519Key) -> None:
        self._wallet = wallet

    def address(self) -> str:
        """Base58."""
        return base58.encode(self._wallet.public_key)

    def sign(self, message: bytes) -> bytes:
        """As `KmsEd25519Key.sign`."""
        return self._wallet.sign(message)


def _unavailable(operation: str, error: ClientError | BotoCoreError) -> SignerUnavailable:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error)
    return SignerUnavailable(f"KMS {operation} did not succeed ({code}).")
