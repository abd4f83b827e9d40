"""Reads a mint account in full, extensions included, out of its bytes. No I/O.

Layout: 82 bytes of mint padded to a token account's 165, one byte of account type, then extensions
as type (u16), length (u16), value; TokenMetadata is Borsh: two pubkeys, three strings, a list of
pairs of strings (`spl_token_metadata_interface`); TokenGroupMember is mint, group, number (u64).
Bytes that cannot be read are an extension that is not there: never an error, never evidence.
"""

import struct
from collections.abc import Iterator

import base58

from nft_upgrade.adapters.token_accounts import Account, mint_of
from nft_upgrade.domain.nft_account import GROUP_MEMBER, TOKEN_METADATA, Metadata, NftAccount

_EXTENSIONS_AT = 166
_HEADER = struct.Struct("<HH")
_PUBKEY = 32
_MOST_FIELDS = 64
"""More additional fields than any NFT of ours has: a hostile count must not cost time."""


def nft_account(address: str, account: Account | None, *, slot: int) -> NftAccount | None:
    """None when no initialized mint is there."""
    mint = mint_of(account)
    if mint is None or account is None:
        return None
    entries = tuple(_entries(account.data[_EXTENSIONS_AT:]))
    extensions = dict(entries)
    return NftAccount(
        mint=address,
        slot=slot,
        token_program=account.owner,
        supply=mint.supply,
        decimals=mint.decimals,
        mint_authority=None if mint.mint_authority is None else str(mint.mint_authority),
        freeze_authority=None if mint.freeze_authority is None else str(mint.freeze_authority),
        extensions=tuple(kind for kind, _ in entries),
        metadata=_metadata(extensions.get(TOKEN_METADATA)),
        collection=_collection(address, extensions.get(GROUP_MEMBER)),
    )


def _entries(tail: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(tail):
        kind, length = _HEADER.unpack_from(tail, at)
        if kind == 0:
            return
        at += _HEADER.size
        yield kind, tail[at : at + length]
        at += length


def _collection(address: str, member: bytes | None) -> str | None:
    """The group, if the entry speaks of this very mint."""
    if member is None or _text_of(member[:_PUBKEY]) != address:
        return None
    return _text_of(member[_PUBKEY : 2 * _PUBKEY])


def _metadata(value: bytes | None) -> Metadata | None:
    if value is None:
        return None
    try:
        return _Borsh(value).metadata()
    except (struct.error, UnicodeDecodeError, ValueError):
        return None


def _text_of(pubkey: bytes) -> str | None:
    """Base58; None for no pubkey (zeroes)."""
    is_there = len(pubkey) == _PUBKEY and any(pubkey)
    return base58.b58encode(pubkey).decode() if is_there else None


class _Borsh:
    """Front to back."""

    def __init__(self, value: bytes) -> None:
        self._value, self._at = value, 0

    def metadata(self) -> Metadata:
        update_authority, _mint = self._take(_PUBKEY), self._take(_PUBKEY)
        name, symbol, uri = self._text(), self._text(), self._text()
        count = self._count()
        if count > _MOST_FIELDS:
            raise ValueError("too many fields")
        fields = tuple((self._text(), self._text()) for _ in range(count))
        return Metadata(_text_of(update_authority), name, symbol, uri, fields)

    def _text(self) -> str:
        return self._take(self._count()).decode()

    def _count(self) -> int:
        (count,) = struct.unpack("<I", self._take(4))
        return int(count)

    def _take(self, length: int) -> bytes:
        taken = self._value[self._at : self._at + length]
        if len(taken) != length:
            raise ValueError("the value ends too early")
        self._at += length
        return taken
