"""What a mint account says about an NFT, and which NFTs we can honour. Text is never evidence.

An NFT is supported when its burn can be verified and nobody but its holder can end or change it
between our word and the burn. Extensions of Token-2022 are allowed by name: what is not known here
is refused, so that a future one cannot slip in. Numbers: `ExtensionType` of `spl_token_2022`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

CLASSIC_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022_PROGRAM = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
SUPPORTED_PROGRAMS = frozenset({CLASSIC_PROGRAM, TOKEN_2022_PROGRAM})
METADATA_POINTER, TOKEN_METADATA = 18, 19
GROUP_POINTER, TOKEN_GROUP = 20, 21
MEMBER_POINTER, GROUP_MEMBER = 22, 23
SUPPORTED_EXTENSIONS = frozenset(
    {METADATA_POINTER, TOKEN_METADATA, GROUP_POINTER, TOKEN_GROUP, MEMBER_POINTER, GROUP_MEMBER}
)
EXTENSION_NAMES: Mapping[int, str] = {
    1: "TransferFeeConfig",
    3: "MintCloseAuthority",
    4: "ConfidentialTransferMint",
    6: "DefaultAccountState",
    9: "NonTransferable",
    10: "InterestBearingConfig",
    12: "PermanentDelegate",
    14: "TransferHook",
    16: "ConfidentialTransferFeeConfig",
    24: "ConfidentialMintBurn",
    25: "ScaledUiAmount",
    26: "Pausable",
}
"""For messages; an extension without a name here is refused by its number."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The TokenMetadata extension. `update_authority` None: it never changes again."""

    update_authority: str | None
    name: str
    symbol: str
    uri: str
    fields: tuple[tuple[str, str], ...]
    """Additional fields, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NftAccount:
    """A mint account in full. `slot` is the answer's context slot.

    `collection`: the group whose authority admitted this very mint (TokenGroupMember, which only
    Token-2022 itself writes, and only for that authority's signature); None: in none.
    """

    mint: str
    slot: int
    token_program: str
    supply: int
    decimals: int
    mint_authority: str | None
    freeze_authority: str | None
    extensions: tuple[int, ...] = ()
    metadata: Metadata | None = None
    collection: str | None = None


def hindrance(account: NftAccount) -> str | None:
    """Why this NFT cannot be upgraded with us, as a sentence; None: it can. Supply aside."""
    if account.token_program not in SUPPORTED_PROGRAMS:
        return f"The token program {account.token_program} is none that we can verify."
    if account.decimals != 0:
        return f"It has {account.decimals} decimals: no NFT."
    if account.mint_authority is not None:
        return "Somebody may mint more of it: its mint authority is set."
    if account.freeze_authority is not None:
        return "Somebody may freeze it before its burn: its freeze authority is set."
    unknown = [number for number in account.extensions if number not in SUPPORTED_EXTENSIONS]
    if unknown:
        names = ", ".join(EXTENSION_NAMES.get(number, f"number {number}") for number in unknown)
        return f"It has extensions that we do not accept: {names}."
    return None


@dataclass(frozen=True, slots=True)
class Creation:
    """One allocation of an address under a base key, as a finalized transaction shows it.

    Only the base key's signature can allocate there (System program), so the address is proof that
    we made it. `recipient`: who held the NFT after that transaction; None: nobody did.
    """

    mint: str
    signature: str
    recipient: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A transaction that names an address, at finalized."""

    signature: str
    failed: bool
