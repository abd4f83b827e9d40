import struct

import base58
import pytest

from local.token_metadata import NotAnNft, read_mint

COLLECTION = bytes([7] * 32)
OWN = bytes([9] * 32)


def text(words: str) -> bytes:
    return struct.pack("<I", len(words.encode())) + words.encode()


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value


def mint_account(
    *, authority: bytes | None = None, extensions: bytes = b"", supply: int = 1
) -> bytes:
    base = struct.pack(
        "<I32sQB?I32s", bool(authority), authority or bytes(32), supply, 0, True, 0, bytes(32)
    )
    return base.ljust(165, b"\0") + b"\1" + extensions


METADATA = (
    bytes(32)
    + OWN
    + text("Quant Ape")
    + text("AIW3")
    + text("https://nft.example/levels/2.json")
    + struct.pack("<I", 1)
    + text("level")
    + text("2")
)


def test_metadata_pointer_and_collection_are_read_from_the_bytes() -> None:
    mint = read_mint(
        mint_account(
            extensions=extension(18, bytes(32) + OWN)
            + extension(19, METADATA)
            + extension(23, OWN + COLLECTION + bytes(8))
        )
    )
    assert (mint.name, mint.symbol, mint.additional) == ("Quant Ape", "AIW3", {"level": "2"})
    assert (mint.supply, mint.decimals) == (1, 0)
    assert mint.metadata_address == base58.b58encode(OWN).decode()
    assert mint.collection == base58.b58encode(COLLECTION).decode()


def test_authorities_that_are_gone_are_none() -> None:
    mint = read_mint(mint_account(extensions=extension(19, METADATA)))
    assert (mint.mint_authority, mint.freeze_authority, mint.update_authority) == (None,) * 3


def test_an_authority_that_is_left_is_shown() -> None:
    mint = read_mint(mint_account(authority=COLLECTION, extensions=extension(19, METADATA)))
    assert mint.mint_authority == base58.b58encode(COLLECTION).decode()


@pytest.mark.parametrize("data", [b"", bytes(82), bytes(165), mint_account()])
def test_an_account_without_metadata_is_no_nft(data: bytes) -> None:
    with pytest.raises(NotAnNft):
        read_mint(data)
