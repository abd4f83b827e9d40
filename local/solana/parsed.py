"""`jsonParsed` for token accounts and mints; everything else stays base64, as the rule is."""

from typing import Any, TypeAlias

from solders.account import Account
from solders.pubkey import Pubkey

from local.solana import tokens
from local.solana.extensions import extensions_of
from local.solana.outcomes import AccountReader
from local.solana.tokens import Mint, TokenAccount

Json: TypeAlias = dict[str, Any]


def account_data(account: Account, mint_account: AccountReader) -> Json | None:
    """The parsed data of a token account or mint; None: no parser for it."""
    program = tokens.TOKEN_PROGRAMS.get(account.owner)
    if program is None:
        return None
    body = _body(account, mint_account)
    if body is None:
        return None
    if extensions := extensions_of(account.data):
        body["info"]["extensions"] = extensions
    return {"program": program, "parsed": body, "space": len(account.data)}


def _body(account: Account, mint_account: AccountReader) -> Json | None:
    mint = tokens.mint_of(account)
    if mint is not None:
        return {"type": "mint", "info": _mint(mint)}
    token_account = tokens.token_account_of(account)
    if token_account is None:
        return None
    holder = mint_account(token_account.mint)
    facts = tokens.mint_of(holder) if holder else None
    if facts is None:
        return None
    return {"type": "account", "info": _token_account(token_account, facts.decimals)}


def _mint(mint: Mint) -> Json:
    return {
        "mintAuthority": _text(mint.mint_authority),
        "supply": str(mint.supply),
        "decimals": mint.decimals,
        "isInitialized": True,
        "freezeAuthority": _text(mint.freeze_authority),
    }


def _token_account(account: TokenAccount, decimals: int) -> Json:
    info: Json = {
        "mint": str(account.mint),
        "owner": str(account.owner),
        "tokenAmount": tokens.ui_amount(account.amount, decimals),
        "state": account.state,
        "isNative": account.native_rent is not None,
    }
    if account.delegate is not None:
        info["delegate"] = str(account.delegate)
        info["delegatedAmount"] = tokens.ui_amount(account.delegated_amount, decimals)
    if account.native_rent is not None:
        info["rentExemptReserve"] = tokens.ui_amount(account.native_rent, decimals)
    if account.close_authority is not None:
        info["closeAuthority"] = str(account.close_authority)
    return info


def _text(pubkey: Pubkey | None) -> str | None:
    return str(pubkey) if pubkey is not None else None
