"""Token accounts and mints of SPL Token and Token-2022, as far as nodes show them.

Layouts: SPL Token's `state.rs`; Token-2022 appends the account type at byte 165, then extensions.
"""

from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
TOKEN_PROGRAMS = {TOKEN_PROGRAM: "spl-token", TOKEN_2022_PROGRAM: "spl-token-2022"}

ACCOUNT_SIZE = 165
MINT_SIZE = 82
MULTISIG_SIZE = 355
IS_MINT, IS_TOKEN_ACCOUNT = 1, 2
STATES = ("uninitialized", "initialized", "frozen")


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """A token account's fields; `native_rent` is set for wrapped SOL only."""

    mint: Pubkey
    owner: Pubkey
    amount: int
    delegate: Pubkey | None
    state: str
    native_rent: int | None
    delegated_amount: int
    close_authority: Pubkey | None


@dataclass(frozen=True, slots=True)
class Mint:
    """A mint's fields."""

    mint_authority: Pubkey | None
    supply: int
    decimals: int
    freeze_authority: Pubkey | None


def token_account_of(account: Account) -> TokenAccount | None:
    """None unless `account` is an initialized token account."""
    data = account.data
    if not _is_kind(account.owner, data, ACCOUNT_SIZE, IS_TOKEN_ACCOUNT) or data[108] == 0:
        return None
    return TokenAccount(
        mint=Pubkey(data[0:32]),
        owner=Pubkey(data[32:64]),
        amount=_u64(data, 64),
        delegate=_optional_pubkey(data, 72),
        state=STATES[data[108]],
        native_rent=_u64(data, 113) if data[109] else None,
        delegated_amount=_u64(data, 121),
        close_authority=_optional_pubkey(data, 129),
    )


def mint_of(account: Account) -> Mint | None:
    """None unless `account` is an initialized mint."""
    data = account.data
    if not _is_kind(account.owner, data, MINT_SIZE, IS_MINT) or data[45] == 0:
        return None
    return Mint(_optional_pubkey(data, 0), _u64(data, 36), data[44], _optional_pubkey(data, 46))


def ui_amount(amount: int, decimals: int) -> dict[str, Any]:
    """`uiTokenAmount` as nodes write it: the string has no trailing zeros."""
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": amount / 10**decimals,
        "uiAmountString": _decimal_text(amount, decimals),
    }


def _decimal_text(amount: int, decimals: int) -> str:
    if decimals == 0:
        return str(amount)
    digits = str(amount).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")


def _is_kind(program: Pubkey, data: bytes, size: int, kind: int) -> bool:
    if program not in TOKEN_PROGRAMS or len(data) < size or len(data) == MULTISIG_SIZE:
        return False
    if len(data) == size:
        return True
    return program == TOKEN_2022_PROGRAM and len(data) > ACCOUNT_SIZE and data[ACCOUNT_SIZE] == kind


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _optional_pubkey(data: bytes, at: int) -> Pubkey | None:
    return Pubkey(data[at + 4 : at + 36]) if data[at] else None
