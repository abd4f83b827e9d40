"""The JSON of accounts and transactions, as public nodes write it."""

import base64
from collections.abc import Iterator
from typing import Any, TypeAlias

import base58
from solders.account import Account
from solders.message import MessageV0, MessageV1
from solders.pubkey import Pubkey

from local.solana import parsed
from local.solana.errors import InvalidParams, UnsupportedVersion
from local.solana.ledger import Ledger, View
from local.solana.messages import AnyMessage, is_writable
from local.solana.outcomes import AccountReader, Landed
from local.solana.params import Config, invalid_request

Json: TypeAlias = dict[str, Any]

VERSION = "4.3.2"
"""The Agave release whose answers are the measure; clients read it as a semantic version."""
FEATURE_SET = 2_310_417_812
ACCOUNT_ENCODINGS = ("binary", "base58", "base64", "base64+zstd", "jsonParsed")
TRANSACTION_ENCODINGS = ("binary", "base58", "base64", "json", "jsonParsed")
MAX_BASE58_BYTES = 128
RENT_EXEMPT_EPOCH = 2**64 - 1
"""What every account shows since all are rent-exempt; LiteSVM leaves 0 on new ones."""
TOP_LEVEL_STACK_HEIGHT = 1


def in_context(view: View, value: Any) -> Json:
    """A value with the slot it was read at."""
    return {"context": {"slot": view.slot, "apiVersion": VERSION}, "value": value}


def account_json(
    account: Account | None, config: Config, *, default: str, mint: AccountReader
) -> Json | None:
    """An account in the encoding asked for; `mint` reads the mint of a parsed token account."""
    if account is None:
        return None
    encoding = config.one_of("encoding", default, *ACCOUNT_ENCODINGS)
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "data": _account_data(account, encoding, config, mint),
        "executable": account.executable,
        "rentEpoch": RENT_EXEMPT_EPOCH,
        "space": len(account.data),
    }


def transaction_json(landed: Landed, ledger: Ledger, config: Config) -> Json:
    """`getTransaction`'s answer; UnsupportedVersion when the caller cannot read the version."""
    encoding = config.one_of("encoding", "json", *TRANSACTION_ENCODINGS)
    version = _version(landed, config.integer("maxSupportedTransactionVersion"))
    answer = {
        "slot": landed.slot,
        "blockTime": ledger.schedule.time_of(landed.slot),
        "transaction": _transaction(landed, encoding),
        "meta": landed.meta if encoding != "jsonParsed" else _parsed_meta(landed),
    }
    return answer if version is None else {**answer, "version": version}


def _account_data(account: Account, encoding: str, config: Config, mint: AccountReader) -> Any:
    if encoding == "jsonParsed" and (readable := parsed.account_data(account, mint)):
        return readable
    if encoding == "base64+zstd":
        raise InvalidParams("this local node does not offer base64+zstd; use base64")
    data = _sliced(account.data, config.get("dataSlice"))
    if encoding in ("base64", "jsonParsed"):
        return [base64.b64encode(data).decode(), "base64"]
    if len(data) > MAX_BASE58_BYTES:
        raise invalid_request(
            "Encoded binary (base 58) data should be less than 128 bytes, "
            "please use Base64 encoding."
        )
    text = base58.b58encode(data).decode()
    return text if encoding == "binary" else [text, "base58"]


def _sliced(data: bytes, part: Any) -> bytes:
    if part is None:
        return data
    if not isinstance(part, dict):
        raise InvalidParams("Invalid params: dataSlice is {offset, length}.")
    offset, length = (Config(part).integer(name) for name in ("offset", "length"))
    if offset is None or length is None:
        raise InvalidParams("Invalid params: dataSlice is {offset, length}.")
    return data[offset : offset + length]


def _version(landed: Landed, supported: int | None) -> str | int | None:
    """The `version` field; None: left out, for callers that know legacy transactions only."""
    message = landed.transaction.message
    number = 1 if isinstance(message, MessageV1) else 0 if isinstance(message, MessageV0) else None
    if number is None:
        return None if supported is None else "legacy"
    if supported is None or supported < number:
        raise UnsupportedVersion(number)
    return number


def _transaction(landed: Landed, encoding: str) -> Any:
    if encoding == "json":
        message = _raw_message(landed.transaction.message)
    elif encoding == "jsonParsed":
        message = _parsed_message(landed)
    else:
        return _wire(bytes(landed.transaction), encoding)
    return {"signatures": [str(each) for each in landed.transaction.signatures], "message": message}


def _wire(wire: bytes, encoding: str) -> Any:
    if encoding == "base64":
        return [base64.b64encode(wire).decode(), "base64"]
    text = base58.b58encode(wire).decode()
    return text if encoding == "binary" else [text, "base58"]


def _raw_message(message: AnyMessage) -> Json:
    return {
        "header": {
            "numRequiredSignatures": message.header.num_required_signatures,
            "numReadonlySignedAccounts": message.header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": message.header.num_readonly_unsigned_accounts,
        },
        "accountKeys": [str(pubkey) for pubkey in message.account_keys],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            {
                "programIdIndex": instruction.program_id_index,
                "accounts": list(instruction.accounts),
                "data": base58.b58encode(instruction.data).decode(),
                "stackHeight": TOP_LEVEL_STACK_HEIGHT,
            }
            for instruction in message.instructions
        ],
        **_version_fields(message),
    }


def _version_fields(message: AnyMessage) -> Json:
    if isinstance(message, MessageV0):
        return {"addressTableLookups": _lookups(message)}
    if isinstance(message, MessageV1):
        config = message.config
        return {
            "transactionConfig": {
                "priorityFee": config.priority_fee,
                "computeUnitLimit": config.compute_unit_limit,
                "loadedAccountsDataSizeLimit": config.loaded_accounts_data_size_limit,
                "heapSize": config.heap_size,
            }
        }
    return {}


def _lookups(message: MessageV0) -> list[Json]:
    return [
        {
            "accountKey": str(lookup.account_key),
            "writableIndexes": list(lookup.writable_indexes),
            "readonlyIndexes": list(lookup.readonly_indexes),
        }
        for lookup in message.address_table_lookups
    ]


def _parsed_message(landed: Landed) -> Json:
    message = landed.transaction.message
    pubkeys = landed.loaded.pubkeys
    return {
        "accountKeys": list(_parsed_keys(landed)),
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            _partly_decoded(
                pubkeys,
                instruction.program_id_index,
                instruction.accounts,
                base58.b58encode(instruction.data).decode(),
                TOP_LEVEL_STACK_HEIGHT,
            )
            for instruction in message.instructions
        ],
        **_version_fields(message),
    }


def _parsed_keys(landed: Landed) -> Iterator[Json]:
    message, loaded = landed.transaction.message, landed.loaded
    signers = message.header.num_required_signatures
    for index, pubkey in enumerate(loaded.static):
        yield _parsed_key(pubkey, index < signers, is_writable(message, index), "transaction")
    for pubkey in loaded.writable:
        yield _parsed_key(pubkey, False, True, "lookupTable")
    for pubkey in loaded.readonly:
        yield _parsed_key(pubkey, False, False, "lookupTable")


def _parsed_key(pubkey: Pubkey, is_signer: bool, is_writable: bool, source: str) -> Json:
    return {"pubkey": str(pubkey), "signer": is_signer, "writable": is_writable, "source": source}


def _parsed_meta(landed: Landed) -> Json:
    """Inner instructions name accounts, not indexes; the parsed form has no loadedAddresses."""
    pubkeys = landed.loaded.pubkeys
    inner = [
        {
            "index": group["index"],
            "instructions": [
                _partly_decoded(
                    pubkeys,
                    each["programIdIndex"],
                    each["accounts"],
                    each["data"],
                    each["stackHeight"],
                )
                for each in group["instructions"]
            ],
        }
        for group in landed.meta["innerInstructions"]
    ]
    meta = {name: value for name, value in landed.meta.items() if name != "loadedAddresses"}
    return {**meta, "innerInstructions": inner}


def _partly_decoded(
    pubkeys: list[Pubkey],
    program: int,
    accounts: bytes | list[int],
    data: str,
    stack_height: int | None,
) -> Json:
    """The parsed form's way to show an instruction that has no parser."""
    return {
        "programId": str(pubkeys[program]),
        "accounts": [str(pubkeys[index]) for index in accounts],
        "data": data,
        "stackHeight": stack_height,
    }
