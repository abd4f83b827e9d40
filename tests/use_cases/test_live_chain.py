"""Single bad days on the real SVM, from the burn to the end: always exactly one successor."""

from collections.abc import Iterator

import pytest
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID
from spl.token.instructions import create_idempotent_associated_token_account

from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import MintAttempt
from nft_upgrade.use_cases.sending import Progress
from tests.chain_builders import STRANGER, UNITS, sign_message
from tests.local.solana_chain import transfer
from tests.machine.execution import execute
from tests.machine.interleaving import Died, Plan
from tests.machine.invariants import check_all, successor_of
from tests.machine.ledger_reading import final_slot, mints
from tests.machine.live_world import PROGRAM, LiveWorld, User
from tests.machine.settling import check_end, settle

MOST_CALLS = 34
DEAD = 150 + 32 + 20
"""Blocks after which an attempt that did not land is dead."""


@pytest.fixture
def world() -> Iterator[LiveWorld]:
    world = LiveWorld(node_count=1)
    yield world
    world.close()


def opened(world: LiveWorld) -> tuple[User, Upgrade]:
    user = world.users[0]
    (mint,) = world.held_by(user)
    return user, world.opening.open(user.address, mint, 2).upgrade


def burned(world: LiveWorld, kind: str = "burn and close") -> Upgrade:
    """Final and confirmed."""
    user, upgrade = opened(world)
    world.ground.ledger.relay(world.act(user, upgrade.nft_id, kind, user), resends=False)
    world.ground.finalize()
    return world.burning.confirm(user.address, upgrade.id, user.signatures[-1]).upgrade


def prepared(world: LiveWorld) -> Upgrade:
    """Its first attempt is written down, and nothing is sent yet."""
    upgrade = world.burning.verify(burned(world).id)
    assert world.minting.prepare(upgrade.id).progress is Progress.READY
    return upgrade


def sent(world: LiveWorld) -> tuple[Upgrade, MintAttempt]:
    upgrade = prepared(world)
    world.minting.submit(upgrade.id)
    return upgrade, world.history.attempts(upgrade.id)[-1]


def wire_of(attempt: MintAttempt) -> VersionedTransaction:
    assert attempt.signature is not None
    return VersionedTransaction.from_bytes(PROGRAM.wire(attempt.message, attempt.signature))


def run(world: LiveWorld, upgrade: Upgrade) -> None:
    execute(world, upgrade.id, world.clock.sleep)


def has_one_successor(world: LiveWorld, upgrade: Upgrade) -> bool:
    check_all(world)
    made = [
        each for each in mints(world.ground.ledger) if each.mint == successor_of(upgrade.nft_id)
    ]
    assert [each.recipient for each in made] == [upgrade.user_id]
    return world.now(upgrade).status is Status.COMPLETED


# --- griefing --------------------------------------------------------------------------------


def test_a_funded_successor_address_and_a_ready_token_account_do_not_stop_an_upgrade(
    world: LiveWorld,
) -> None:
    upgrade = burned(world)
    successor = Pubkey.from_string(upgrade.successor)
    gift = transfer(STRANGER, successor, 5_000_000)
    world.ground.send(world.ground.signed([gift], STRANGER))
    world.ground.finalize()
    run(world, upgrade)
    assert has_one_successor(world, upgrade)


def test_a_token_account_that_a_stranger_makes_after_the_mint_changes_nothing(
    world: LiveWorld,
) -> None:
    upgrade, _ = sent(world)
    owner, successor = (Pubkey.from_string(each) for each in (upgrade.user_id, upgrade.successor))
    again = create_idempotent_associated_token_account(
        STRANGER.pubkey(), owner, successor, TOKEN_2022_PROGRAM_ID
    )
    world.ground.send(world.ground.signed([again], STRANGER))
    run(world, upgrade)
    assert has_one_successor(world, upgrade)


# --- the sender ------------------------------------------------------------------------------


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, MOST_CALLS))
def test_a_process_that_dies_at_any_call_leaves_one_successor(
    world: LiveWorld, at: int, is_before: bool
) -> None:
    upgrade = burned(world)
    world.gate.plan = Plan(at, is_before, is_death=True)
    for step in (
        world.burning.verify,
        world.minting.prepare,
        world.minting.submit,
        world.minting.await_mint,
        world.minting.complete,
    ):
        try:
            step(upgrade.id)
        except (Died, UpgradeError):
            break
    check_all(world)
    settle(world)
    check_end(world)
    assert has_one_successor(world, upgrade)


def test_the_calls_of_a_mint_are_fewer_than_the_deaths_that_are_tried(world: LiveWorld) -> None:
    upgrade = burned(world)
    world.gate.plan = Plan(10_000, is_before=True, is_death=True)
    run(world, upgrade)
    assert 10 < 10_000 - world.gate.plan.at < MOST_CALLS
    assert has_one_successor(world, upgrade)


def test_a_mint_that_landed_but_is_never_seen_is_not_made_twice(world: LiveWorld) -> None:
    upgrade, attempt = sent(world)
    world.ground.pass_slots(DEAD + 20)
    world.nodes[0].faults.order("getSignatureStatuses", "null", 1_000)
    run(world, upgrade)
    assert len(world.history.attempts(upgrade.id)) == 1
    done = world.now(upgrade)
    assert done.mint_signature == world.sending.signature_text(attempt)
    assert has_one_successor(world, upgrade)


def test_a_mint_whose_sends_are_all_lost_is_built_anew_once_it_is_dead(world: LiveWorld) -> None:
    upgrade = prepared(world)
    world.nodes[0].faults.order("sendTransaction", "drop-send", 1_000)
    world.minting.submit(upgrade.id)
    (first,) = world.history.attempts(upgrade.id)
    assert world.minting.await_mint(upgrade.id).progress is Progress.PENDING
    world.ground.pass_slots(DEAD + 20)
    assert world.minting.await_mint(upgrade.id).progress is Progress.EXPIRED
    world.nodes[0].heal()
    run(world, upgrade)
    assert world.ground.ledger.land(wire_of(first)) is None
    assert len(world.history.attempts(upgrade.id)) == 2
    assert has_one_successor(world, upgrade)


def test_a_mint_that_lands_after_it_looked_expired_is_the_one_that_counts(world: LiveWorld) -> None:
    upgrade = prepared(world)
    world.nodes[0].faults.order("sendTransaction", "drop-send", 1_000)
    world.minting.submit(upgrade.id)
    (attempt,) = world.history.attempts(upgrade.id)
    ledger = world.ground.ledger
    while ledger.tip.height < attempt.last_valid_block_height:
        world.ground.pass_slots(1)
    landed = ledger.land(wire_of(attempt))
    assert landed is not None and landed.error is None
    world.nodes[0].faults.order("getSignatureStatuses", "null", 1_000)
    world.ground.pass_slots(20)
    # Past its last valid height and not seen, but not past the margin: no other is built.
    assert world.minting.prepare(upgrade.id).progress is Progress.READY
    world.nodes[0].heal()
    run(world, upgrade)
    assert len(world.history.attempts(upgrade.id)) == 1
    assert has_one_successor(world, upgrade)


def test_a_confirmed_mint_that_is_rolled_back_lands_again_as_the_same_bytes(
    world: LiveWorld,
) -> None:
    upgrade = prepared(world)
    world.ground.ledger.set_finality(1, 20)
    world.minting.submit(upgrade.id)
    (attempt,) = world.history.attempts(upgrade.id)
    world.ground.pass_slots(3)
    signature = world.sending.signature_text(attempt)
    assert world.chain.minted(upgrade.successor, recipient=upgrade.user_id, commitment="confirmed")
    ledger = world.ground.ledger
    landed = ledger.find(signature, ledger.tip)
    assert landed is not None
    ledger.fork(landed.slot - 1, dropped=[signature])
    assert list(mints(ledger))[-1].mint != upgrade.successor
    run(world, upgrade)
    assert world.now(upgrade).mint_signature == signature
    assert has_one_successor(world, upgrade)


def test_a_confirmed_burn_that_is_rolled_back_was_never_believed(world: LiveWorld) -> None:
    world.ground.ledger.set_finality(1, 20)
    user, upgrade = opened(world)
    burn = world.act(user, upgrade.nft_id, "burn", user)
    world.ground.ledger.relay(burn, resends=False)
    world.ground.pass_slots(3)
    world.burning.confirm(user.address, upgrade.id, user.signatures[-1])
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    ledger = world.ground.ledger
    ledger.fork(final_slot(ledger))
    assert world.held_by(user) == [upgrade.nft_id]
    settle(world)
    assert list(world.store.attempts) == []
    check_end(world)


# --- burns that nobody confirms --------------------------------------------------------------


def test_a_late_burn_of_a_cancelled_request_gets_its_successor(world: LiveWorld) -> None:
    user, upgrade = opened(world)
    world.ending.cancel(user.address, upgrade.id)
    world.ground.ledger.relay(world.act(user, upgrade.nft_id, "burn", user), resends=False)
    settle(world)
    check_end(world)
    assert has_one_successor(world, upgrade)


def test_a_burn_that_nobody_confirms_is_found_by_the_sweep(world: LiveWorld) -> None:
    user, upgrade = opened(world)
    world.ground.ledger.relay(world.act(user, upgrade.nft_id, "burn", user), resends=False)
    settle(world)
    check_end(world)
    assert has_one_successor(world, upgrade)


def test_one_burn_is_no_burn_of_another_users_request(world: LiveWorld) -> None:
    """The signature is sniffed from the chain and named for one's own request."""
    upgrade = burned(world)
    thief = world.users[1]
    (mint,) = world.held_by(thief)
    other = world.opening.open(thief.address, mint, 2).upgrade
    world.burning.confirm(thief.address, other.id, world.users[0].signatures[-1])
    assert world.burning.verify(other.id).status is Status.INITIATED
    run(world, upgrade)
    assert has_one_successor(world, upgrade)


def test_a_second_successor_of_one_nft_is_refused_by_the_chain_itself(world: LiveWorld) -> None:
    """Whatever the database says, and whoever lets the base key sign once more."""
    upgrade = burned(world)
    run(world, upgrade)
    order = world.policy.order(
        recipient=upgrade.user_id,
        level=upgrade.target_level,
        mint_base=upgrade.mint_base,
        predecessor=upgrade.nft_id,
    )
    rent = world.ground.ledger.rent(PROGRAM.account_size(order))
    blockhash = world.live_chain.latest_blockhash()
    message = PROGRAM.mint_message(order, blockhash, rent=rent, units=UNITS, fee=5)
    landed = world.ground.ledger.land(VersionedTransaction.from_bytes(sign_message(message)))
    assert landed is not None and landed.error is not None
    assert has_one_successor(world, upgrade)
