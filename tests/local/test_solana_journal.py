from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from local.solana.journal import FILE_NAME, JournalBroken
from tests.local.solana_chain import CONFIRMED, SOL, Chain, burn, keypair, transfer

BASE64 = {"encoding": "base64"}


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes every journal at the end."""
    with ExitStack() as stack:
        yield stack


def lively(folder: Path, opened: ExitStack) -> tuple[Chain, str]:
    """A ledger with an airdrop, an NFT, its burn and a failed transfer; the failed signature."""
    chain = Chain(None, opened, data_dir=folder)
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_2022_PROGRAM_ID)
    chain.pass_slots(3)
    chain.send(chain.signed([burn(user, mint, TOKEN_2022_PROGRAM_ID)], user))
    chain.ledger.advance(30)
    too_much = chain.signed([transfer(user, keypair("friend").pubkey(), 99 * SOL)], user)
    return chain, chain.send(too_much, skipPreflight=True)


def seen(chain: Chain) -> object:
    """All that a client could compare."""
    user = str(keypair("user").pubkey())
    history = chain.ask("getSignaturesForAddress", user, {"commitment": "confirmed"})
    return (
        chain.ask("getGenesisHash"),
        chain.ask("getSlot"),
        chain.value("getLatestBlockhash"),
        history,
        [chain.ask("getTransaction", each["signature"], CONFIRMED) for each in history],
        chain.value("getAccountInfo", user, BASE64),
        chain.value(
            "getTokenAccountsByOwner", user, {"programId": str(TOKEN_2022_PROGRAM_ID)}, BASE64
        ),
    )


def test_a_ledger_goes_on_where_it_stopped(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    chain.finalize()
    assert seen(chain.reopened()) == seen(chain)


def test_a_reopened_ledger_can_be_reopened(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    again = chain.reopened()
    user = keypair("user")
    again.send(again.signed([transfer(user, keypair("late").pubkey(), SOL)], user))
    again.finalize()
    third = again.reopened()
    assert third.lamports(keypair("late").pubkey()) == SOL
    assert seen(third) == seen(again)


def test_unfinalized_transactions_are_still_unfinalized_after_a_restart(
    tmp_path: Path, opened: ExitStack
) -> None:
    chain, failed = lively(tmp_path, opened)
    again = chain.reopened()
    [status] = again.value("getSignatureStatuses", [failed])
    assert status["confirmationStatus"] == "processed"
    assert again.lamports(keypair("user").pubkey(), "finalized") != again.lamports(
        keypair("user").pubkey()
    )


def test_slots_went_on_while_the_node_was_down(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    slot, blockhash = chain.ask("getSlot"), str(chain.blockhash())
    chain.clock.pass_slots(200)
    again = chain.reopened()
    assert again.ask("getSlot") == slot + 200
    assert again.value("isBlockhashValid", blockhash) is False


def test_slots_of_another_length_start_from_the_current_one(
    tmp_path: Path, opened: ExitStack
) -> None:
    chain, _ = lively(tmp_path, opened)
    slot = chain.ask("getSlot")
    again = chain.reopened(slot_ms=200)
    assert again.ask("getSlot") == slot
    again.pass_slots(10)
    assert again.ask("getSlot") > slot + 18


def test_a_signature_stays_processed_after_a_restart(tmp_path: Path, opened: ExitStack) -> None:
    chain = Chain(None, opened, data_dir=tmp_path)
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    transaction = chain.signed([transfer(user, friend, SOL)], user)
    chain.send(transaction)
    again = chain.reopened()
    again.send(transaction, skipPreflight=True)
    assert again.lamports(friend) == SOL


def test_a_torn_last_line_is_cut_off(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    chain.finalize()
    journal = tmp_path / FILE_NAME
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"slot":43600')
    again = chain.reopened()
    assert seen(again) == seen(chain)
    again.ask("requestAirdrop", str(keypair("user").pubkey()), SOL)
    assert journal.read_bytes().startswith(whole + b'{"slot":')
    assert seen(again.reopened()) == seen(again)


def test_every_cut_of_the_journal_opens(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path / "whole", opened)
    whole = (tmp_path / "whole" / FILE_NAME).read_bytes()
    for number, cut in enumerate(range(0, len(whole), 97)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(whole[:cut])
        reopened = chain.reopened(folder)
        assert len(reopened.ledger.landed) <= len(chain.ledger.landed)


def test_another_seed_does_not_continue_this_ledger(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    with pytest.raises(JournalBroken, match="another ledger"):
        chain.reopened(seed="other")


def test_without_a_seed_the_folder_decides(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    assert chain.reopened(seed=None).ask("getGenesisHash") == chain.ask("getGenesisHash")


def test_a_line_that_is_no_json_is_pointed_at(tmp_path: Path, opened: ExitStack) -> None:
    chain, _ = lively(tmp_path, opened)
    journal = tmp_path / FILE_NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b"garbage\n", *lines[2:]]))
    with pytest.raises(JournalBroken, match="line 3"):
        chain.reopened()


def test_a_transaction_that_ends_differently_is_pointed_at(
    tmp_path: Path, opened: ExitStack
) -> None:
    chain, failed = lively(tmp_path, opened)
    journal = tmp_path / FILE_NAME
    journal.write_bytes(journal.read_bytes().replace(b'{"Custom":1}', b'{"Custom":7}'))
    with pytest.raises(JournalBroken, match=failed):
        chain.reopened()
