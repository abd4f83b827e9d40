"""Wallets and keys from fixed seeds: the same in every run, and worth nothing."""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nft_upgrade.domain import base58


@dataclass(frozen=True)
class TestKey:
    """An Ed25519 key that signs here instead of in KMS or in a wallet. A TEST KEY."""

    __test__ = False

    name: str

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())

    @property
    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    @property
    def address(self) -> str:
        return base58.encode(self.public_key)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)
