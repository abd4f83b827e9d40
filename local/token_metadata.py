"""Reads a Token-2022 mint as anybody can: from the account's bytes alone.

Layout: `spl_token_2022` (a mint is 82 bytes, padded to a token account's 165, then one byte of
account type, then extensions as type u16, length u16, value) and `spl_token_metadata_interface`
(two pubkeys, three strings, a list of pairs of strings, in Borsh).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import base58

EXTENSIONS_START = 166
METADATA_POINTER = 18
TOKEN_METADATA = 19
TOKEN_GROUP_MEMBER = 23


@dataclass(frozen=True, slots=True)
class Mint:
    """What the mint says about itself; addresses base58, None where nobody has the power."""

    supply: int
    decimals: int
    mint_authority: str | None
    freeze_authority: str | None
    update_authority: str | None
    metadata_address: str | None
    name: str
    symbol: str
    uri: str
    additional: dict[str, str]
    collection: str | None


class NotAnNft(ValueError):
    """The bytes are no Token-2022 mint with metadata."""


def read_mint(data: bytes) -> Mint:
    """Raises NotAnNft when the account holds something else."""
    if len(data) <= EXTENSIONS_START:
        raise NotAnNft("the account has no extensions")
    has_authority, authority, supply, decimals, _, has_freezer, freezer = struct.unpack_from(
        "<I32sQB?I32s", data
    )
    extensions = dict(_extensions(data))
    if TOKEN_METADATA not in extensions:
        raise NotAnNft("the mint has no metadata")
    reader = _Reader(extensions[TOKEN_METADATA])
    update_authority, _own_address = reader.address(), reader.address()
    pointer = extensions.get(METADATA_POINTER, bytes(64))
    member = extensions.get(TOKEN_GROUP_MEMBER)
    return Mint(
        supply=supply,
        decimals=decimals,
        mint_authority=_address(authority) if has_authority else None,
        freeze_authority=_address(freezer) if has_freezer else None,
        update_authority=update_authority,
        metadata_address=_address(pointer[32:64]),
        name=reader.text(),
        symbol=reader.text(),
        uri=reader.text(),
        additional={reader.text(): reader.text() for _ in range(reader.count())},
        collection=_address(member[32:64]) if member else None,
    )


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = EXTENSIONS_START
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, position)
        if kind == 0:
            return
        yield kind, data[position + 4 : position + 4 + length]
        position += 4 + length


def _address(raw: bytes) -> str | None:
    return base58.b58encode(raw).decode() if any(raw) else None


class _Reader:
    """Borsh, front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def address(self) -> str | None:
        return _address(self._take(32))

    def count(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def text(self) -> str:
        return self._take(self.count()).decode()

    def _take(self, length: int) -> bytes:
        self._position += length
        return self._data[self._position - length : self._position]
