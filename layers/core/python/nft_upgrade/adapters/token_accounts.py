"""Reads mint and token accounts of SPL Token and Token-2022 out of their bytes. No I/O.

Both programs share the first 82 bytes of a mint and the first 165 of a token account; Token-2022
puts the account's type at byte 165 when there are extensions after it.
"""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState
from spl.token.constants import ACCOUNT_LEN, MINT_LEN, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.domain.burn import ObservedMint
from nft_upgrade.ports import Holder

TOKEN_PROGRAMS = frozenset({str(TOKEN_PROGRAM_ID), str(TOKEN_2022_PROGRAM_ID)})
_TYPE_AT = ACCOUNT_LEN
_MINT_TYPE, _ACCOUNT_TYPE = 1, 2


class Account(NamedTuple):
    """An account as RPC shows it: its owner program (base58) and its bytes."""

    owner: str
    data: bytes


def account_of(value: Mapping[str, Any] | None) -> Account | None:
    """From the JSON of getAccountInfo with base64 encoding; None stays None."""
    if value is None:
        return None
    return Account(value["owner"], base64.b64decode(value["data"][0]))


def mint_of(account: Account | None) -> Mint | None:
    """None when it is no initialized mint."""
    if account is None or not _is(account, MINT_LEN, _MINT_TYPE):
        return None
    mint = Mint.from_bytes(account.data[:MINT_LEN])
    return mint if mint.is_initialized else None


def token_account_of(account: Account | None) -> TokenAccount | None:
    """None when it is no token account."""
    if account is None or not _is(account, ACCOUNT_LEN, _ACCOUNT_TYPE):
        return None
    return TokenAccount.from_bytes(account.data[:ACCOUNT_LEN])


def observed_mint(address: str, account: Account | None, *, slot: int) -> ObservedMint:
    """As the burn checks want it; no mint there: `exists` False and zeroes."""
    mint = mint_of(account)
    if mint is None or account is None:
        return ObservedMint(address, False, slot, "", 0, 0, None, None)
    return ObservedMint(
        address=address,
        exists=True,
        slot=slot,
        token_program=account.owner,
        supply=mint.supply,
        decimals=mint.decimals,
        mint_authority=_text(mint.mint_authority),
        freeze_authority=_text(mint.freeze_authority),
    )


def holder_of(address: str, account: Account | None, *, slot: int) -> Holder | None:
    """None when it is no token account or holds nothing."""
    held = token_account_of(account)
    if held is None or account is None or held.amount == 0:
        return None
    return Holder(
        token_account=address,
        owner=str(held.owner),
        amount=held.amount,
        token_program=account.owner,
        frozen=held.state == TokenAccountState.Frozen,
        delegate=_text(held.delegate),
        close_authority=_text(held.close_authority),
        slot=slot,
    )


def _is(account: Account, length: int, kind: int) -> bool:
    """A bare account has exactly `length` bytes, an extended one says its kind."""
    if account.owner not in TOKEN_PROGRAMS:
        return False
    data = account.data
    return len(data) == length or (len(data) > _TYPE_AT and data[_TYPE_AT] == kind)


def _text(pubkey: Pubkey | None) -> str | None:
    return None if pubkey is None else str(pubkey)
