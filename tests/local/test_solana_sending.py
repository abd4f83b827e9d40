import base64

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.message import MessageV1, TransactionConfig, to_bytes_versioned
from solders.transaction import VersionedTransaction

from tests.local.solana_chain import CONFIRMED, SOL, Chain, Refused, keypair, transfer, wire


@pytest.fixture
def chain() -> Chain:
    return Chain()


def test_a_transfer_moves_lamports_and_costs_its_fee(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    chain.send(chain.signed([transfer(user, friend, SOL)], user))
    assert chain.lamports(friend) == SOL
    assert chain.lamports(user.pubkey()) == 9 * SOL - 5000


def test_reads_at_each_commitment_show_the_state_of_its_slot(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    chain.send(chain.signed([transfer(user, friend, SOL)], user))
    assert chain.lamports(friend, "confirmed") == 0
    assert chain.value("getAccountInfo", str(friend), {"commitment": "finalized"}) is None
    chain.pass_slots(1)
    assert chain.lamports(friend, "confirmed") == SOL
    assert chain.lamports(friend, "finalized") == 0
    chain.finalize()
    assert chain.lamports(friend, "finalized") == SOL


def test_pre_and_post_balances_are_those_around_the_transaction(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    meta = chain.meta(chain.send(chain.signed([transfer(user, friend, SOL)], user)))
    assert meta["preBalances"] == [10 * SOL, 0, 1]
    assert meta["postBalances"] == [9 * SOL - 5000, SOL, 1]
    assert (meta["fee"], meta["err"], meta["status"]) == (5000, None, {"Ok": None})


def test_preflight_runs_at_finalized_unless_told_otherwise(chain: Chain) -> None:
    user = chain.wallet("user")
    transaction = chain.signed([transfer(user, user.pubkey(), 1)], user)
    with pytest.raises(Refused) as refused:
        chain.ask("sendTransaction", wire(transaction), {"encoding": "base64"})
    assert refused.value.code == -32002
    assert refused.value.data["err"] == "BlockhashNotFound"
    assert str(refused.value) == "Transaction simulation failed: Blockhash not found"


def test_preflight_sees_the_balances_of_its_commitment(chain: Chain) -> None:
    blockhash = chain.blockhash("finalized")
    user = keypair("user")
    chain.ask("requestAirdrop", str(user.pubkey()), SOL)
    transaction = chain.signed([transfer(user, user.pubkey(), 1)], user, blockhash=blockhash)
    with pytest.raises(Refused, match="no record of a prior credit") as refused:
        chain.send(transaction, preflightCommitment="finalized")
    assert refused.value.data["err"] == "AccountNotFound"
    assert chain.send(transaction, preflightCommitment="processed")


def test_simulating_the_past_leaves_the_present_as_it_is(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    chain.send(chain.signed([transfer(user, friend, SOL)], user))
    simulated = chain.value(
        "simulateTransaction",
        wire(chain.signed([transfer(user, friend, 10 * SOL)], user)),
        {"encoding": "base64", "commitment": "finalized", "replaceRecentBlockhash": True},
    )
    assert simulated["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert f"insufficient lamports {10 * SOL - 5000}" in str(simulated["logs"])
    assert chain.lamports(friend) == SOL


def test_a_program_error_in_preflight_carries_error_logs_and_units(chain: Chain) -> None:
    user = chain.wallet("user")
    transaction = chain.signed([transfer(user, keypair("friend").pubkey(), 99 * SOL)], user)
    with pytest.raises(Refused) as refused:
        chain.send(transaction)
    assert str(refused.value).endswith("Error processing Instruction 0: custom program error: 0x1")
    assert refused.value.data["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert refused.value.data["unitsConsumed"] == 150
    assert "failed: custom program error: 0x1" in refused.value.data["logs"][-1]
    assert chain.lamports(user.pubkey()) == 10 * SOL


def test_a_failed_transaction_lands_with_its_error_and_pays_its_fee(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    transaction = chain.signed([transfer(user, friend, 99 * SOL)], user)
    signature = chain.send(transaction, skipPreflight=True)
    assert chain.lamports(user.pubkey()) == 10 * SOL - 5000
    meta = chain.meta(signature)
    assert meta["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert meta["status"] == {"Err": meta["err"]}
    [status] = chain.value("getSignatureStatuses", [signature])
    assert status["err"] == meta["err"]


def test_a_failed_transaction_keeps_its_signature(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    transaction = chain.signed([transfer(user, friend, 12 * SOL)], user)
    chain.send(transaction, skipPreflight=True)
    chain.ask("requestAirdrop", str(user.pubkey()), 10 * SOL)
    with pytest.raises(Refused, match="already been processed") as refused:
        chain.send(transaction)
    assert refused.value.data["err"] == "AlreadyProcessed"
    assert chain.lamports(friend) == 0


def test_a_duplicate_answers_the_same_signature_and_lands_once(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    transaction = chain.signed([transfer(user, friend, SOL)], user)
    signature = chain.send(transaction)
    assert chain.send(transaction, skipPreflight=True, maxRetries=0) == signature
    assert chain.send(transaction, preflightCommitment="confirmed") == signature
    assert chain.lamports(friend) == SOL


def test_an_expired_blockhash_is_refused_in_preflight_and_dropped_without(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    transaction = chain.signed([transfer(user, friend, SOL)], user)
    chain.pass_slots(170)
    with pytest.raises(Refused, match="Blockhash not found"):
        chain.send(transaction)
    signature = chain.send(transaction, skipPreflight=True)
    assert chain.value("getSignatureStatuses", [signature]) == [None]
    assert chain.lamports(friend) == 0


def test_a_blockhash_lands_until_its_last_valid_height(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    latest = chain.value("getLatestBlockhash", {"commitment": "processed"})
    blockhash = Hash.from_string(latest["blockhash"])
    transaction = chain.signed([transfer(user, friend, SOL)], user, blockhash=blockhash)
    while chain.ledger.tip.height < latest["lastValidBlockHeight"]:
        chain.pass_slots(1)
    chain.send(transaction, skipPreflight=True)
    assert chain.lamports(friend) == SOL


def test_a_wrong_signature_is_refused_in_preflight_and_dropped_without(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    message = chain.signed([transfer(user, friend, SOL)], user).message
    forged = VersionedTransaction.populate(message, [keypair("thief").sign_message(b"other")])
    with pytest.raises(Refused) as refused:
        chain.send(forged)
    assert refused.value.code == -32003
    assert chain.send(forged, skipPreflight=True) == str(forged.signatures[0])
    assert chain.lamports(friend) == 0


def test_a_payer_without_money_lands_nothing(chain: Chain) -> None:
    poor = keypair("poor")
    transaction = chain.signed([transfer(poor, poor.pubkey(), 1)], poor)
    with pytest.raises(Refused, match="no record of a prior credit"):
        chain.send(transaction)
    signature = chain.send(transaction, skipPreflight=True)
    chain.finalize()
    assert chain.ask("getTransaction", signature) is None


def test_simulation_checks_signatures_only_when_asked(chain: Chain) -> None:
    user = chain.wallet("user")
    message = chain.signed([transfer(user, user.pubkey(), 1)], user).message
    unsigned = VersionedTransaction.populate(message, [keypair("x").sign_message(b"x")])
    config = {"encoding": "base64", "commitment": "processed"}
    assert chain.value("simulateTransaction", wire(unsigned), config)["err"] is None
    checked = chain.value("simulateTransaction", wire(unsigned), {**config, "sigVerify": True})
    assert checked["err"] == "SignatureFailure"


def test_simulation_replaces_the_blockhash_when_asked(chain: Chain) -> None:
    user = chain.wallet("user")
    old = chain.signed([transfer(user, user.pubkey(), 1)], user, blockhash=Hash.default())
    config = {"encoding": "base64", "commitment": "confirmed"}
    assert chain.value("simulateTransaction", wire(old), config)["err"] == "BlockhashNotFound"
    replaced = chain.value(
        "simulateTransaction", wire(old), {**config, "replaceRecentBlockhash": True}
    )
    latest = chain.value("getLatestBlockhash", {"commitment": "confirmed"})
    assert (replaced["err"], replaced["replacementBlockhash"]) == (None, latest)


def test_simulation_shows_the_accounts_asked_for_as_they_would_be(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    addresses = [str(friend), str(user.pubkey())]
    simulated = chain.value(
        "simulateTransaction",
        wire(chain.signed([transfer(user, friend, SOL)], user)),
        {
            "encoding": "base64",
            "commitment": "confirmed",
            "accounts": {"encoding": "base64", "addresses": addresses},
        },
    )
    assert [each["lamports"] for each in simulated["accounts"]] == [SOL, 9 * SOL - 5000]
    assert chain.lamports(friend) == 0


def test_sig_verify_and_replaced_blockhash_exclude_each_other(chain: Chain) -> None:
    user = chain.wallet("user")
    both = {"encoding": "base64", "sigVerify": True, "replaceRecentBlockhash": True}
    with pytest.raises(Refused) as refused:
        chain.ask(
            "simulateTransaction",
            wire(chain.signed([transfer(user, user.pubkey(), 1)], user)),
            both,
        )
    assert refused.value.code == -32602


def test_airdrops_of_the_same_amount_in_one_slot_are_two(chain: Chain) -> None:
    user = str(keypair("user").pubkey())
    first, second = (chain.ask("requestAirdrop", user, SOL) for _ in range(2))
    assert first != second
    assert chain.lamports(keypair("user").pubkey()) == 2 * SOL


def test_priority_fees_are_charged_quoted_and_reported(chain: Chain) -> None:
    user = chain.wallet("user")
    instructions = [
        set_compute_unit_limit(100_000),
        set_compute_unit_price(2_000_000),
        transfer(user, user.pubkey(), 1),
    ]
    transaction = chain.signed(instructions, user)
    message = wire_message(transaction)
    assert chain.value("getFeeForMessage", message, {"commitment": "processed"}) == 205_000
    chain.send(transaction)
    assert chain.lamports(user.pubkey()) == 10 * SOL - 205_000
    fees = chain.ask("getRecentPrioritizationFees", [str(user.pubkey())])
    assert len(fees) == 150
    assert [each for each in fees if each["prioritizationFee"]] == [
        {"slot": chain.ledger.tip.slot, "prioritizationFee": 2_000_000}
    ]
    others = chain.ask("getRecentPrioritizationFees", [str(keypair("stranger").pubkey())])
    assert not any(each["prioritizationFee"] for each in others)


@pytest.mark.parametrize("legacy", [True, False])
def test_quoted_fees_are_the_fees_charged(chain: Chain, legacy: bool) -> None:
    user = chain.wallet("user")
    instructions = [set_compute_unit_price(777_777), transfer(user, user.pubkey(), 1)]
    transaction = chain.signed(instructions, user, legacy=legacy)
    quoted = chain.value("getFeeForMessage", wire_message(transaction), {"commitment": "processed"})
    assert chain.meta(chain.send(transaction))["fee"] == quoted


def test_the_fee_of_an_expired_message_is_unknown(chain: Chain) -> None:
    user = chain.wallet("user")
    message = wire_message(chain.signed([transfer(user, user.pubkey(), 1)], user))
    chain.pass_slots(170)
    assert chain.value("getFeeForMessage", message) is None


def test_a_version_1_transaction_lands_and_is_shown_to_those_who_can_read_it(chain: Chain) -> None:
    user, friend = chain.wallet("user"), keypair("friend").pubkey()
    config = TransactionConfig(priority_fee=1234, compute_unit_limit=50_000)
    message = MessageV1.try_compile(
        user.pubkey(), [transfer(user, friend, SOL)], chain.blockhash(), config
    )
    transaction = VersionedTransaction(message, [user])
    quoted = chain.value("getFeeForMessage", wire_message(transaction), {"commitment": "confirmed"})
    signature = chain.send(transaction)
    chain.pass_slots(2)
    shown = chain.ask("getTransaction", signature, CONFIRMED)
    assert shown["version"] == 1
    assert shown["meta"]["fee"] == quoted
    assert shown["transaction"]["message"]["transactionConfig"]["priorityFee"] == 1234
    with pytest.raises(Refused) as refused:
        chain.ask("getTransaction", signature, {**CONFIRMED, "maxSupportedTransactionVersion": 0})
    assert refused.value.code == -32015


@pytest.mark.parametrize("text", ["", "AAAA", "////", "%%%", "gQ" * 40])
def test_what_is_no_transaction_is_refused(chain: Chain, text: str) -> None:
    for method in ("sendTransaction", "simulateTransaction"):
        with pytest.raises(Refused) as refused:
            chain.ask(method, text, {"encoding": "base64"})
        assert refused.value.code == -32602


def test_a_transaction_beyond_the_packet_size_is_refused(chain: Chain) -> None:
    user = chain.wallet("user")
    instructions = [transfer(user, keypair(f"friend {n}").pubkey(), 1) for n in range(30)]
    with pytest.raises(Refused, match="too large"):
        chain.send(chain.signed(instructions, user))


def wire_message(transaction: VersionedTransaction) -> str:
    """Base64 of the message alone."""
    return base64.b64encode(to_bytes_versioned(transaction.message)).decode()
