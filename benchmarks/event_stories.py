"""Events to measure with: upgrades without trouble, made by the rules themselves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from nft_upgrade.domain.burn import BurnProof, Check, Outcome
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Status, Transition, Upgrade, open_upgrade

SECOND = timedelta(seconds=1)
CHECKS = 13
"""In a real proof; the text of each is about as long as here."""


def batch(users: int) -> list[UpgradeEvent]:
    """One whole upgrade (five events) of each user, the users' events interleaved."""
    lives = [life(uuid4().hex[:12])[0] for _ in range(users)]
    return [step.event for steps in zip(*lives, strict=True) for step in steps]


def life(name: str, at: datetime | None = None) -> tuple[Sequence[Transition], Nft]:
    """Opened, confirmed, proven, mint started, completed; and the NFT to be registered before."""
    moment = at or datetime.now(UTC) - 10 * SECOND
    opened, nft = opening(f"up-{name}", f"wallet-{name}", moment)
    steps = [opened, opened.after.claim_burn(f"{name}-burn", height=9, at=moment + SECOND)]
    proof = _proof(f"{name}-burn", nft)
    held = opened.nfts[0].after
    steps.append(steps[-1].after.prove_burn(proof, nft=held, at=moment + 2 * SECOND))
    steps.append(steps[-1].after.start_mint(at=moment + 3 * SECOND))
    done_at = moment + 4 * SECOND
    successor = replace(nft, mint=opened.after.successor, level=2, created_at=done_at)
    steps.append(
        steps[-1].after.complete(
            f"{name}-mint", successor=successor, holds_owner_lock=True, at=done_at
        )
    )
    return steps, nft


def opening(upgrade_id: str, user_id: str, at: datetime) -> tuple[Transition, Nft]:
    """A request to be committed, and the NFT to be registered before."""
    nft = Nft(
        mint=f"{upgrade_id}-nft",
        owner=user_id,
        level=1,
        status=NftStatus.ACTIVE,
        version=1,
        token_program="program",
        mint_base="base",
        created_at=at,
        updated_at=at,
    )
    upgrade = Upgrade(
        id=upgrade_id,
        user_id=user_id,
        nft_id=nft.mint,
        current_level=1,
        target_level=2,
        status=Status.INITIATED,
        version=1,
        token_program=nft.token_program,
        mint_base=nft.mint_base,
        successor=f"{upgrade_id}-successor",
        opened_slot=10,
        created_at=at,
        updated_at=at,
        expires_at=at + timedelta(minutes=30),
    )
    return open_upgrade(upgrade, nft=nft), nft


def _proof(signature: str, nft: Nft) -> BurnProof:
    checks = (
        Check(f"V{n}", "A rule", Outcome.PASS, None, "What was seen on the chain.", {"slot": 42})
        for n in range(1, CHECKS + 1)
    )
    return BurnProof(signature, nft.mint, 42, nft.owner, tuple(checks))
