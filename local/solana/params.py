"""The parameters of one call: positions first, then one configuration object."""

from dataclasses import dataclass
from typing import Any

import base58
from solders.hash import Hash
from solders.pubkey import Pubkey

from local.solana.errors import InvalidParams, MinContextSlotNotReached, RpcFailure
from local.solana.ledger import Commitment, Ledger, View


@dataclass(frozen=True, slots=True)
class Params:
    """What the caller passed. Every reader raises InvalidParams."""

    values: list[Any]

    def required(self, position: int) -> Any:
        if position >= len(self.values):
            count = position + 1
            raise InvalidParams(f"`params` should have at least {count} argument(s)")
        return self.values[position]

    def text(self, position: int) -> str:
        return str(_of(str, self.required(position), "string"))

    def integer(self, position: int) -> int:
        return _unsigned(self.required(position))

    def pubkey(self, position: int) -> Pubkey:
        return pubkey_of(self.required(position))

    def texts(self, position: int) -> list[str]:
        entries = _of(list, self.required(position), "sequence")
        return [_of(str, entry, "string") for entry in entries]

    def config(self, position: int) -> "Config":
        """The configuration object; absent and null are the same."""
        value = self.values[position] if position < len(self.values) else None
        return Config(_of(dict, value or {}, "map"))


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration object; unknown fields are ignored, as nodes do."""

    values: dict[str, Any]

    def get(self, name: str) -> Any:
        return self.values.get(name)

    def flag(self, name: str) -> bool:
        return bool(_of(bool, self.values.get(name) or False, "boolean"))

    def integer(self, name: str) -> int | None:
        value = self.values.get(name)
        return None if value is None else _unsigned(value)

    def text(self, name: str, default: str) -> str:
        value = self.values.get(name)
        return default if value is None else _of(str, value, "string")

    def one_of(self, name: str, default: str, *allowed: str) -> str:
        """A string out of a closed set."""
        value = self.text(name, default)
        if value not in allowed:
            choices = ", ".join(f"`{each}`" for each in allowed)
            raise InvalidParams(
                f"Invalid params: unknown variant `{value}`, expected one of {choices}."
            )
        return value

    def commitment(self, name: str = "commitment") -> Commitment:
        """`finalized` unless given."""
        return Commitment(self.one_of(name, Commitment.FINALIZED, *Commitment))

    def view(self, ledger: Ledger, name: str = "commitment") -> View:
        """The bank asked for; MinContextSlotNotReached when it is older than `minContextSlot`."""
        view = ledger.view(self.commitment(name))
        wanted = self.integer("minContextSlot")
        if wanted is not None and view.slot < wanted:
            raise MinContextSlotNotReached(view.slot)
        return view

    def confirmed_view(self, ledger: Ledger) -> View:
        """The bank asked for, by a method about blocks, which no processed block has yet."""
        if self.commitment() is Commitment.PROCESSED:
            raise InvalidParams("Method does not support commitment below `confirmed`")
        return self.view(ledger)


def pubkey_of(value: Any) -> Pubkey:
    """32 bytes of base58."""
    raw = _base58(_of(str, value, "string"))
    if len(raw) != Pubkey.LENGTH:
        raise InvalidParams("Invalid param: WrongSize")
    return Pubkey(raw)


def hash_of(value: str) -> Hash:
    """32 bytes of base58."""
    return Hash(bytes(pubkey_of(value)))


def signature_of(value: Any) -> str:
    """64 bytes of base58, in its canonical text."""
    raw = _base58(_of(str, value, "string"))
    if len(raw) != 64:
        raise InvalidParams("Invalid param: WrongSize")
    return base58.b58encode(raw).decode()


def invalid_request(message: str) -> RpcFailure:
    """-32600, for requests that nodes refuse as a whole."""
    return RpcFailure(-32600, message)


def _base58(text: str) -> bytes:
    try:
        return base58.b58decode(text)
    except ValueError as error:
        raise InvalidParams("Invalid param: Invalid") from error


def _unsigned(value: Any) -> int:
    number = _of(int, value, "u64")
    if isinstance(value, bool) or not 0 <= number < 2**64:
        raise InvalidParams(f"Invalid params: invalid value: `{value}`, expected u64.")
    return int(number)


def _of(kind: type, value: Any, name: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidParams(f"Invalid params: invalid type, expected a {name}.")
    return value
