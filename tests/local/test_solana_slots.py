import pytest

from local.solana.ledger import genesis_hash
from local.solana.slots import FIRST_SLOT, Era, Schedule
from tests.local.solana_chain import SOL, START, Chain, Refused, keypair, transfer


@pytest.fixture
def chain() -> Chain:
    return Chain()


def schedule(skip_every: int = 20) -> Schedule:
    return Schedule(genesis_hash("tests"), [Era(FIRST_SLOT, START, 0.4)], skip_every)


def test_slots_follow_the_wall_clock(chain: Chain) -> None:
    before = chain.ask("getSlot", {"commitment": "processed"})
    chain.pass_slots(5)
    assert chain.ask("getSlot", {"commitment": "processed"}) == before + 5


def test_each_commitment_lags_as_configured() -> None:
    chain = Chain(confirmed_after=2, finalized_after=7)
    heights = {
        each: chain.ask("getBlockHeight", {"commitment": each})
        for each in ("processed", "confirmed", "finalized")
    }
    assert heights["processed"] - heights["confirmed"] == 2
    assert heights["processed"] - heights["finalized"] == 7


def test_finalized_is_the_commitment_of_those_who_name_none(chain: Chain) -> None:
    assert chain.ask("getSlot") == chain.ask("getSlot", {"commitment": "finalized"})


def test_skipped_slots_have_no_block_so_heights_fall_behind_slots() -> None:
    slots = schedule()
    heights = [slots.height_of(slot) for slot in range(FIRST_SLOT, FIRST_SLOT + 60)]
    assert heights[-1] - heights[0] == 56
    assert not any(slots.is_skipped(slots.slot_of(height)) for height in set(heights))
    assert [slots.height_of(slots.slot_of(height)) for height in heights] == heights


def test_no_slot_is_skipped_when_so_ordered() -> None:
    assert schedule(0).height_of(FIRST_SLOT + 39) == FIRST_SLOT + 39
    assert schedule(0).slot_of(FIRST_SLOT + 39) == FIRST_SLOT + 39


def test_block_time_is_when_the_slot_began(chain: Chain) -> None:
    chain.pass_slots(12)
    assert chain.ask("getBlockTime", FIRST_SLOT + 10) == int(START + 4)


def test_a_skipped_slot_has_no_block_time(chain: Chain) -> None:
    chain.pass_slots(30)
    with pytest.raises(Refused) as refused:
        chain.ask("getBlockTime", FIRST_SLOT + 19)
    assert refused.value.code == -32007


def test_a_future_slot_has_no_block_time(chain: Chain) -> None:
    with pytest.raises(Refused) as refused:
        chain.ask("getBlockTime", FIRST_SLOT + 1000)
    assert refused.value.code == -32004


def test_a_blockhash_is_valid_up_to_its_last_valid_block_height(chain: Chain) -> None:
    latest = chain.value("getLatestBlockhash", {"commitment": "processed"})
    processed = {"commitment": "processed"}
    while chain.ask("getBlockHeight", processed) < latest["lastValidBlockHeight"]:
        chain.pass_slots(1)
    assert chain.value("isBlockhashValid", latest["blockhash"], processed) is True
    chain.pass_slots(2)
    assert chain.value("isBlockhashValid", latest["blockhash"], processed) is False


def test_a_blockhash_is_unknown_to_banks_older_than_it(chain: Chain) -> None:
    newest = str(chain.blockhash("processed"))
    assert chain.value("isBlockhashValid", newest, {"commitment": "finalized"}) is False
    chain.finalize()
    assert chain.value("isBlockhashValid", newest, {"commitment": "finalized"}) is True


def test_advance_moves_slots_at_once_and_keeps_block_times(chain: Chain) -> None:
    before = chain.ask("getSlot", {"commitment": "processed"})
    chain.ledger.advance(200)
    assert chain.ask("getSlot", {"commitment": "processed"}) == before + 200
    assert chain.ask("getBlockTime", before + 100) <= int(chain.clock.moment)


def test_slots_never_go_back_when_the_wall_clock_does(chain: Chain) -> None:
    chain.pass_slots(10)
    slot = chain.ask("getSlot", {"commitment": "processed"})
    chain.clock.moment -= 3
    assert chain.ask("getSlot", {"commitment": "processed"}) == slot


def test_min_context_slot_is_honoured(chain: Chain) -> None:
    slot = chain.ask("getSlot", {"commitment": "processed"})
    address = str(keypair("anyone").pubkey())
    with pytest.raises(Refused) as refused:
        chain.ask("getBalance", address, {"commitment": "finalized", "minContextSlot": slot})
    assert refused.value.code == -32016
    assert refused.value.data == {"contextSlot": chain.ask("getSlot")}
    chain.ask("getBalance", address, {"commitment": "processed", "minContextSlot": slot})


def test_genesis_and_faucet_follow_from_the_seed() -> None:
    assert Chain().ask("getGenesisHash") == Chain().ask("getGenesisHash")
    assert Chain(seed="other").ask("getGenesisHash") != Chain().ask("getGenesisHash")


def test_programs_see_the_slot_and_time_of_their_block(chain: Chain) -> None:
    chain.wallet("user")
    clock = chain.ledger.svm.vm.get_clock()
    assert chain.ledger.landed[-1].slot == clock.slot
    assert clock.unix_timestamp == chain.ledger.schedule.time_of(clock.slot)


def test_epoch_info_counts_slots_and_transactions(chain: Chain) -> None:
    user = chain.wallet("user")
    chain.send(chain.signed([transfer(user, user.pubkey(), SOL)], user))
    info = chain.ask("getEpochInfo", {"commitment": "processed"})
    assert info["absoluteSlot"] == info["epoch"] * info["slotsInEpoch"] + info["slotIndex"]
    assert info["transactionCount"] == 2
    assert chain.ask("getTransactionCount", {"commitment": "finalized"}) == 1
