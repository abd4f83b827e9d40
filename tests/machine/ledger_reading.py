"""What happened to NFTs, read from the ledger's own balances, not through the code under test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.solana.ledger import Commitment, Ledger
from local.solana.outcomes import Landed


@dataclass(frozen=True, slots=True)
class Burned:
    """`owner` held the NFT when the transaction began, nobody when it ended."""

    mint: str
    owner: str
    signature: str
    slot: int


@dataclass(frozen=True, slots=True)
class Minted:
    """Nobody held the NFT when the transaction began, `recipient` when it ended."""

    mint: str
    recipient: str
    signature: str
    slot: int


def burns(ledger: Ledger) -> Iterator[Burned]:
    """Every burn in the newest fork, oldest first."""
    for landed, mint, before, after in _changes(ledger):
        if before and not after:
            yield Burned(mint, before[0], landed.signature, landed.slot)


def mints(ledger: Ledger) -> Iterator[Minted]:
    """Every mint in the newest fork, oldest first."""
    for landed, mint, before, after in _changes(ledger):
        if after and not before:
            yield Minted(mint, after[0], landed.signature, landed.slot)


def final_slot(ledger: Ledger) -> int:
    return ledger.view(Commitment.FINALIZED).slot


def _changes(ledger: Ledger) -> Iterator[tuple[Landed, str, list[str], list[str]]]:
    """Of each transaction that succeeded and each mint in it: the holders before and after."""
    for landed in ledger.landed:
        if landed.error is not None:
            continue
        before = _holders(landed.meta["preTokenBalances"])
        after = _holders(landed.meta["postTokenBalances"])
        for mint in sorted({*before, *after}):
            yield landed, mint, before.get(mint, []), after.get(mint, [])


def _holders(balances: list[dict[str, Any]]) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for balance in balances:
        if int(balance["uiTokenAmount"]["amount"]) > 0:
            held.setdefault(balance["mint"], []).append(balance["owner"])
    return held
