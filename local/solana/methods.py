"""Every method the node answers, by its JSON-RPC name."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from local.solana import account_methods, cluster_methods, transaction_methods
from local.solana.ledger import Ledger
from local.solana.params import Params

Method: TypeAlias = Callable[[Ledger, Params], Any]

METHODS: Mapping[str, Method] = {
    "getAccountInfo": account_methods.get_account_info,
    "getBalance": account_methods.get_balance,
    "getMinimumBalanceForRentExemption": account_methods.get_minimum_balance_for_rent_exemption,
    "getMultipleAccounts": account_methods.get_multiple_accounts,
    "getProgramAccounts": account_methods.get_program_accounts,
    "getTokenAccountBalance": account_methods.get_token_account_balance,
    "getTokenAccountsByOwner": account_methods.get_token_accounts_by_owner,
    "getTokenLargestAccounts": account_methods.get_token_largest_accounts,
    "getTokenSupply": account_methods.get_token_supply,
    "getBlockHeight": cluster_methods.get_block_height,
    "getBlockTime": cluster_methods.get_block_time,
    "getEpochInfo": cluster_methods.get_epoch_info,
    "getFeeForMessage": cluster_methods.get_fee_for_message,
    "getFirstAvailableBlock": cluster_methods.get_first_available_block,
    "getGenesisHash": cluster_methods.get_genesis_hash,
    "getHealth": cluster_methods.get_health,
    "getIdentity": cluster_methods.get_identity,
    "getLatestBlockhash": cluster_methods.get_latest_blockhash,
    "getRecentPrioritizationFees": cluster_methods.get_recent_prioritization_fees,
    "getSlot": cluster_methods.get_slot,
    "getTransactionCount": cluster_methods.get_transaction_count,
    "getVersion": cluster_methods.get_version,
    "isBlockhashValid": cluster_methods.is_blockhash_valid,
    "getSignatureStatuses": transaction_methods.get_signature_statuses,
    "getSignaturesForAddress": transaction_methods.get_signatures_for_address,
    "getTransaction": transaction_methods.get_transaction,
    "requestAirdrop": transaction_methods.request_airdrop,
    "sendTransaction": transaction_methods.send_transaction,
    "simulateTransaction": transaction_methods.simulate_transaction,
}
