"""Lock items: exclusivity is a conditional write in the transaction that needs it.

No lock expires. A lock is released by the transition that ends its reason, or never.
"""

from collections.abc import Callable, Mapping, Sequence

from pynamodb.expressions.update import Action

from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_items import LockItem
from nft_upgrade.adapters.dynamodb_transactions import Order, RawItem, Step
from nft_upgrade.domain.errors import (
    AlreadyOwnsNft,
    AlreadyRedeemed,
    BurnAlreadyUsed,
    NftLocked,
    UpgradeActive,
    UpgradeError,
    VersionConflict,
)
from nft_upgrade.domain.upgrade import Lock, LockKind

_REFUSALS: Mapping[LockKind, Callable[[str], UpgradeError]] = {
    LockKind.USER: lambda holder: UpgradeActive(
        "User already has an active upgrade request", upgradeRequestId=holder
    ),
    LockKind.NFT: lambda _: NftLocked("The NFT is in another active upgrade."),
    LockKind.BURN: lambda _: AlreadyRedeemed("This burned NFT already has its successor."),
    LockKind.SIGNATURE: lambda _: BurnAlreadyUsed("This burn belongs to another upgrade request."),
    LockKind.OWNER: lambda _: AlreadyOwnsNft("The wallet already owns an active NFT."),
    LockKind.CLAIM: lambda _: AlreadyRedeemed("This claim has its NFT already."),
}


def lock_refusal(kind: LockKind, holder: str) -> UpgradeError:
    """What a caller is told when somebody else, `holder`, has the lock."""
    return _REFUSALS[kind](holder)


def read_lock(locks: type[LockItem], kind: LockKind, name: str) -> Lock | None:
    """Who holds it; strongly consistent."""
    item = read_item(locks, Lock(kind, name, "").item)
    return Lock(kind, name, item.holder) if item else None


def read_locks(
    locks: type[LockItem], wanted: Sequence[tuple[LockKind, str]]
) -> Sequence[Lock | None]:
    """Who holds each, eventually consistent, in one call for at most 100."""
    keys = [Lock(kind, name, "").item for kind, name in wanted]
    with storage():
        held = {item.lock: item.holder for item in locks.batch_get(list(dict.fromkeys(keys)))}
    return [
        Lock(kind, name, held[key]) if key in held else None
        for (kind, name), key in zip(wanted, keys, strict=True)
    ]


def take(locks: type[LockItem], lock: Lock) -> Step:
    """Take it, or keep it when it is this holder's already."""
    is_free = locks.lock.does_not_exist()
    is_mine = locks.holder == lock.holder
    item = locks(lock.item, holder=lock.holder)

    def refusal(taken: RawItem | None) -> UpgradeError:
        return lock_refusal(lock.kind, taken["holder"]["S"] if taken else "")

    return Step(
        Order.PUT,
        lambda write: write.save(item, is_free | is_mine, return_values="ALL_OLD"),
        refusal,
    )


def release(locks: type[LockItem], lock: Lock) -> Step:
    """Delete it if it is this holder's; another holder's stays.

    It may be left out of the transaction: it can only become this holder's through a transition
    of the same upgrade or the same NFT, and the transaction checks the version of either.
    """
    is_gone = locks.lock.does_not_exist()
    is_mine = locks.holder == lock.holder
    return Step(
        Order.DELETE,
        lambda write: write.delete(locks(lock.item), is_gone | is_mine),
        lambda _: VersionConflict("A lock moved meanwhile."),
        may_be_left_out=True,
    )


def move(locks: type[LockItem], lock: Lock, *, previous: str) -> Step:
    """Hand it from the holder `previous` to `lock.holder`.

    Somebody else's by now: VersionConflict, because whoever decided to move it must look again.
    """
    is_as_read = locks.holder == previous
    is_moved = locks.holder == lock.holder
    actions: list[Action] = [LockItem.holder.set(lock.holder)]
    return Step(
        Order.UPDATE,
        lambda write: write.update(locks(lock.item), actions, is_as_read | is_moved),
        lambda _: VersionConflict("The owner's lock moved meanwhile."),
    )
