"""Base58 at the edge: canonical text of an exact size, or a refusal before anything is asked."""

from nft_upgrade.domain import base58
from nft_upgrade.domain.errors import InvalidMint, InvalidSignatureFormat
from nft_upgrade.http.errors import InvalidAddress

ADDRESS_BYTES = 32
SIGNATURE_BYTES = 64


def mint_text(text: object) -> str:
    """The same text; InvalidMint unless it is base58 of 32 bytes."""
    if not isinstance(text, str) or not base58.is_canonical(text, length=ADDRESS_BYTES):
        raise InvalidMint("An NFT is named by its mint address: base58 of 32 bytes.")
    return text


def signature_text(text: object) -> str:
    """The same text; InvalidSignatureFormat unless it is canonical base58 of 64 bytes."""
    if not isinstance(text, str) or not base58.is_canonical(text, length=SIGNATURE_BYTES):
        raise InvalidSignatureFormat(
            "burnTransactionHash must be a transaction signature: base58 of 64 bytes."
        )
    return text


def address_text(text: object) -> str:
    """The same text; InvalidAddress unless it is base58 of 32 bytes."""
    if not isinstance(text, str) or not base58.is_canonical(text, length=ADDRESS_BYTES):
        raise InvalidAddress("address must be a wallet's address: base58 of 32 bytes.")
    return text
