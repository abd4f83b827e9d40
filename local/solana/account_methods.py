"""Methods about accounts and tokens."""

import base64
from collections.abc import Iterable
from typing import Any

import base58
from solders.account import Account
from solders.pubkey import Pubkey

from local.solana import tokens
from local.solana.errors import InvalidParams
from local.solana.ledger import Ledger, View
from local.solana.outcomes import AccountReader
from local.solana.params import Config, Params, pubkey_of
from local.solana.shapes import Json, account_json, in_context
from local.solana.tokens import Mint, TokenAccount

MAX_MULTIPLE_ACCOUNTS = 100
LARGEST_ACCOUNTS = 20
MAX_FILTERS = 4


def get_account_info(ledger: Ledger, params: Params) -> Json:
    pubkey, config = params.pubkey(0), params.config(1)
    view = config.view(ledger)
    account = ledger.account(pubkey, view)
    encoded = account_json(account, config, default="binary", mint=_reader(ledger, view))
    return in_context(view, encoded)


def get_balance(ledger: Ledger, params: Params) -> Json:
    pubkey, view = params.pubkey(0), params.config(1).view(ledger)
    account = ledger.account(pubkey, view)
    return in_context(view, account.lamports if account else 0)


def get_multiple_accounts(ledger: Ledger, params: Params) -> Json:
    texts, config = params.texts(0), params.config(1)
    if len(texts) > MAX_MULTIPLE_ACCOUNTS:
        raise InvalidParams(f"Too many inputs provided; max {MAX_MULTIPLE_ACCOUNTS}")
    pubkeys = [pubkey_of(text) for text in texts]
    view = config.view(ledger)
    mint = _reader(ledger, view)
    accounts = (ledger.account(pubkey, view) for pubkey in pubkeys)
    return in_context(
        view, [account_json(each, config, default="base64", mint=mint) for each in accounts]
    )


def get_program_accounts(ledger: Ledger, params: Params) -> Any:
    program, config = params.pubkey(0), params.config(1)
    filters = config.get("filters") or []
    if not isinstance(filters, list) or len(filters) > MAX_FILTERS:
        raise InvalidParams(f"Too many filters provided; max {MAX_FILTERS}")
    view = config.view(ledger)
    matching = (
        (pubkey, account)
        for pubkey, account in ledger.accounts.of_program(program, view.slot)
        if all(_matches(account, each) for each in filters)
    )
    keyed = _keyed(ledger, view, config, matching)
    return in_context(view, keyed) if config.flag("withContext") else keyed


def get_token_accounts_by_owner(ledger: Ledger, params: Params) -> Json:
    owner, wanted, config = params.pubkey(0), params.config(1), params.config(2)
    view = config.view(ledger)
    program, mint = _token_filter(ledger, wanted, view)
    owned = ledger.accounts.of_token_owner(owner, program, view.slot)
    matching = ((pubkey, account) for pubkey, account in owned if _is_of(account, mint))
    return in_context(view, _keyed(ledger, view, config, matching))


def get_token_account_balance(ledger: Ledger, params: Params) -> Json:
    pubkey, view = params.pubkey(0), params.config(1).view(ledger)
    account = ledger.account(pubkey, view)
    if account is None:
        raise InvalidParams("Invalid param: could not find account")
    token_account = tokens.token_account_of(account)
    if token_account is None:
        raise InvalidParams("Invalid param: not a Token account")
    mint = _mint(ledger, token_account.mint, view)
    return in_context(view, tokens.ui_amount(token_account.amount, mint.decimals))


def get_token_supply(ledger: Ledger, params: Params) -> Json:
    pubkey, view = params.pubkey(0), params.config(1).view(ledger)
    mint = _mint(ledger, pubkey, view)
    return in_context(view, tokens.ui_amount(mint.supply, mint.decimals))


def get_token_largest_accounts(ledger: Ledger, params: Params) -> Json:
    pubkey, view = params.pubkey(0), params.config(1).view(ledger)
    mint = _mint(ledger, pubkey, view)
    program = _existing(ledger, pubkey, view).owner
    held = (
        (address, tokens.token_account_of(account))
        for address, account in ledger.accounts.of_mint(pubkey, program, view.slot)
    )
    largest = sorted(
        ((address, account.amount) for address, account in held if account),
        key=lambda entry: entry[1],
        reverse=True,
    )
    return in_context(
        view,
        [
            {"address": str(address), **tokens.ui_amount(amount, mint.decimals)}
            for address, amount in largest[:LARGEST_ACCOUNTS]
        ],
    )


def get_minimum_balance_for_rent_exemption(ledger: Ledger, params: Params) -> int:
    return ledger.rent(params.integer(0))


def _reader(ledger: Ledger, view: View) -> AccountReader:
    return lambda pubkey: ledger.account(pubkey, view)


def _keyed(
    ledger: Ledger, view: View, config: Config, accounts: Iterable[tuple[Pubkey, Account]]
) -> list[Json]:
    mint = _reader(ledger, view)
    return [
        {
            "pubkey": str(pubkey),
            "account": account_json(account, config, default="binary", mint=mint),
        }
        for pubkey, account in accounts
    ]


def _token_filter(ledger: Ledger, wanted: Config, view: View) -> tuple[Pubkey, Pubkey | None]:
    """The program to look in, and the mint if one is asked for."""
    if wanted.get("programId") is not None:
        program = pubkey_of(wanted.get("programId"))
        if program not in tokens.TOKEN_PROGRAMS:
            raise InvalidParams("Invalid param: unrecognized Token program id")
        return program, None
    if wanted.get("mint") is None:
        raise InvalidParams("Invalid params: expected `mint` or `programId`.")
    mint = pubkey_of(wanted.get("mint"))
    account = ledger.account(mint, view)
    if account is None:
        raise InvalidParams("Invalid param: could not find mint")
    if account.owner not in tokens.TOKEN_PROGRAMS:
        raise InvalidParams("Invalid param: not a Token mint")
    return account.owner, mint


def _is_of(account: Account, mint: Pubkey | None) -> bool:
    token_account: TokenAccount | None = tokens.token_account_of(account)
    return token_account is not None and mint in (None, token_account.mint)


def _mint(ledger: Ledger, pubkey: Pubkey, view: View) -> Mint:
    mint = tokens.mint_of(_existing(ledger, pubkey, view))
    if mint is None:
        raise InvalidParams("Invalid param: not a Token mint")
    return mint


def _existing(ledger: Ledger, pubkey: Pubkey, view: View) -> Account:
    account = ledger.account(pubkey, view)
    if account is None:
        raise InvalidParams("Invalid param: could not find account")
    return account


def _matches(account: Account, criterion: Any) -> bool:
    """`{dataSize}`, `{memcmp: {offset, bytes, encoding}}` or `"tokenAccountState"`."""
    if criterion == "tokenAccountState":
        return tokens.token_account_of(account) is not None
    wanted = Config(criterion if isinstance(criterion, dict) else {})
    size = wanted.integer("dataSize")
    if size is not None:
        return len(account.data) == size
    comparison = wanted.get("memcmp")
    if not isinstance(comparison, dict):
        raise InvalidParams("Invalid params: a filter is dataSize, memcmp or tokenAccountState.")
    return _compares(account.data, Config(comparison))


def _compares(data: bytes, comparison: Config) -> bool:
    encoding = comparison.one_of("encoding", "base58", "base58", "base64")
    text, offset = comparison.text("bytes", ""), comparison.integer("offset") or 0
    try:
        wanted = base58.b58decode(text) if encoding == "base58" else base64.b64decode(text)
    except ValueError as error:
        raise InvalidParams(f"Invalid param: memcmp bytes: {error}") from error
    return data[offset : offset + len(wanted)] == wanted
