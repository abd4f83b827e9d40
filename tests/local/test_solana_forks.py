"""Skipped slots, expired blockhashes, slow finality and forks: faults of the chain itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.hash import Hash
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from local.solana.ledger import Commitment
from local.solana.slots import FIRST_SLOT, Era, Gap, Schedule
from tests.local.solana_app import App
from tests.local.solana_chain import SOL, Chain, burn, keypair, transfer

PROCESSED = {"commitment": "processed"}
BASE64 = {"encoding": "base64", **PROCESSED}
NO_RETRIES = {"maxRetries": 0}


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes every journal at the end."""
    with ExitStack() as stack:
        yield stack


def rooted(chain: Chain) -> Hash:
    """A blockhash that no fork takes away."""
    return chain.blockhash("finalized")


def rollback(chain: Chain, slots: int = 3, **options: object) -> list[str]:
    """Abandon the newest slots; what is gone."""
    since = chain.ledger.tip.slot - slots
    dropped: list[str] | None = options.get("dropped")  # type: ignore[assignment]
    return [each.signature for each in chain.ledger.fork(since, dropped=dropped)]


def test_a_confirmed_transfer_is_rolled_back_and_the_same_bytes_land_again(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    before = chain.lamports(user.pubkey())
    sent = chain.signed([transfer(user, friend, SOL)], user, blockhash=rooted(chain))
    signature = chain.send(sent, **NO_RETRIES)
    chain.pass_slots(2)
    [status] = chain.value("getSignatureStatuses", [signature])
    assert status["confirmationStatus"] == "confirmed"
    assert rollback(chain) == [signature]
    assert chain.value("getSignatureStatuses", [signature]) == [None]
    assert (chain.lamports(user.pubkey()), chain.lamports(friend)) == (before, 0)
    assert chain.ask("getSignaturesForAddress", str(friend), {"commitment": "confirmed"}) == []
    chain.pass_slots(10)
    assert chain.lamports(friend) == 0
    chain.send(sent, **NO_RETRIES)
    chain.finalize()
    assert chain.lamports(friend, "finalized") == SOL


def test_a_node_sends_what_a_fork_dropped_again_unless_told_not_to(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    signature = chain.send(
        chain.signed([transfer(user, friend, SOL)], user, blockhash=rooted(chain))
    )
    chain.pass_slots(1)
    assert rollback(chain) == [signature]
    assert chain.lamports(friend) == 0
    chain.pass_slots(8)
    assert chain.lamports(friend) == SOL


def test_only_what_is_named_is_dropped(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    kept = chain.send(chain.signed([transfer(user, friend, SOL)], user, blockhash=rooted(chain)))
    lost = chain.send(
        chain.signed([transfer(user, friend, 2 * SOL)], user, blockhash=rooted(chain)), **NO_RETRIES
    )
    assert rollback(chain, dropped=[lost]) == [lost]
    assert chain.lamports(friend) == SOL
    assert chain.value("getSignatureStatuses", [kept]) != [None]


def test_what_named_an_abandoned_blockhash_is_lost_for_good(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    chain.pass_slots(2)
    fresh = chain.blockhash("processed")
    sent = chain.signed([transfer(user, friend, SOL)], user, blockhash=fresh)
    signature = chain.send(sent)
    assert rollback(chain, slots=1, dropped=[]) == [signature]
    chain.pass_slots(10)
    assert chain.lamports(friend) == 0
    assert chain.value("isBlockhashValid", str(fresh), PROCESSED) is False


def test_a_burned_nft_lives_again_after_a_fork(chain: Chain) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_2022_PROGRAM_ID)
    chain.finalize()
    chain.send(
        chain.signed([burn(user, mint, TOKEN_2022_PROGRAM_ID)], user, blockhash=rooted(chain)),
        **NO_RETRIES,
    )
    assert chain.value("getTokenSupply", str(mint), PROCESSED)["amount"] == "0"
    rollback(chain, slots=2)
    assert chain.value("getTokenSupply", str(mint), PROCESSED)["amount"] == "1"
    owned = chain.value("getTokenAccountsByOwner", str(user.pubkey()), {"mint": str(mint)}, BASE64)
    assert len(owned) == 1


def test_a_finalized_block_is_never_rolled_back(chain: Chain) -> None:
    chain.wallet("user")
    final = chain.ledger.view(Commitment.FINALIZED).slot
    with pytest.raises(ValueError, match="never rolled back"):
        chain.ledger.fork(final - 1)
    chain.ledger.fork(final)


def test_everything_else_is_the_same_after_a_fork(chain: Chain) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_2022_PROGRAM_ID)
    chain.finalize()
    asked = (
        ("getGenesisHash",),
        ("getSlot",),
        ("getAccountInfo", str(mint), {"encoding": "base64"}),
        ("getSignaturesForAddress", str(user.pubkey())),
        ("getLatestBlockhash",),
    )
    before = [chain.ask(*each) for each in asked]
    rollback(chain, slots=1)
    assert [chain.ask(*each) for each in asked] == before


def test_a_fork_survives_a_restart(tmp_path: Path, opened: ExitStack) -> None:
    chain = Chain(None, opened, data_dir=tmp_path)
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    chain.ledger.skip(4)
    chain.pass_slots(6)
    lost = chain.send(
        chain.signed([transfer(user, friend, SOL)], user, blockhash=rooted(chain)), **NO_RETRIES
    )
    kept = chain.send(
        chain.signed([transfer(user, friend, 3 * SOL)], user, blockhash=rooted(chain))
    )
    rollback(chain, dropped=[lost])
    newest = str(chain.blockhash("processed"))
    again = chain.reopened()
    assert str(again.blockhash("processed")) == newest
    assert again.lamports(friend) == chain.lamports(friend) == 3 * SOL
    assert again.ask("getBlockHeight", PROCESSED) == chain.ask("getBlockHeight", PROCESSED)
    assert again.value("getSignatureStatuses", [lost, kept])[0] is None


def test_skipped_slots_have_no_block_and_bring_no_height(chain: Chain) -> None:
    height = chain.ask("getBlockHeight", PROCESSED)
    slot = chain.ask("getSlot", PROCESSED)
    gap = chain.ledger.skip(10)
    chain.pass_slots(10)
    assert chain.ask("getBlockHeight", PROCESSED) == height
    assert chain.ask("getSlot", PROCESSED) == slot
    chain.pass_slots(5)
    assert chain.ask("getSlot", PROCESSED) >= gap.last + 4
    assert chain.ask("getBlockHeight", PROCESSED) <= height + 5


@given(
    gaps=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=4),
    skip_every=st.sampled_from([0, 2, 20]),
)
@settings(max_examples=60, deadline=None)
def test_every_height_has_one_slot_and_every_block_its_height(
    gaps: list[tuple[int, int]], skip_every: int
) -> None:
    schedule = Schedule(Hash.default(), [Era(0, 0.0, 1.0)], skip_every)
    slot = FIRST_SLOT
    for distance, length in gaps:
        schedule.gaps.append(Gap(slot + distance, slot + distance + length - 1))
        slot += distance + length
    with_block = [s for s in range(FIRST_SLOT, slot + 50) if not schedule.is_skipped(s)]
    heights = [schedule.height_of(s) for s in with_block]
    assert heights == list(range(heights[0], heights[0] + len(heights)))
    assert [schedule.slot_of(height) for height in heights] == with_block


def test_all_blockhashes_expire_at_once() -> None:
    app = App()
    blockhash = str(app.chain.blockhash("processed"))
    assert app.ask("isBlockhashValid", blockhash, PROCESSED)["value"] is True
    app.order(kind="expire-blockhashes")
    assert app.ask("isBlockhashValid", blockhash, PROCESSED)["value"] is False
    last = app.ask("getLatestBlockhash", PROCESSED)["value"]
    assert app.ask("isBlockhashValid", last["blockhash"], PROCESSED)["value"] is True


def test_finality_is_slowed_down_without_taking_back_what_is_final() -> None:
    app = App()
    app.chain.wallet("user")
    final = app.ask("getSlot")
    app.order(kind="finality", confirmed_after=2, finalized_after=30)
    assert app.ask("getSlot") == final
    app.chain.pass_slots(20)
    assert app.ask("getSlot") == final
    app.chain.pass_slots(20)
    assert app.ask("getSlot") > final


def test_a_fork_is_ordered_over_http() -> None:
    app = App()
    chain = app.chain
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    signature = chain.send(
        chain.signed([transfer(user, friend, SOL)], user, blockhash=rooted(chain)), **NO_RETRIES
    )
    chain.pass_slots(1)
    assert app.order(kind="fork", slots=-1) == {"dropped": [signature]}
    assert app.ask("getBalance", str(friend), PROCESSED)["value"] == 0
    assert app.order(kind="skip", slots=2)["last"] > chain.ledger.tip.slot
