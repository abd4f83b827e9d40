"""The JSON that routes take: what is validated before a use case is asked."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from nft_upgrade.domain.errors import InvalidTargetLevel
from nft_upgrade.http.base58_text import address_text, mint_text, signature_text

MINT = "7Nf3cqSyzkjdDhkFUSv3dU3zjWcJZ3LBzqPHb6pY8VwF"
WALLET = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin"
BASE64 = "AQAAAAAAAAAAAAAA"


class Wire(BaseModel):
    """camelCase outside, snake_case inside; fields we do not know are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


def _level(value: object) -> int:
    """A whole number. JSON's `true` and `"2"` are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidTargetLevel("targetLevel must be the number of the next level.")
    return value


Mint = Annotated[str, BeforeValidator(mint_text)]
Address = Annotated[str, BeforeValidator(address_text)]
BurnSignature = Annotated[str, BeforeValidator(signature_text)]
TargetLevel = Annotated[int, BeforeValidator(_level)]
Base64 = Annotated[str, Field(strict=True, max_length=4096)]


class ChallengeRequest(Wire):
    """Which wallet wants to sign in."""

    address: Address = Field(examples=[WALLET])


class VerifyRequest(Wire):
    """What the wallet's `signIn` gave back: bytes as base64."""

    address: Address = Field(examples=[WALLET])
    signed_message: Base64 = Field(examples=[BASE64])
    signature: Base64 = Field(examples=[BASE64])


class OpenRequest(Wire):
    """Which NFT is to become which level."""

    current_nft_id: Mint = Field(examples=[MINT], description="The NFT's mint address.")
    target_level: TargetLevel = Field(examples=[2], description="The current level + 1.")
    mode: Literal["two_step", "atomic"] = Field(
        "two_step", description="atomic: burn and mint in one transaction."
    )


class SubmitRequest(Wire):
    """The atomic transaction as the wallet signed it."""

    transaction: Base64 = Field(examples=[BASE64])


class ConfirmRequest(Wire):
    """The signature of the transaction that burned the NFT."""

    burn_transaction_hash: BurnSignature = Field(
        examples=[
            "5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpjKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW"
        ]
    )
