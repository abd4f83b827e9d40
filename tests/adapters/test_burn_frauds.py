"""Frauds and mistakes on a real SVM: each is refused, or held for a human, with its own code."""

import pytest
import solders.system_program as system
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import MINT_LEN, TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain import base58
from nft_upgrade.domain.burn import Verdict
from nft_upgrade.domain.burn_checks import NOT_FOUND_AFTER
from tests.adapters.court import Court, account_of, burn_own, classic_burn, problem_of
from tests.calling_program import FAKE_TOKEN_PROGRAM
from tests.chain_builders import INCINERATOR, OWNER, STRANGER, approve, burn, keypair, move
from tests.local.solana_chain import CONFIRMED
from tests.local.solana_chain import Chain as OtherCluster
from tests.local.solana_chain import burn as devnet_burn

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def test_a_burn_of_another_nft_is_refused(court: Court, mint: Pubkey) -> None:
    other = court.world.give_nft()
    signature = court.world.send([burn_own(other)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_wrong_mint")


def test_a_burn_by_another_owner_is_refused(court: Court) -> None:
    mint = court.world.give_nft(STRANGER)
    account = account_of(mint, STRANGER)
    signature = court.world.send([burn(account, mint, STRANGER.pubkey())], STRANGER)
    proof = court.judge(signature, mint)
    assert problem_of(proof) == (Verdict.REJECTED, "burn_wrong_owner")
    assert proof.owner == str(STRANGER.pubkey())


def test_a_failed_burn_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint, amount=2)], OWNER, fails=True)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_tx_failed")


@pytest.mark.parametrize("target", [STRANGER.pubkey(), INCINERATOR])
def test_a_transfer_is_no_burn_not_even_to_the_incinerator(
    court: Court, mint: Pubkey, target: Pubkey
) -> None:
    signature = court.world.send(move(account_of(mint), mint, OWNER.pubkey(), target), OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_is_transfer")


def test_a_burn_of_amount_zero_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint, amount=0)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_incomplete")


def test_a_look_at_the_nft_is_no_burn_even_after_it_was_burned_elsewhere(
    court: Court, mint: Pubkey
) -> None:
    # The supply is 0 by then, but this signature did not do it.
    nothing = court.world.send([burn_own(mint, amount=0)], OWNER)
    court.world.send([burn_own(mint)], OWNER)
    assert problem_of(court.judge(nothing, mint)) == (Verdict.REJECTED, "burn_incomplete")


def test_the_signature_of_an_unrelated_transaction_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([Instruction(MEMO, b"unrelated", [])], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_wrong_mint")


def test_a_burn_by_a_delegate_is_for_a_human(court: Court, mint: Pubkey) -> None:
    account = account_of(mint)
    court.world.send([approve(account, mint, OWNER.pubkey(), STRANGER.pubkey())], OWNER)
    signature = court.world.send([burn(account, mint, STRANGER.pubkey())], STRANGER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.UNDER_REVIEW, "burn_by_delegate")


def test_a_delegates_burn_that_the_owner_pays_for_is_still_for_a_human(
    court: Court, mint: Pubkey
) -> None:
    account = account_of(mint)
    court.world.send([approve(account, mint, OWNER.pubkey(), STRANGER.pubkey())], OWNER)
    signature = court.world.send([burn(account, mint, STRANGER.pubkey())], OWNER, STRANGER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.UNDER_REVIEW, "burn_by_delegate")


def test_an_nft_that_changes_hands_and_burns_at_once_is_for_a_human(
    court: Court, mint: Pubkey
) -> None:
    moved = move(account_of(mint), mint, OWNER.pubkey(), STRANGER.pubkey())
    burned = burn(account_of(mint, STRANGER), mint, STRANGER.pubkey())
    signature = court.world.send([*moved, burned], OWNER, STRANGER)
    assert problem_of(court.judge(signature, mint)) == (
        Verdict.UNDER_REVIEW,
        "burn_unsupported_transaction",
    )


def test_a_burn_under_another_program_than_the_pinned_one_is_for_a_human(
    court: Court, classic: Pubkey
) -> None:
    signature = court.world.send([classic_burn(classic)], OWNER)
    verdict, code = problem_of(court.judge(signature, classic, token_program=TOKEN_2022))
    assert (verdict, code) == (Verdict.UNDER_REVIEW, "burn_unsupported_transaction")


def test_a_strangers_claim_of_the_owners_burn_is_refused(court: Court, mint: Pubkey) -> None:
    # The signature is public as soon as it is on chain: anybody can send it in.
    signature = court.world.send([burn_own(mint)], OWNER)
    proof = court.judge(signature, mint, owner=str(STRANGER.pubkey()))
    assert problem_of(proof) == (Verdict.REJECTED, "burn_wrong_owner")
    assert proof.owner == str(OWNER.pubkey())


def test_one_signature_is_refused_for_a_second_request(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    proof = court.judge(signature, mint, signature_used_by_other=True)
    assert problem_of(proof) == (Verdict.REJECTED, "burn_already_used")


def test_an_nft_that_has_its_successor_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    proof = court.judge(signature, mint, already_redeemed=True)
    assert problem_of(proof) == (Verdict.REJECTED, "already_redeemed")


def test_an_nft_of_another_level_is_refused(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    proof = court.judge(signature, mint, level=4)
    assert problem_of(proof) == (Verdict.REJECTED, "burn_wrong_level")


def test_a_burn_before_the_request_is_for_a_human(court: Court, mint: Pubkey) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    opened = court.chain.slot(commitment="finalized") + 1
    proof = court.judge(signature, mint, opened_slot=opened)
    assert problem_of(proof) == (Verdict.UNDER_REVIEW, "burn_before_request")


@pytest.mark.parametrize("spoil", ["1{}", "{}1", "{} ", "0{}"])
def test_a_signature_in_another_spelling_is_refused(court: Court, mint: Pubkey, spoil: str) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    proof = court.judge(signature, mint, signature=spoil.format(signature))
    assert problem_of(proof) == (Verdict.REJECTED, "invalid_signature_format")


def test_a_signature_from_another_cluster_is_waited_for_then_refused(
    court: Court, mint: Pubkey
) -> None:
    devnet = base58.encode(bytes(range(64, 128)))
    height = court.chain.block_height(commitment="finalized")
    waiting = court.judge(devnet, mint, claimed_height=height)
    assert problem_of(waiting) == (Verdict.PENDING, "burn_not_seen")
    over = court.judge(devnet, mint, claimed_height=height - NOT_FOUND_AFTER - 1)
    assert problem_of(over) == (Verdict.REJECTED, "burn_not_found")


def test_a_real_burn_on_another_cluster_is_no_burn_here(court: Court, mint: Pubkey) -> None:
    devnet = OtherCluster(seed="devnet")
    owner = devnet.wallet("owner")
    nft = devnet.mint_nft(owner, "an nft of devnet", TOKEN_2022_PROGRAM_ID)
    transaction = devnet.signed([devnet_burn(owner, nft, TOKEN_2022_PROGRAM_ID)], owner)
    signature = devnet.send(transaction)
    devnet.finalize()
    assert devnet.ask("getTransaction", signature, CONFIRMED)["meta"]["err"] is None
    # Not even its very bytes can be brought here: they name a blockhash of the other cluster.
    with pytest.raises(AssertionError, match="Blockhash not found"):
        court.world.submit(bytes(transaction))
    waiting = court.judge(signature, mint)
    assert problem_of(waiting) == (Verdict.PENDING, "burn_not_seen")
    devnet.opened.close()


def test_a_burn_that_a_later_instruction_undoes_is_refused(court: Court, mint: Pubkey) -> None:
    # The burn's own instruction succeeded; the transaction as a whole did not.
    broken = move(account_of(mint), mint, OWNER.pubkey(), STRANGER.pubkey())
    signature = court.world.send([burn_own(mint), *broken], OWNER, fails=True)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_tx_failed")
    assert court.chain.holder(str(mint)) is not None


def test_a_burn_by_a_program_that_only_looks_like_a_token_program_is_refused(
    court: Court, mint: Pubkey
) -> None:
    real = burn_own(mint)
    fake = Instruction(FAKE_TOKEN_PROGRAM, bytes(real.data), real.accounts)
    signature = court.world.send([fake], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_incomplete")
    transaction = court.chain.burn_evidence(signature, str(mint)).transaction
    assert transaction is not None
    assert transaction.burns == ()


def coin(court: Court, *, amount: int, keeps_authority: bool = False) -> Pubkey:
    """A mint that is no NFT: OWNER holds `amount` of it, and may be able to mint more."""
    mint = keypair(f"coin {court.world.blockhash().value}")
    create = system.create_account(
        system.CreateAccountParams(
            from_pubkey=OWNER.pubkey(),
            to_pubkey=mint.pubkey(),
            lamports=court.world.rent(MINT_LEN),
            space=MINT_LEN,
            owner=TOKEN_2022_PROGRAM_ID,
        )
    )
    initialize = spl.initialize_mint2(
        models.InitializeMint2Params(
            decimals=0,
            program_id=TOKEN_2022_PROGRAM_ID,
            mint=mint.pubkey(),
            mint_authority=OWNER.pubkey(),
        )
    )
    account = spl.create_associated_token_account(
        OWNER.pubkey(), OWNER.pubkey(), mint.pubkey(), TOKEN_2022_PROGRAM_ID
    )
    instructions = [create, initialize, account, mint_to(mint.pubkey(), amount)]
    if not keeps_authority:
        instructions.append(
            spl.set_authority(
                models.SetAuthorityParams(
                    account=mint.pubkey(),
                    authority=models.AuthorityType.MINT_TOKENS,
                    current_authority=OWNER.pubkey(),
                    program_id=TOKEN_2022_PROGRAM_ID,
                )
            )
        )
    court.world.send(instructions, OWNER, mint)
    return mint.pubkey()


def mint_to(mint: Pubkey, amount: int) -> Instruction:
    return spl.mint_to(
        models.MintToParams(
            amount=amount,
            dest=account_of(mint),
            mint=mint,
            mint_authority=OWNER.pubkey(),
            program_id=TOKEN_2022_PROGRAM_ID,
        )
    )


def test_one_of_two_is_no_nft(court: Court) -> None:
    mint = coin(court, amount=2)
    signature = court.world.send([burn_own(mint)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_incomplete")


def test_a_supply_that_lies_elsewhere_too_is_refused(court: Court) -> None:
    mint = coin(court, amount=2)
    court.world.send(move(account_of(mint), mint, OWNER.pubkey(), STRANGER.pubkey()), OWNER)
    signature = court.world.send([burn_own(mint)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "supply_not_zero")


def test_a_mint_that_somebody_can_mint_again_is_for_a_human(court: Court) -> None:
    mint = coin(court, amount=1, keeps_authority=True)
    signature = court.world.send([burn_own(mint)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (
        Verdict.UNDER_REVIEW,
        "mint_authority_left",
    )


def test_a_mint_that_was_minted_again_after_its_burn_is_refused(court: Court) -> None:
    mint = coin(court, amount=1, keeps_authority=True)
    signature = court.world.send([burn_own(mint)], OWNER)
    court.world.send([mint_to(mint, 1)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "supply_not_zero")


def test_a_burn_that_is_minted_again_at_once_is_refused(court: Court) -> None:
    mint = coin(court, amount=1, keeps_authority=True)
    signature = court.world.send([burn_own(mint), mint_to(mint, 1)], OWNER)
    assert problem_of(court.judge(signature, mint)) == (Verdict.REJECTED, "burn_incomplete")


def test_an_nft_owned_by_a_multisig_is_for_a_human(court: Court, mint: Pubkey) -> None:
    # Only members signed; whether they may speak for the owner is not ours to decide.
    multisig = keypair(f"multisig {mint}")
    court.world.send(
        multisig_of(court, multisig, OWNER.pubkey(), STRANGER.pubkey()), OWNER, multisig
    )
    court.world.send(move(account_of(mint), mint, OWNER.pubkey(), multisig.pubkey()), OWNER)
    burned = spl.burn_checked(
        models.BurnCheckedParams(
            amount=1,
            decimals=0,
            account=account_of(mint, multisig),
            mint=mint,
            owner=multisig.pubkey(),
            program_id=TOKEN_2022_PROGRAM_ID,
            signers=[OWNER.pubkey()],
        )
    )
    signature = court.world.send([burned], OWNER)
    proof = court.judge(signature, mint, owner=str(multisig.pubkey()))
    assert problem_of(proof) == (Verdict.UNDER_REVIEW, "burn_by_delegate")


def multisig_of(court: Court, multisig: Keypair, *members: Pubkey) -> list[Instruction]:
    """One of its members is enough."""
    size = 355
    create = system.create_account(
        system.CreateAccountParams(
            from_pubkey=OWNER.pubkey(),
            to_pubkey=multisig.pubkey(),
            lamports=court.world.rent(size),
            space=size,
            owner=TOKEN_2022_PROGRAM_ID,
        )
    )
    initialize = spl.initialize_multisig(
        models.InitializeMultisigParams(
            program_id=TOKEN_2022_PROGRAM_ID, multisig=multisig.pubkey(), m=1, signers=list(members)
        )
    )
    return [create, initialize]


def test_another_transaction_than_the_one_asked_for_proves_nothing(
    court: Court, mint: Pubkey
) -> None:
    signature = court.world.send([burn_own(mint)], OWNER)
    asked = base58.encode(bytes(range(1, 65)))
    proof = court.judge(signature, mint, signature=asked)
    assert problem_of(proof) == (Verdict.PENDING, "provider_answer_invalid")
