"""Instructions and sizes of the Token-2022 extensions an NFT of ours has. No I/O.

solana-py builds none of these. Pointers are sub-instructions of Token-2022 itself; metadata and
group belong to the SPL interfaces `spl_token_metadata_interface` and `spl_token_group_interface`,
whose discriminators are the first 8 bytes of SHA-256 over a fixed name.
"""

import hashlib
from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID

NONE = bytes(32)
"""An absent pubkey in the extensions' own encoding (OptionalNonZeroPubkey)."""
LEVEL_FIELD = "level"
UNLIMITED = 2**64 - 1
"""Size of our collection group: members only ever come, the limit is never to be raised."""

_METADATA_POINTER, _GROUP_POINTER, _GROUP_MEMBER_POINTER = 39, 40, 41
_KEY_FIELD = 3
"""Borsh variant `Field::Key(String)`: an additional field, not name, symbol or uri."""
_ACCOUNT_TYPE_END = 166
"""Where the extensions start: a mint is padded to a token account's 165 bytes + its type."""
_MULTISIG_LENGTH = 355
_POINTER, _MEMBER, _GROUP = 64, 72, 80


def metadata_pointer(mint: Pubkey) -> Instruction:
    """The mint holds its own metadata, and nobody can point elsewhere."""
    return _pointer(_METADATA_POINTER, mint)


def group_pointer(mint: Pubkey) -> Instruction:
    """The mint is itself a collection's group, and nobody can point elsewhere."""
    return _pointer(_GROUP_POINTER, mint)


def group_member_pointer(mint: Pubkey) -> Instruction:
    """The mint holds its own group membership, and nobody can point elsewhere."""
    return _pointer(_GROUP_MEMBER_POINTER, mint)


def initialize_metadata(
    mint: Pubkey, authority: Pubkey, *, name: str, symbol: str, uri: str
) -> Instruction:
    """`authority` is mint authority and update authority; the account grows, its rent is there."""
    return _interface(
        "spl_token_metadata_interface:initialize_account",
        _text(name) + _text(symbol) + _text(uri),
        [_writable(mint), _readonly(authority), _readonly(mint), _signer(authority)],
    )


def set_metadata_field(mint: Pubkey, authority: Pubkey, *, field: str, value: str) -> Instruction:
    """Add one additional field."""
    return _interface(
        "spl_token_metadata_interface:updating_field",
        bytes([_KEY_FIELD]) + _text(field) + _text(value),
        [_writable(mint), _signer(authority)],
    )


def freeze_metadata(mint: Pubkey, authority: Pubkey) -> Instruction:
    """Set the update authority to none: the metadata never changes again."""
    return _interface(
        "spl_token_metadata_interface:update_the_authority",
        NONE,
        [_writable(mint), _signer(authority)],
    )


def initialize_group(mint: Pubkey, authority: Pubkey) -> Instruction:
    """`authority` is mint authority and, for good, the one that admits members."""
    return _interface(
        "spl_token_group_interface:initialize_token_group",
        bytes(authority) + UNLIMITED.to_bytes(8, "little"),
        [_writable(mint), _readonly(mint), _signer(authority)],
    )


def initialize_member(mint: Pubkey, group: Pubkey, authority: Pubkey) -> Instruction:
    """`authority` is the mint's mint authority and the group's update authority at once."""
    return _interface(
        "spl_token_group_interface:initialize_member",
        b"",
        [
            _writable(mint),
            _readonly(mint),
            _signer(authority),
            _writable(group),
            _signer(authority),
        ],
    )


def bare_mint_size(*, pointers: int) -> int:
    """Bytes to allocate before InitializeMint2: exactly the extensions initialized by then."""
    return _padded(_ACCOUNT_TYPE_END + pointers * _entry(_POINTER))


def nft_size(*, name: str, symbol: str, uri: str, level: int, in_collection: bool) -> int:
    """Bytes of the finished NFT mint: what its rent is for."""
    metadata = _metadata_length(name, symbol, uri, ((LEVEL_FIELD, str(level)),))
    group = _entry(_POINTER) + _entry(_MEMBER) if in_collection else 0
    return _padded(_ACCOUNT_TYPE_END + _entry(_POINTER) + _entry(metadata) + group)


def group_offset(*, name: str, symbol: str, uri: str, level: int) -> int:
    """Where in a finished NFT mint the pubkey of its group stands: after the member's own mint."""
    metadata = _metadata_length(name, symbol, uri, ((LEVEL_FIELD, str(level)),))
    return _ACCOUNT_TYPE_END + 2 * _entry(_POINTER) + _entry(metadata) + _entry(32)


def collection_size(*, name: str, symbol: str, uri: str) -> int:
    """Bytes of the finished collection mint."""
    metadata = _metadata_length(name, symbol, uri, ())
    return _padded(_ACCOUNT_TYPE_END + 2 * _entry(_POINTER) + _entry(metadata) + _entry(_GROUP))


def _metadata_length(name: str, symbol: str, uri: str, fields: Sequence[tuple[str, str]]) -> int:
    texts = [name, symbol, uri, *(text for field in fields for text in field)]
    # Update authority and mint, then the borsh strings, then the count of additional fields.
    return 2 * 32 + sum(len(_text(text)) for text in texts) + 4


def _entry(length: int) -> int:
    """A TLV entry: u16 type, u16 length, value."""
    return 4 + length


def _padded(size: int) -> int:
    """Token-2022 keeps mints apart from multisigs by length: 355 becomes 357."""
    return size + 2 if size == _MULTISIG_LENGTH else size


def _pointer(kind: int, mint: Pubkey) -> Instruction:
    data = bytes([kind, 0]) + NONE + bytes(mint)
    return Instruction(TOKEN_2022_PROGRAM_ID, data, [_writable(mint)])


def _interface(name: str, data: bytes, accounts: Sequence[AccountMeta]) -> Instruction:
    discriminator = hashlib.sha256(name.encode()).digest()[:8]
    return Instruction(TOKEN_2022_PROGRAM_ID, discriminator + data, list(accounts))


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(4, "little") + encoded


def _writable(pubkey: Pubkey) -> AccountMeta:
    return AccountMeta(pubkey, is_signer=False, is_writable=True)


def _readonly(pubkey: Pubkey) -> AccountMeta:
    return AccountMeta(pubkey, is_signer=False, is_writable=False)


def _signer(pubkey: Pubkey) -> AccountMeta:
    return AccountMeta(pubkey, is_signer=True, is_writable=False)
