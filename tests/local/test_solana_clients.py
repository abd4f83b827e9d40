"""solana-py's client, unmodified, through every method the node answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import DataSliceOpts, MemcmpOpts, TokenAccountOpts, TxOpts
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.errors import SendTransactionPreflightFailureMessage
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionConfirmationStatus
from spl.token.constants import MINT_LEN, TOKEN_PROGRAM_ID

from tests.fixtures.solana import SolanaNode
from tests.local.solana_chain import SOL, ata, mint_instructions, transfer

QUICK = 0.02


def run(node: SolanaNode, work: Callable[[AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with AsyncClient(node.url, commitment=Confirmed) as client:
            await work(client)

    asyncio.run(main())


async def funded(client: AsyncClient) -> Keypair:
    wallet = Keypair()
    signature = (await client.request_airdrop(wallet.pubkey(), 5 * SOL)).value
    await client.confirm_transaction(signature, Finalized, QUICK)
    return wallet


async def signed(
    client: AsyncClient, instructions: list[Instruction], *signers: Keypair
) -> VersionedTransaction:
    blockhash = (await client.get_latest_blockhash()).value.blockhash
    message = MessageV0.try_compile(signers[0].pubkey(), instructions, [], blockhash)
    return VersionedTransaction(message, list(signers))


async def sent(
    client: AsyncClient, instructions: list[Instruction], *signers: Keypair
) -> Signature:
    signature = (await client.send_transaction(await signed(client, instructions, *signers))).value
    await client.confirm_transaction(signature, Finalized, QUICK)
    return signature


async def nft(client: AsyncClient, owner: Keypair) -> Pubkey:
    mint = Keypair()
    rent = (await client.get_minimum_balance_for_rent_exemption(MINT_LEN)).value
    instructions = mint_instructions(rent, owner, mint, TOKEN_PROGRAM_ID, 1)
    await sent(client, instructions, owner, mint)
    return mint.pubkey()


def info(data: Any) -> Any:
    """The facts in parsed account data."""
    return data.parsed["info"]


def test_the_cluster_describes_itself(solana: SolanaNode) -> None:
    async def work(client: AsyncClient) -> None:
        assert await client.is_connected()
        assert (await client.get_version()).value.solana_core
        assert (await client.get_genesis_hash()).value
        assert (await client.get_identity()).value.identity
        slot = (await client.get_slot(Processed)).value
        assert (await client.get_block_height(Processed)).value < slot
        first = (await client.get_first_available_block()).value
        assert (await client.get_block_time(first)).value
        epoch = (await client.get_epoch_info()).value
        assert epoch.absolute_slot > epoch.block_height
        assert (await client.get_transaction_count()).value >= 0

    run(solana, work)


def test_a_transfer_is_sent_confirmed_and_read_back(solana: SolanaNode) -> None:
    async def work(client: AsyncClient) -> None:
        user, friend = await funded(client), Keypair().pubkey()
        latest = (await client.get_latest_blockhash()).value
        message = MessageV0.try_compile(
            user.pubkey(), [transfer(user, friend, SOL)], [], latest.blockhash
        )
        assert (await client.get_fee_for_message(message)).value == 5000
        transaction = VersionedTransaction(message, [user])
        simulated = (await client.simulate_transaction(transaction, sig_verify=True)).value
        assert (simulated.err, simulated.units_consumed) == (None, 150)
        options = TxOpts(
            skip_confirmation=False,
            preflight_commitment=Confirmed,
            last_valid_block_height=latest.last_valid_block_height,
        )
        signature = (await client.send_transaction(transaction, options)).value
        assert (await client.get_balance(friend)).value == SOL
        status = (await client.confirm_transaction(signature, Finalized, QUICK)).value[0]
        assert status is not None
        assert status.confirmation_status == TransactionConfirmationStatus.Finalized
        await reads_back(client, transaction, user.pubkey())

    run(solana, work)


async def reads_back(
    client: AsyncClient, transaction: VersionedTransaction, address: Pubkey
) -> None:
    signature = transaction.signatures[0]
    for encoding in ("json", "jsonParsed", "base64", "base58"):
        shown = await client.get_transaction(
            signature, encoding, max_supported_transaction_version=0
        )
        assert shown.value is not None
        meta = shown.value.transaction.meta
        assert meta is not None
        assert (meta.fee, meta.err) == (5000, None)
        assert meta.post_balances[1] - meta.pre_balances[1] == SOL
    entries = (await client.get_signatures_for_address(address, limit=1)).value
    assert [each.signature for each in entries] == [signature]
    fees = (await client.get_recent_prioritization_fees([address])).value
    assert {each.prioritization_fee for each in fees} == {0}


def test_accounts_are_read_in_every_form(solana: SolanaNode) -> None:
    async def work(client: AsyncClient) -> None:
        user = await funded(client)
        mint = await nft(client, user)
        account = (await client.get_account_info(mint)).value
        assert account is not None
        assert (account.owner, len(account.data)) == (TOKEN_PROGRAM_ID, MINT_LEN)
        part = DataSliceOpts(offset=4, length=32)
        sliced = (await client.get_account_info(mint, encoding="base58", data_slice=part)).value
        assert sliced is not None
        assert sliced.data == bytes(user.pubkey())
        parsed = (await client.get_account_info_json_parsed(mint)).value
        assert parsed is not None
        assert info(parsed.data)["supply"] == "1"
        several = (await client.get_multiple_accounts([mint, Keypair().pubkey()])).value
        assert (several[0], several[1]) == (account, None)
        both = (await client.get_multiple_accounts_json_parsed([mint])).value
        assert both[0] == parsed

    run(solana, work)


def test_tokens_are_read_in_every_form(solana: SolanaNode) -> None:
    async def work(client: AsyncClient) -> None:
        user = await funded(client)
        mint = await nft(client, user)
        address, owner = ata(user, mint, TOKEN_PROGRAM_ID), user.pubkey()
        assert (await client.get_token_account_balance(address)).value.amount == "1"
        assert (await client.get_token_supply(mint)).value.ui_amount_string == "1"
        [largest] = (await client.get_token_largest_accounts(mint)).value
        assert largest.address == address
        for wanted in (TokenAccountOpts(mint=mint), TokenAccountOpts(program_id=TOKEN_PROGRAM_ID)):
            [keyed] = (await client.get_token_accounts_by_owner(owner, wanted)).value
            assert keyed.pubkey == address
            [shown] = (await client.get_token_accounts_by_owner_json_parsed(owner, wanted)).value
            assert info(shown.account.data)["tokenAmount"]["amount"] == "1"
        filters: list[int | MemcmpOpts] = [165, MemcmpOpts(offset=0, bytes=str(mint))]
        found = await client.get_program_accounts(
            TOKEN_PROGRAM_ID, encoding="base64", filters=filters
        )
        assert [each.pubkey for each in found.value] == [address]
        held = await client.get_program_accounts_json_parsed(TOKEN_PROGRAM_ID, filters=filters)
        assert held.value[0].pubkey == address

    run(solana, work)


def test_a_refused_send_carries_the_preflight_result(solana: SolanaNode) -> None:
    async def work(client: AsyncClient) -> None:
        user = await funded(client)
        transaction = await signed(client, [transfer(user, Keypair().pubkey(), 99 * SOL)], user)
        with pytest.raises(RPCException) as refused:
            await client.send_transaction(transaction)
        failure = refused.value.args[0]
        assert isinstance(failure, SendTransactionPreflightFailureMessage)
        assert failure.data.units_consumed == 150
        assert "insufficient lamports" in str(failure.data.logs)

    run(solana, work)
