"""Atomic mode: burn and mint in one transaction, signed by the wallet first and by us last."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import AccountMeta, Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from local.solana.messages import is_writable
from nft_upgrade.adapters.atomic_transaction import LIGHTHOUSE, signature_text
from nft_upgrade.domain.errors import (
    ChainUnavailable,
    MintingPaused,
    NftNotFree,
    NftNotOwned,
    NotFound,
    UpgradeError,
    WrongStatus,
    WrongTransaction,
)
from nft_upgrade.domain.events import EventType
from nft_upgrade.domain.upgrade import SUBMIT_PATIENCE, LockKind, Status
from nft_upgrade.use_cases.burning import Answer
from tests.fakes.chain import BLOCKHASH_LIFE
from tests.use_cases.world import ALICE, BASE, BOB, NFT_1, NFT_2, World, by_wallet


def rebuilt(transaction: bytes, change: Callable[[list[Instruction]], list[Instruction]]) -> bytes:
    """The same message with other instructions, unsigned, paid by ALICE."""
    message = VersionedTransaction.from_bytes(transaction).message
    keys = message.account_keys
    instructions = [
        Instruction(
            keys[compiled.program_id_index],
            bytes(compiled.data),
            [
                AccountMeta(keys[i], message.is_signer(i), is_writable(message, i))
                for i in compiled.accounts
            ],
        )
        for compiled in message.instructions
    ]
    changed = Message.new_with_blockhash(
        change(instructions), Pubkey.from_string(ALICE), message.recent_blockhash
    )
    empty = [Signature.default()] * changed.header.num_required_signatures
    return bytes(VersionedTransaction.populate(changed, empty))


def test_burn_and_mint_land_together_and_the_upgrade_completes() -> None:
    world = World()
    upgrade = world.submitted()
    assert (upgrade.status, upgrade.awaits_cosignature) == (Status.BURN_PENDING, True)
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED
    assert done.burn_signature == done.mint_signature == upgrade.burn_signature
    assert done.submitted is None
    assert world.chain.minted(done.successor, recipient=ALICE, commitment="finalized")
    assert len(world.chain) == 1 and len(world.signer.signed) == 1


def test_the_history_is_that_of_any_upgrade() -> None:
    world = World()
    upgrade = world.run_workflow(world.submitted())
    assert [event.type for event in world.upgrades.events(upgrade.id)] == [
        EventType.UPGRADE_INITIATED,
        EventType.BURN_PENDING,
        EventType.BURN_CONFIRMED,
        EventType.MINT_STARTED,
        EventType.UPGRADE_COMPLETED,
    ]


def test_nothing_is_sent_or_signed_before_it_is_written_down() -> None:
    world = World()
    upgrade = world.submitted()
    assert world.chain.sent == [] and world.signer.signed == []
    assert world.burning.verify(upgrade.id).awaits_cosignature
    world.minting.submit(upgrade.id)
    stored = world.now(upgrade)
    assert stored.submitted is not None and stored.submitted.cosignature is not None
    assert len(world.chain.sent) == 1


def test_the_same_bytes_are_sent_until_they_land() -> None:
    world = World()
    upgrade = world.submitted()
    world.chain.forgets_sends = True
    world.minting.submit(upgrade.id)
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    assert len(world.chain.sent) > 2 and len(set(world.chain.sent)) == 1
    world.chain.forgets_sends = False
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_the_same_transaction_again_answers_the_state() -> None:
    world = World()
    opened = world.open_atomic()
    wire = by_wallet(opened.transaction)
    first = world.submitting.submit(ALICE, opened.upgrade.id, wire)
    again = world.submitting.submit(ALICE, opened.upgrade.id, wire)
    assert (first.answer, again.answer) == (Answer.ACCEPTED, Answer.CURRENT)
    done = world.run_workflow(again.upgrade)
    assert world.submitting.submit(ALICE, opened.upgrade.id, wire).upgrade == done


def test_32_submits_at_once_make_one_transition() -> None:
    world = World()
    opened = world.open_atomic()
    wire = by_wallet(opened.transaction)
    with ThreadPoolExecutor(8) as pool:
        made = [
            pool.submit(world.submitting.submit, ALICE, opened.upgrade.id, wire) for _ in range(32)
        ]
    # Calls in the same instant make the very same transition, which each of them finds committed.
    assert Answer.ACCEPTED in [each.result().answer for each in made]
    assert len(world.upgrades.events(opened.upgrade.id)) == 2


def test_another_transaction_while_one_is_on_its_way_is_refused() -> None:
    world = World()
    upgrade = world.submitted()
    other = rebuilt(
        upgrade.submitted.transaction,  # type: ignore[union-attr]
        lambda all_: [set_compute_unit_limit(7), *all_[2:]],
    )
    with pytest.raises(WrongStatus):
        world.submitting.submit(ALICE, upgrade.id, by_wallet(other))


def test_a_transaction_that_never_landed_frees_the_request_once_it_never_can() -> None:
    world = World()
    upgrade = world.submitted()
    world.chain.forgets_sends = True
    world.minting.submit(upgrade.id)
    world.chain.advance(BLOCKHASH_LIFE // 2)
    assert world.burning.verify(upgrade.id).status is Status.BURN_PENDING
    world.chain.advance(BLOCKHASH_LIFE)
    freed = world.burning.verify(upgrade.id)
    assert freed.status is Status.INITIATED and freed.submitted is None
    assert freed.failure is not None and freed.failure.code == "burn_not_found"
    world.chain.forgets_sends = False
    fresh = by_wallet(world.opening.atomic_transaction(ALICE, upgrade.id))
    again = world.submitting.submit(ALICE, upgrade.id, fresh).upgrade
    assert world.run_workflow(again).status is Status.COMPLETED


def test_a_transaction_that_was_never_cosigned_burns_nothing() -> None:
    world = World()
    upgrade = world.submitted()
    world.signer.down = True
    with pytest.raises(UpgradeError):
        world.minting.submit(upgrade.id)
    assert world.chain.sent == [] and len(world.chain) == 0
    world.signer.down = False
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_what_was_never_signed_is_given_up_once_it_is_dead() -> None:
    world = World()
    upgrade = world.submitted()
    world.signer.down = True
    assert world.burning.verify(upgrade.id).awaits_cosignature
    world.chain.advance(BLOCKHASH_LIFE + 100)
    freed = world.burning.verify(upgrade.id)
    assert (freed.status, freed.submitted) == (Status.INITIATED, None)
    assert world.signer.signed == [] and world.chain.sent == []


def test_a_failed_transaction_burns_nothing_and_the_request_is_open_again() -> None:
    world = World()
    upgrade = world.submitted()
    world.chain.next_error = '{"InstructionError": [0, "Custom"]}'
    world.minting.submit(upgrade.id)
    freed = world.burning.verify(upgrade.id)
    assert freed.status is Status.INITIATED
    assert freed.failure is not None and freed.failure.code == "burn_tx_failed"
    assert world.chain.holder(NFT_1) is not None
    fresh = by_wallet(world.opening.atomic_transaction(ALICE, upgrade.id))
    again = world.submitting.submit(ALICE, upgrade.id, fresh).upgrade
    assert world.run_workflow(again).status is Status.COMPLETED


def test_a_burn_by_itself_excludes_the_transaction_and_gets_the_same_successor() -> None:
    world = World()
    opened = world.open_atomic()
    signature = world.chain.burn(ALICE, NFT_1)
    world.chain.finalize()
    with pytest.raises(NftNotFree):
        world.submitting.submit(ALICE, opened.upgrade.id, by_wallet(opened.transaction))
    claimed = world.burning.confirm(ALICE, opened.upgrade.id, signature).upgrade
    done = world.run_workflow(claimed)
    assert (done.status, done.successor) == (Status.COMPLETED, opened.upgrade.successor)


def test_a_preflight_that_refuses_the_sent_bytes_leaves_the_decision_to_the_chain() -> None:
    world = World()
    upgrade = world.submitted()
    world.chain.refusal = '"AccountNotFound"'
    world.minting.submit(upgrade.id)
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_a_lost_workflow_is_driven_by_the_sweep() -> None:
    world = World()
    world.workflow.is_down = True
    upgrade = world.submitted()
    world.workflow.is_down = False
    world.clock.sleep(SUBMIT_PATIENCE.total_seconds())
    assert world.sweeping.run().driven == 1
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_a_successor_that_was_sold_at_once_still_completes_the_upgrade() -> None:
    world = World()
    upgrade = world.submitted()
    world.minting.submit(upgrade.id)
    world.chain.advance(40)
    world.chain.transfer(ALICE, upgrade.successor, BOB)
    world.chain.finalize()
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED and done.mint_signature == upgrade.burn_signature


def test_strangers_cannot_hide_the_mint_behind_transactions_that_name_the_successor() -> None:
    world = World()
    upgrade = world.submitted()
    world.minting.submit(upgrade.id)
    for _ in range(150):
        world.chain.mention(upgrade.successor, BOB)
    assert world.run_workflow(upgrade).status is Status.COMPLETED


def test_a_transaction_that_lands_after_it_was_given_up_is_the_one_that_counts() -> None:
    world = World()
    upgrade = world.submitted()
    world.chain.forgets_sends = True
    world.minting.submit(upgrade.id)
    world.chain.advance(BLOCKHASH_LIFE + 100)
    assert world.burning.verify(upgrade.id).status is Status.INITIATED
    world.chain.land(world.chain.sent[0])
    world.chain.finalize()
    world.end_executions()
    world.clock.advance(minutes=1)
    assert world.sweeping.run().found_burns == 1
    done = world.run_workflow(upgrade)
    assert done.status is Status.COMPLETED
    assert done.mint_signature == done.burn_signature == upgrade.burn_signature


def test_it_cannot_be_cancelled_while_it_may_land() -> None:
    world = World()
    upgrade = world.submitted()
    world.chain.forgets_sends = True
    world.minting.submit(upgrade.id)
    assert world.ending.cancel(ALICE, upgrade.id).status is Status.BURN_PENDING
    world.chain.advance(BLOCKHASH_LIFE + 100)
    assert world.ending.cancel(ALICE, upgrade.id).status is Status.CANCELLED
    assert world.upgrades.lock(LockKind.USER, ALICE) is None


# --- what is never signed --------------------------------------------------------------------


def memo_of(*accounts: str) -> Instruction:
    program = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
    metas = [AccountMeta(Pubkey.from_string(each), True, False) for each in accounts]
    return Instruction(program, b"hello", metas)


@pytest.mark.parametrize(
    "change",
    [
        lambda all_: all_[:-1],
        lambda all_: [*all_, memo_of(BASE)],
        lambda all_: [*all_, all_[-1]],
        lambda all_: all_[::-1],
        lambda all_: [*all_, Instruction(LIGHTHOUSE, b"x", memo_of(BASE).accounts)],
    ],
    ids=["left out", "memo added", "twice", "reversed", "guard names the system wallet"],
)
def test_anything_but_what_we_built_is_refused(
    change: Callable[[list[Instruction]], list[Instruction]],
) -> None:
    world = World()
    opened = world.open_atomic()
    wire = by_wallet(rebuilt(opened.transaction, change))
    with pytest.raises(WrongTransaction):
        world.submitting.submit(ALICE, opened.upgrade.id, wire)
    assert world.status_of(opened.upgrade) is Status.INITIATED


def test_a_wallets_guard_instructions_are_accepted() -> None:
    world = World()
    opened = world.open_atomic()
    guard = Instruction(LIGHTHOUSE, bytes(60), memo_of(ALICE).accounts)
    wire = by_wallet(rebuilt(opened.transaction, lambda all_: [*all_, guard]))
    assert len(wire) <= 1232
    upgrade = world.submitting.submit(ALICE, opened.upgrade.id, wire).upgrade
    assert world.run_workflow(upgrade).status is Status.COMPLETED


@pytest.mark.parametrize("junk", [b"", b"x", bytes(300), bytes(1300)])
def test_what_is_no_transaction_is_refused(junk: bytes) -> None:
    world = World()
    with pytest.raises(WrongTransaction):
        world.submitting.submit(ALICE, world.open_atomic().upgrade.id, junk)


def test_a_strangers_signature_is_refused() -> None:
    world = World()
    opened = world.open_atomic()
    with pytest.raises(WrongTransaction, match="does not verify"):
        world.submitting.submit(
            ALICE, opened.upgrade.id, by_wallet(opened.transaction, owner="bob")
        )


def test_another_requests_transaction_is_refused() -> None:
    world = World()
    opened = world.open_atomic()
    other = world.open_atomic(BOB, NFT_2)
    with pytest.raises(WrongTransaction):
        world.submitting.submit(ALICE, opened.upgrade.id, by_wallet(other.transaction, "bob"))
    with pytest.raises(NotFound):
        world.submitting.submit(BOB, opened.upgrade.id, by_wallet(opened.transaction))


def test_only_an_atomic_request_takes_a_transaction() -> None:
    world = World()
    upgrade = world.opened()
    with pytest.raises(WrongStatus):
        world.opening.atomic_transaction(ALICE, upgrade.id)
    other = world.open_atomic(BOB, NFT_2)
    with pytest.raises(WrongStatus, match="atomic mode"):
        world.submitting.submit(ALICE, upgrade.id, by_wallet(other.transaction, "bob"))


# --- the preflight ---------------------------------------------------------------------------


def test_minting_that_was_paused_meanwhile_refuses_the_submit() -> None:
    world = World()
    opened = world.open_atomic()
    world.switch.set_paused("maintenance", at=world.clock.now())
    with pytest.raises(MintingPaused):
        world.submitting.submit(ALICE, opened.upgrade.id, by_wallet(opened.transaction))
    assert world.status_of(opened.upgrade) is Status.INITIATED


def test_an_nft_that_was_sold_meanwhile_refuses_the_submit() -> None:
    world = World()
    opened = world.open_atomic()
    world.chain.transfer(ALICE, NFT_1, BOB)
    world.chain.advance()
    with pytest.raises(NftNotOwned):
        world.submitting.submit(ALICE, opened.upgrade.id, by_wallet(opened.transaction))


def test_an_expired_request_takes_no_transaction() -> None:
    world = World()
    opened = world.open_atomic()
    world.clock.sleep(world.policy.upgrade_ttl.total_seconds() + 1)
    with pytest.raises(WrongStatus, match="expired"):
        world.submitting.submit(ALICE, opened.upgrade.id, by_wallet(opened.transaction))


def test_what_a_dry_run_refuses_is_not_handed_out() -> None:
    world = World()
    upgrade = world.open_atomic().upgrade
    world.chain.simulation_error = '"x"'
    with pytest.raises(ChainUnavailable):
        world.opening.atomic_transaction(ALICE, upgrade.id)


def test_the_transaction_is_named_by_its_owners_signature() -> None:
    world = World()
    wire = by_wallet(world.open_atomic().transaction)
    first = VersionedTransaction.from_bytes(wire).signatures[0]
    assert signature_text(wire) == str(first)
