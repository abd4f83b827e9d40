"""Upgrades, NFTs and proofs for the contract suites: fixed times, names handed in."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from nft_upgrade.domain.burn import BurnProof, Check, Outcome
from nft_upgrade.domain.errors import ErrorType
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import (
    Failure,
    Status,
    Transition,
    Upgrade,
    open_claim,
    open_upgrade,
)
from nft_upgrade.ports import MintAttempt

NOW = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PROGRAM = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
BASE = "Base1111111111111111111111111111111111111111"


def nft(name: str, owner: str, *, level: int = 1, at: datetime = NOW) -> Nft:
    """A registry row at version 1."""
    return Nft(
        mint=f"mint-{name}",
        owner=owner,
        level=level,
        status=NftStatus.ACTIVE,
        version=1,
        token_program=PROGRAM,
        mint_base=BASE,
        created_at=at,
        updated_at=at,
    )


def request(name: str, of: Nft, *, user: str | None = None, at: datetime = NOW) -> Upgrade:
    """A new upgrade of `of`, version 1."""
    return Upgrade(
        id=name,
        user_id=user or of.owner,
        nft_id=of.mint,
        current_level=of.level,
        target_level=of.level + 1,
        status=Status.INITIATED,
        version=1,
        token_program=of.token_program,
        mint_base=of.mint_base,
        successor=f"successor-of-{of.mint}",
        opened_slot=400_000_000,
        created_at=at,
        updated_at=at,
        expires_at=at + timedelta(minutes=30),
        due_at=at + timedelta(seconds=30),
    )


def opening(name: str, of: Nft, *, user: str | None = None, at: datetime = NOW) -> Transition:
    """The first transition of that upgrade."""
    return open_upgrade(request(name, of, user=user, at=at), nft=of)


def claiming(
    name: str, of: Nft, *, user: str | None = None, takes_owner_lock: bool = True
) -> Transition:
    """The first transition of a claim."""
    claimed = replace(
        request(name, of, user=user), status=Status.BURN_PENDING, burn_signature="5ignature"
    )
    return open_claim(claimed, nft=of, takes_owner_lock=takes_owner_lock)


def proof(of: Upgrade, signature: str = "5ignature") -> BurnProof:
    """All checks passed."""
    check = Check("V3", "finalized", Outcome.PASS, None, "", {"slot": 400_000_123, "ratio": 0.5})
    return BurnProof(signature, of.nft_id, 400_000_123, of.user_id, (check,))


def failure() -> Failure:
    return Failure("mint_failed", ErrorType.MINT_TRANSACTION_FAILED, "Not this time.", True)


def successor(of: Upgrade, *, at: datetime) -> Nft:
    """The registry row of the NFT minted for an upgrade."""
    old = nft("any", of.user_id, level=of.target_level, at=at)
    return replace(old, mint=of.successor, predecessor=of.nft_id, mint_signature="m1nt")


def attempt(of: Upgrade, number: int = 1, *, seed: str = "") -> MintAttempt:
    """A mint attempt whose message depends on its number and `seed`."""
    message = hashlib.sha256(f"{of.id}{number}{seed}".encode()).digest()
    return MintAttempt(of.id, number, message, 300_000_150, of.successor, NOW)
