"""The faults stop, time passes, sweep and workflow run: what is owed must then be there."""

from solders.transaction import VersionedTransaction

from nft_upgrade.domain.errors import AlreadyOwnsNft
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import ACTIVE, LockKind, Status
from tests.machine.execution import execute
from tests.machine.invariants import check_all, committed_events, successor_of
from tests.machine.ledger_reading import Burned, burns, mints
from tests.machine.live_world import BY_OWN_HAND, LiveWorld, User
from tests.use_cases.world import BASE

MOST_ROUNDS = 60
LONGEST_ROUND = 900.0


def starve(world: LiveWorld, count: int) -> None:
    """The next `count` transactions that the system wallet pays have nothing to pay with."""
    left = count

    def starves(transaction: VersionedTransaction) -> bool:
        nonlocal left
        if left == 0 or str(transaction.message.account_keys[0]) != BASE:
            return False
        left -= 1
        return True

    world.ground.ledger.starves = starves


def settle(world: LiveWorld) -> None:
    """Until nothing is owed and nobody waits; else until even the most patient gives up."""
    world.gate.plan = None
    starve(world, 0)
    world.kafka.fail = {}
    for node in world.nodes:
        node.heal()
    world.ground.ledger.set_finality(1, 3)
    pause = 61.0
    for _ in range(MOST_ROUNDS):
        _one_round(world, pause)
        check_all(world)
        if not _whom_is_something_owed(world) and not _unpublished(world) and _is_quiet(world):
            return
        pause = min(LONGEST_ROUND, pause * 1.3)


def _one_round(world: LiveWorld, pause: float) -> None:
    for upgrade_id, run in sorted(world.executions.running):
        execute(world, upgrade_id, world.clock.sleep)
        world.executions.finish(upgrade_id, run)
    world.one_clock.sleep(pause)
    world.sweeping.run()


def check_end(world: LiveWorld) -> None:
    """Nobody lost an NFT, and everybody may go on."""
    assert _whom_is_something_owed(world) == []
    assert not _unpublished(world)
    assert _is_quiet(world), {u.id: u.status for u in world.store.upgrades.values()}
    for user in world.users:
        _check_free(world, user)


def rightful_burns(world: LiveWorld) -> list[Burned]:
    """By the owner's own hand, after he had opened a request for it."""
    upgrades = world.store.upgrades.values()
    opened: dict[tuple[str, str], int] = {}
    for upgrade in upgrades:
        place = (upgrade.nft_id, upgrade.user_id)
        opened[place] = min(upgrade.opened_slot, opened.get(place, upgrade.opened_slot))
    return [
        burn
        for burn in burns(world.ground.ledger)
        if world.made_by[burn.signature] in BY_OWN_HAND
        and opened.get((burn.mint, burn.owner), burn.slot + 1) <= burn.slot
    ]


def _whom_is_something_owed(world: LiveWorld) -> list[Burned]:
    made = {(minted.mint, minted.recipient) for minted in mints(world.ground.ledger)}
    completed = {u.nft_id for u in world.store.upgrades.values() if u.status is Status.COMPLETED}
    return [
        burn
        for burn in rightful_burns(world)
        if (successor_of(burn.mint), burn.owner) not in made or burn.mint not in completed
    ]


def _unpublished(world: LiveWorld) -> bool:
    published = {event.event_id for event in world.kafka.events}
    return published != {event.event_id for event in committed_events(world)}


def _is_quiet(world: LiveWorld) -> bool:
    """Whoever is still active waits for an operator."""
    upgrades = world.store.upgrades.values()
    return all(u.status not in ACTIVE or u.status is Status.UNDER_REVIEW for u in upgrades)


def _check_free(world: LiveWorld, user: User) -> None:
    """Unless an operator has his request, he can open the next one for what he holds."""
    lock = world.store.locks.get(f"{LockKind.USER}#{user.address}")
    if lock is not None:
        assert world.store.upgrades[lock.holder].status is Status.UNDER_REVIEW
        return
    owner_lock = world.store.locks.get(f"{LockKind.OWNER}#{user.address}")
    for mint in world.held_by(user):
        nft = world.rows[mint]
        assert nft.status is NftStatus.ACTIVE, "the registry says that a living NFT is not active"
        try:
            world.opening.open(user.address, mint, nft.level + 1)
        except AlreadyOwnsNft:
            # At most one active NFT per user: it must really be another one.
            assert owner_lock is not None and owner_lock.holder != mint
            continue
        check_all(world)
        return
