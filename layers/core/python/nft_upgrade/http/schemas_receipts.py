"""The JSON of receipts."""

from typing import Literal

from pydantic import Field

from nft_upgrade.domain.receipt import TYPE, Facts
from nft_upgrade.http.schemas import UPGRADE_ID, Success
from nft_upgrade.http.schemas_in import MINT, Wire

WALLET = "7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2"
BURN = "5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpjKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW"
SUCCESSOR = "9aE476sH92Vz7DMPyq5WLPkrKWivxeuTKEFKd2sZZcde"


class Receipt(Wire):
    """What is signed, member by member; another member would be another receipt."""

    type: Literal["nft-upgrade-receipt"] = TYPE  # type: ignore[assignment]
    version: int
    issuer: str
    upgrade_request_id: str = Field(examples=[UPGRADE_ID])
    wallet: str = Field(examples=[WALLET])
    burned_nft_id: str = Field(examples=[MINT])
    burn_transaction_hash: str = Field(examples=[BURN])
    new_nft_id: str = Field(examples=[SUCCESSOR])
    mint_transaction_hash: str = Field(examples=[BURN])
    old_level: int
    new_level: int
    completed_at: str
    event_hash: str = Field(description="Of the last entry of the audit record, hex.")


class ReceiptAnswer(Success):
    """The signature is over `nft-upgrade receipt v1`, a line feed, and the receipt by RFC 8785."""

    receipt: Receipt
    algorithm: Literal["Ed25519"] = "Ed25519"
    key_id: str = Field(description="`kid` of the key in /.well-known/jwks.json.")
    signature: str = Field(description="64 bytes, base64url without padding.")

    @classmethod
    def of(cls, receipt: Facts, key_id: str, signature: str) -> "ReceiptAnswer":
        return cls(receipt=Receipt.model_validate(receipt), key_id=key_id, signature=signature)
