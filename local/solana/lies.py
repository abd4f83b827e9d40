"""Well-formed wrong answers, as a broken or bribed node gives them: two nodes then disagree."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from local.solana.errors import InvalidParams

SUPPLY_AT = 36
"""In a mint's bytes: the supply, whose lowest bit decides whether an NFT is burned."""
A_FAILURE = {"InstructionError": [0, {"Custom": 1}]}


def told(method: str, result: Any) -> Any:
    """The lie about `result`; InvalidParams for methods that nobody lies about here."""
    lie = LIES.get(method)
    if lie is None:
        raise InvalidParams(f"no lie about {method} is known; about: {', '.join(LIES)}")
    return None if result is None else lie(result)


def _transaction(result: Any) -> Any:
    """What succeeded failed, and the other way round."""
    error = None if result["meta"]["err"] else A_FAILURE
    return {**result, "meta": {**result["meta"], "err": error}}


def _accounts(result: Any) -> Any:
    return {**result, "value": [_account(value) for value in result["value"]]}


def _single_account(result: Any) -> Any:
    return {**result, "value": _account(result["value"])}


def _account(value: Any) -> Any:
    """A burned NFT lives, a living one is burned; what does not exist does not."""
    if value is None or not isinstance(value["data"], list):
        return value
    data = bytearray(base64.b64decode(value["data"][0]))
    if len(data) > SUPPLY_AT:
        data[SUPPLY_AT] ^= 1
    return {**value, "data": [base64.b64encode(bytes(data)).decode(), "base64"]}


def _statuses(result: Any) -> Any:
    """What is unknown stays unknown; what landed failed."""
    return {
        **result,
        "value": [value and {**value, "err": A_FAILURE} for value in result["value"]],
    }


def _number(result: Any) -> Any:
    """Far ahead of everybody."""
    return result + 1_000_000


LIES: Mapping[str, Callable[[Any], Any]] = {
    "getTransaction": _transaction,
    "getMultipleAccounts": _accounts,
    "getAccountInfo": _single_account,
    "getSignatureStatuses": _statuses,
    "getBlockHeight": _number,
    "getSlot": _number,
}
