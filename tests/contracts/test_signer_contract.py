"""The port Signer: the fake and KMS behave alike."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters.kms_signer import KmsEd25519Key, KmsSigner
from nft_upgrade.domain import base58
from nft_upgrade.ports import Signer
from tests.chain_builders import PROGRAM, Svm, keypair, mint_order
from tests.fakes.chain import FakeSigner

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@pytest.fixture(params=["fake", "kms"])
def signer(request: pytest.FixtureRequest) -> Signer:
    if request.param == "fake":
        return FakeSigner(keypair("signer"))
    client: KMSClient = request.getfixturevalue("kms_client")
    return KmsSigner(KmsEd25519Key("alias/mint", client))


def test_the_address_is_a_base58_pubkey_and_does_not_change(signer: Signer) -> None:
    assert base58.is_canonical(signer.address(), length=32)
    assert signer.address() == signer.address()


def test_a_signature_verifies_with_the_address_for_that_message_alone(signer: Signer) -> None:
    public_key = Ed25519PublicKey.from_public_bytes(base58.decode(signer.address()))
    signature = signer.sign(b"message")
    public_key.verify(signature, b"message")
    with pytest.raises(InvalidSignature):
        public_key.verify(signature, b"another message")


def test_ed25519_signs_the_same_message_the_same_way(signer: Signer) -> None:
    # A resend after a crash signs again: the signature, and so the transaction, must be the same.
    assert signer.sign(b"message") == signer.sign(b"message")


def test_the_longest_message_kms_takes_is_signed(signer: Signer) -> None:
    assert len(signer.sign(bytes(4096))) == 64


@pytest.mark.parametrize("message", [b"", bytes(4097)])
def test_a_message_kms_cannot_take_is_refused(signer: Signer, message: bytes) -> None:
    with pytest.raises(ValueError):
        signer.sign(message)


def test_a_mint_signed_by_it_is_a_valid_transaction(signer: Signer) -> None:
    order = replace(mint_order(in_collection=False), mint_base=signer.address())
    svm = Svm()
    message = PROGRAM.mint_message(order, svm.blockhash, rent=1, units=1, fee=0)
    wire = PROGRAM.wire(message, signer.sign(message))
    assert VersionedTransaction.from_bytes(wire).verify_with_results() == [True]
