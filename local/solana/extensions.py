"""Token-2022 extensions in `jsonParsed`, as far as NFTs use them.

After the account type at byte 165 come entries of type (u16), length (u16) and value. The numbers
are those of Token-2022's `ExtensionType`; the JSON is that of Agave's account decoder.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from solders.pubkey import Pubkey

from local.solana.tokens import ACCOUNT_SIZE

Json: TypeAlias = dict[str, Any]

HEADER = struct.Struct("<HH")
UNPARSEABLE: Json = {"extension": "unparseableExtension"}
IMMUTABLE_OWNER = 7


def extensions_of(data: bytes) -> list[Json]:
    """Every extension of a token account or mint; empty for plain ones."""
    return [_shown(kind, value) for kind, value in _entries(data[ACCOUNT_SIZE + 1 :])]


def _entries(tail: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + HEADER.size <= len(tail):
        kind, length = HEADER.unpack_from(tail, at)
        if kind == 0:
            return
        at += HEADER.size
        yield kind, tail[at : at + length]
        at += length


def _shown(kind: int, value: bytes) -> Json:
    if kind == IMMUTABLE_OWNER:
        return {"extension": "immutableOwner"}
    name, parse = PARSERS.get(kind, (None, None))
    return {"extension": name, "state": parse(value)} if parse else UNPARSEABLE


def _pointer(target: str) -> Callable[[bytes], Json]:
    """An authority and the address it points to."""
    return lambda value: {"authority": _pubkey(value[:32]), target: _pubkey(value[32:64])}


def _group(value: bytes) -> Json:
    size, max_size = struct.unpack_from("<QQ", value, 64)
    return {
        "updateAuthority": _pubkey(value[:32]),
        "mint": str(Pubkey(value[32:64])),
        "size": size,
        "maxSize": max_size,
    }


def _member(value: bytes) -> Json:
    return {
        "mint": str(Pubkey(value[:32])),
        "group": str(Pubkey(value[32:64])),
        "memberNumber": int.from_bytes(value[64:72], "little"),
    }


def _metadata(value: bytes) -> Json:
    """Borsh: strings and the list of pairs are preceded by their length (u32)."""
    texts = _texts(value[64:])
    name, symbol, uri = next(texts), next(texts), next(texts)
    rest = list(texts)
    return {
        "updateAuthority": _pubkey(value[:32]),
        "mint": str(Pubkey(value[32:64])),
        "name": name,
        "symbol": symbol,
        "uri": uri,
        "additionalMetadata": [list(pair) for pair in zip(rest[::2], rest[1::2], strict=True)],
    }


def _texts(raw: bytes) -> Iterator[str]:
    """Name, symbol and URI, then keys and values in turn (the count of pairs lies between)."""
    at, number = 0, 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "little")
        at += 4
        if number != 3:
            yield raw[at : at + length].decode(errors="replace")
            at += length
        number += 1


def _pubkey(raw: bytes) -> str | None:
    """All zeros mean none."""
    return str(Pubkey(raw)) if any(raw) else None


PARSERS: Mapping[int, tuple[str, Callable[[bytes], Json]]] = {
    18: ("metadataPointer", _pointer("metadataAddress")),
    19: ("tokenMetadata", _metadata),
    20: ("groupPointer", _pointer("groupAddress")),
    21: ("tokenGroup", _group),
    22: ("groupMemberPointer", _pointer("memberAddress")),
    23: ("tokenGroupMember", _member),
}
