"""Methods about transactions: sending, simulating, looking back."""

from itertools import islice, takewhile
from typing import Any

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from local.solana import messages, outcomes
from local.solana.cluster_methods import latest_blockhash
from local.solana.errors import InvalidParams, PreflightFailed, RpcFailure, SignatureInvalid
from local.solana.ledger import STATUS_CACHE, Commitment, Ledger, View
from local.solana.outcomes import Landed, Simulated
from local.solana.params import Config, Params, pubkey_of, signature_of
from local.solana.shapes import Json, account_json, in_context, transaction_json

MAX_STATUSES = 256
MAX_SIGNATURES = 1000
AIRDROP_UNITS = 10_000
"""Units of the first airdrop; each asks for one more, so that no two have the same signature."""


def send_transaction(ledger: Ledger, params: Params) -> str:
    """The signature, whether it lands or not: the answer means "relayed"."""
    config = params.config(1)
    transaction = _decoded(params, config)
    if config.flag("skipPreflight"):
        _require_loadable(ledger, transaction, ledger.tip)
    else:
        _preflight(ledger, transaction, config.view(ledger, "preflightCommitment"))
    ledger.relay(transaction, resends=config.integer("maxRetries") != 0)
    return str(transaction.signatures[0])


def simulate_transaction(ledger: Ledger, params: Params) -> Json:
    config = params.config(1)
    transaction = _decoded(params, config)
    replaces = config.flag("replaceRecentBlockhash")
    if replaces and config.flag("sigVerify"):
        raise InvalidParams("sigVerify may not be used with replaceRecentBlockhash")
    view = config.view(ledger)
    if config.flag("sigVerify") and not all(transaction.verify_with_results()):
        simulated = outcomes.refused("SignatureFailure")
    else:
        simulated = _simulated(ledger, transaction, view, check_blockhash=not replaces)
    answer = _simulation_json(simulated)
    answer["accounts"] = _accounts_after(ledger, view, simulated, config.get("accounts"))
    answer["replacementBlockhash"] = latest_blockhash(ledger, view) if replaces else None
    if config.flag("innerInstructions"):
        answer["innerInstructions"] = simulated.inner_instructions
    return in_context(view, answer)


def request_airdrop(ledger: Ledger, params: Params) -> str:
    """A transfer from the faucet, like any other."""
    recipient, lamports = params.pubkey(0), params.integer(1)
    faucet = ledger.faucet
    instructions = [
        set_compute_unit_limit(AIRDROP_UNITS + len(ledger.landed) % 1_000_000),
        transfer(
            TransferParams(from_pubkey=faucet.pubkey(), to_pubkey=recipient, lamports=lamports)
        ),
    ]
    blockhash = ledger.schedule.blockhash_of(ledger.tip.slot)
    message = MessageV0.try_compile(faucet.pubkey(), instructions, [], blockhash)
    transaction = VersionedTransaction(message, [faucet])
    landed = ledger.relay(transaction, resends=True)
    if landed is None or landed.error is not None:
        raise RpcFailure(-32603, "Internal error", {"airdrop": landed and landed.error})
    return landed.signature


def get_transaction(ledger: Ledger, params: Params) -> Json | None:
    signature = signature_of(params.required(0))
    given = params.values[1] if len(params.values) > 1 else None
    config = Config({"encoding": given}) if isinstance(given, str) else params.config(1)
    landed = ledger.find(signature, config.confirmed_view(ledger))
    return None if landed is None else transaction_json(landed, ledger, config)


def get_signature_statuses(ledger: Ledger, params: Params) -> Json:
    texts, config = params.texts(0), params.config(1)
    if len(texts) > MAX_STATUSES:
        raise InvalidParams(f"Too many inputs provided; max {MAX_STATUSES}")
    found = [ledger.find(signature_of(text), ledger.tip) for text in texts]
    oldest = 0 if config.flag("searchTransactionHistory") else _oldest_cached_slot(ledger)
    statuses = [
        _status(ledger, landed) if landed and landed.slot >= oldest else None for landed in found
    ]
    return in_context(ledger.tip, statuses)


def get_signatures_for_address(ledger: Ledger, params: Params) -> list[Json]:
    """Newest first: those older than `before`, newer than `until`, at most `limit`."""
    address, config = params.pubkey(0), params.config(1)
    limit = config.integer("limit")
    if limit is None:
        limit = MAX_SIGNATURES
    if not 1 <= limit <= MAX_SIGNATURES:
        raise InvalidParams(f"Invalid limit; max {MAX_SIGNATURES}")
    before, until = (
        config.get(name) and signature_of(config.get(name)) for name in ("before", "until")
    )
    entries = ledger.history(address, config.confirmed_view(ledger))
    if before:
        skipped = takewhile(lambda landed: landed.signature != before, entries)
        for _ in skipped:
            pass
    wanted = takewhile(lambda landed: landed.signature != until, entries)
    return [_signature_json(ledger, landed) for landed in islice(wanted, limit)]


def _decoded(params: Params, config: Config) -> VersionedTransaction:
    encoding = config.text("encoding", "base58")
    if encoding not in ("base58", "base64"):
        raise InvalidParams(
            f"unsupported encoding: {encoding}. Supported encodings: base58, base64"
        )
    return messages.decode_transaction(params.text(0), encoding)


def _preflight(ledger: Ledger, transaction: VersionedTransaction, view: View) -> None:
    """SignatureInvalid, or PreflightFailed with the simulation's answer."""
    _require_loadable(ledger, transaction, view)
    if not all(transaction.verify_with_results()):
        raise SignatureInvalid
    simulated = _simulated(ledger, transaction, view, check_blockhash=True)
    if simulated.reason is not None:
        raise PreflightFailed(simulated.reason, _simulation_json(simulated))


def _require_loadable(ledger: Ledger, transaction: VersionedTransaction, view: View) -> None:
    try:
        ledger.load(transaction, view)
    except messages.LookupFailed as error:
        raise InvalidParams(f"invalid transaction: {error}") from error


def _simulated(
    ledger: Ledger, transaction: VersionedTransaction, view: View, *, check_blockhash: bool
) -> Simulated:
    try:
        return ledger.simulate(transaction, view, check_blockhash=check_blockhash)
    except messages.LookupFailed as error:
        raise InvalidParams(f"invalid transaction: {error}") from error


def _simulation_json(simulated: Simulated) -> Json:
    return {
        "err": simulated.error,
        "logs": simulated.logs,
        "accounts": None,
        "unitsConsumed": simulated.units,
        "returnData": simulated.return_data,
        "innerInstructions": None,
        "replacementBlockhash": None,
        "fee": simulated.fee,
    }


def _accounts_after(
    ledger: Ledger, view: View, simulated: Simulated, wanted: Any
) -> list[Json | None] | None:
    if not isinstance(wanted, dict):
        return None
    addresses = [pubkey_of(text) for text in wanted.get("addresses", [])]
    if simulated.error is not None:
        return [None] * len(addresses)

    def after(pubkey: Pubkey) -> Account | None:
        return simulated.accounts.get(pubkey) or ledger.account(pubkey, view)

    config = Config(wanted)
    return [account_json(after(each), config, default="base64", mint=after) for each in addresses]


def _status(ledger: Ledger, landed: Landed) -> Json:
    commitment = ledger.commitment_of(landed.slot)
    is_final = commitment is Commitment.FINALIZED
    blocks = ledger.tip.height - ledger.schedule.height_of(landed.slot)
    return {
        "slot": landed.slot,
        "confirmations": None if is_final else blocks,
        "err": landed.error,
        "status": landed.meta["status"],
        "confirmationStatus": commitment,
    }


def _oldest_cached_slot(ledger: Ledger) -> int:
    return ledger.schedule.slot_of(ledger.tip.height - STATUS_CACHE)


def _signature_json(ledger: Ledger, landed: Landed) -> Json:
    return {
        "signature": landed.signature,
        "slot": landed.slot,
        "err": landed.error,
        "memo": landed.memo,
        "blockTime": ledger.schedule.time_of(landed.slot),
        "confirmationStatus": ledger.commitment_of(landed.slot),
    }
