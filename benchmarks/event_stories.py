"""Events to measure with."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from nft_upgrade.domain.events import EventType, UpgradeEvent
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Status, Transition, Upgrade, open_upgrade

LIFE = {
    EventType.UPGRADE_INITIATED: Status.INITIATED,
    EventType.BURN_PENDING: Status.BURN_PENDING,
    EventType.BURN_CONFIRMED: Status.BURN_CONFIRMED,
    EventType.MINT_STARTED: Status.MINT_PENDING,
    EventType.UPGRADE_COMPLETED: Status.COMPLETED,
}
"""An upgrade without trouble."""


def batch(users: int) -> list[UpgradeEvent]:
    """One whole upgrade of each user, the users' events interleaved."""
    ids = [uuid4().hex[:12] for _ in range(users)]
    return [_event(each, sequence, type_) for sequence, type_ in enumerate(LIFE, 1) for each in ids]


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


def _event(name: str, sequence: int, type_: EventType) -> UpgradeEvent:
    is_done = type_ is EventType.UPGRADE_COMPLETED
    return UpgradeEvent(
        upgrade_id=f"up-{name}",
        sequence=sequence,
        type=type_,
        occurred_at=datetime(2026, 11, 1, 12, 0, sequence, tzinfo=UTC),
        user_id=f"wallet-{name}",
        nft_id=f"nft-{name}",
        current_level=1,
        target_level=2,
        status=LIFE[type_].value,
        message="It happened.",
        retry_count=0,
        burn_signature=f"{name}-burn" if sequence > 1 else None,
        mint_signature=f"{name}-mint" if is_done else None,
        new_nft_id=f"{name}-new" if is_done else None,
    ).sealed()
