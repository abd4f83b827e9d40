"""What must be true of chain, requests, locks, events and registry at every single moment."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from local.solana.ledger import Commitment
from nft_upgrade.domain.events import EventType, UpgradeEvent, first_broken_link
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import ACTIVE, BURNED, LockKind, Status, Upgrade
from tests.machine.ledger_reading import Burned, burns, final_slot, mints
from tests.machine.live_world import BY_OWN_HAND, LiveWorld
from tests.use_cases.world import BASE

GIVEN_UP = {EventType.UPGRADE_CANCELLED, EventType.UPGRADE_EXPIRED, EventType.UPGRADE_FAILED}


def check_all(world: LiveWorld) -> None:
    """AssertionError with the first thing that is wrong."""
    check_chain(world)
    for upgrade in world.store.upgrades.values():
        check_history(world, upgrade)
        check_burned(world, upgrade)
        check_refusals(world, upgrade)
        check_attempts(world, upgrade)
    check_published(world)
    check_locks(world)
    check_registry(world)


def successor_of(mint: str) -> str:
    """Where the one successor of an NFT is: recomputed here, as anybody can."""
    tagged = b"nft-upgrade/successor/1\x00" + bytes(Pubkey.from_string(mint))
    seed = hashlib.sha256(tagged).hexdigest()[:32]
    return str(Pubkey.create_with_seed(Pubkey.from_string(BASE), seed, TOKEN_2022_PROGRAM_ID))


def check_chain(world: LiveWorld) -> None:
    """At most one successor, only of what is burned for good, only for who held it then."""
    ledger = world.ground.ledger
    burned = {burn.mint: burn for burn in burns(ledger)}
    owed = {successor_of(mint): burn for mint, burn in burned.items()}
    first = {mint for mint, nft in world.rows.items() if nft.predecessor is None}
    made = [minted for minted in mints(ledger) if minted.mint not in first]
    for minted in made:
        burn = owed.get(minted.mint)
        assert burn is not None, f"{minted.mint} was minted for nothing that is burned"
        assert burn.slot <= final_slot(ledger), "minted for a burn that is not final"
        assert burn.slot < minted.slot, "minted before the burn"
        assert minted.recipient == burn.owner, "the successor went to somebody else"
        assert world.made_by[burn.signature] in BY_OWN_HAND, "minted for a delegate's burn"
    assert max(Counter(minted.mint for minted in made).values(), default=1) == 1


def check_history(world: LiveWorld, upgrade: Upgrade) -> None:
    """Gapless, chained, as far as the upgrade is; after a proven burn nothing is given up."""
    events = world.store.events[upgrade.id]
    assert first_broken_link(events) is None
    assert len(events) == upgrade.version
    assert events[-1].hash == upgrade.last_event_hash
    assert events[-1].status == upgrade.status
    types = [event.type for event in events]
    if EventType.BURN_CONFIRMED in types:
        after = types[types.index(EventType.BURN_CONFIRMED) + 1 :]
        assert not GIVEN_UP & set(after), "given up after a proven burn"
        assert upgrade.status in BURNED
    assert types.count(EventType.BURN_CONFIRMED) <= 1
    assert types.count(EventType.UPGRADE_COMPLETED) <= 1


def check_burned(world: LiveWorld, upgrade: Upgrade) -> None:
    """A status after the burn means a final burn by this user; `completed` a final successor."""
    if upgrade.status not in BURNED:
        return
    ledger = world.ground.ledger
    burn = burn_of(world, upgrade.nft_id)
    assert burn is not None and burn.slot <= final_slot(ledger), "believed before it was final"
    assert (burn.owner, burn.signature) == (upgrade.user_id, upgrade.burn_signature)
    if upgrade.status is Status.COMPLETED:
        minted = next((each for each in mints(ledger) if each.mint == upgrade.successor), None)
        assert minted is not None, "completed without a successor"
        assert minted.slot <= final_slot(ledger), "completed before it was final"
        assert minted.signature == upgrade.mint_signature


def check_refusals(world: LiveWorld, upgrade: Upgrade) -> None:
    """No rightful burn is refused, and no operator gets what is none of his business."""
    burn = burn_of(world, upgrade.nft_id)
    is_rightful = (
        burn is not None
        and burn.owner == upgrade.user_id
        and burn.slot >= upgrade.opened_slot
        and world.made_by[burn.signature] in BY_OWN_HAND
    )
    for event in world.store.events[upgrade.id]:
        if event.type is EventType.BURN_REJECTED and burn is not None:
            refused = event.data["proof"]["signature"] == burn.signature
            assert not (is_rightful and refused), "a rightful burn was refused"
    if upgrade.status is Status.UNDER_REVIEW:
        assert burn is not None and burn.owner == upgrade.user_id and not is_rightful


def check_attempts(world: LiveWorld, upgrade: Upgrade) -> None:
    """Whatever was replaced by a newer attempt can never land any more."""
    ledger = world.ground.ledger
    final = ledger.view(Commitment.FINALIZED)
    for attempt in world.store.attempts.get(upgrade.id, [])[:-1]:
        if attempt.signature is not None and final.height <= attempt.last_valid_block_height + 32:
            landed = ledger.find(world.program.signature_text(attempt.signature), final)
            assert landed is not None and landed.error is not None, "replaced while it may land"


def burn_of(world: LiveWorld, mint: str) -> Burned | None:
    return next((burn for burn in burns(world.ground.ledger) if burn.mint == mint), None)


def check_published(world: LiveWorld) -> None:
    """Only what is committed is published, in its order; marked only what is published."""
    committed = {each.event_id: each for each in committed_events(world)}
    firsts = dict.fromkeys(event.event_id for event in world.kafka.events)
    assert all(committed.get(event.event_id) == event for event in world.kafka.events)
    assert world.store.published <= set(firsts)
    for upgrade_id in world.store.upgrades:
        sequences = [committed[each].sequence for each in firsts if each.startswith(upgrade_id)]
        assert sequences == list(range(1, len(sequences) + 1)), "published out of order"


def committed_events(world: LiveWorld) -> Iterator[UpgradeEvent]:
    for events in world.store.events.values():
        yield from events


def check_locks(world: LiveWorld) -> None:
    """An active request holds its locks and nobody else does; a proven burn's are for ever."""
    expected: dict[str, str] = {}
    for upgrade in world.store.upgrades.values():
        if upgrade.status in ACTIVE:
            assert upgrade.nft_lock.item not in expected, "two active requests for one NFT"
            expected[upgrade.nft_lock.item] = upgrade.id
            if not _came_late(world, upgrade):
                assert upgrade.user_lock.item not in expected, "two active requests of one user"
                expected[upgrade.user_lock.item] = upgrade.id
        if upgrade.status in BURNED:
            expected[f"{LockKind.BURN}#{upgrade.nft_id}"] = upgrade.id
            signature = f"{LockKind.SIGNATURE}#{upgrade.burn_signature}#{upgrade.nft_id}"
            expected[signature] = upgrade.id
    kinds = (LockKind.USER, LockKind.NFT, LockKind.BURN, LockKind.SIGNATURE)
    held = {item: lock.holder for item, lock in world.store.locks.items() if lock.kind in kinds}
    assert held == expected


def _came_late(world: LiveWorld, upgrade: Upgrade) -> bool:
    """Its burn was proven after it was given up: the user may have another request."""
    return any(event.type in GIVEN_UP for event in world.store.events[upgrade.id])


def check_registry(world: LiveWorld) -> None:
    """Each row says what the requests say; an NFT is its owner's one active NFT."""
    upgrades = world.store.upgrades.values()
    active = {u.nft_id for u in upgrades if u.status in ACTIVE and u.status not in BURNED}
    burned = {u.nft_id: u for u in upgrades if u.status in BURNED}
    completed = {u.successor: u for u in upgrades if u.status is Status.COMPLETED}
    for mint, nft in world.rows.items():
        assert (nft.status is NftStatus.BURNED) == (mint in burned)
        assert (nft.status is NftStatus.UPGRADING) == (mint in active)
        if nft.predecessor is not None:
            upgrade = completed[mint]
            assert (nft.predecessor, nft.level) == (upgrade.nft_id, upgrade.target_level)
        assert nft.successor == (burned[mint].successor if mint in burned else None)
    assert set(completed) <= set(world.rows)
    owned = [lock.holder for lock in world.store.locks.values() if lock.kind is LockKind.OWNER]
    assert len(owned) == len(set(owned)), "one NFT is the active one of two users"
