"""Methods about slots, blockhashes, fees and the node itself."""

from typing import Any

from solders.keypair import Keypair
from solders.message import from_bytes_versioned

from local.solana import messages
from local.solana.errors import InvalidParams, RpcFailure
from local.solana.ledger import EPOCH_SLOTS, MAX_AGE, Commitment, Ledger, View
from local.solana.params import Params, hash_of, pubkey_of
from local.solana.shapes import FEATURE_SET, VERSION, Json, in_context


def get_slot(ledger: Ledger, params: Params) -> int:
    return params.config(0).view(ledger).slot


def get_block_height(ledger: Ledger, params: Params) -> int:
    return params.config(0).view(ledger).height


def get_latest_blockhash(ledger: Ledger, params: Params) -> Json:
    view = params.config(0).view(ledger)
    return in_context(view, latest_blockhash(ledger, view))


def latest_blockhash(ledger: Ledger, view: View) -> Json:
    """The hash of `view`'s block and the last height at which it is good."""
    return {
        "blockhash": str(ledger.schedule.blockhash_of(view.slot)),
        "lastValidBlockHeight": view.height + MAX_AGE,
    }


def is_blockhash_valid(ledger: Ledger, params: Params) -> Json:
    blockhash, view = hash_of(params.text(0)), params.config(1).view(ledger)
    return in_context(view, ledger.is_valid(blockhash, view))


def get_block_time(ledger: Ledger, params: Params) -> int:
    slot = params.integer(0)
    if slot > ledger.view(Commitment.CONFIRMED).slot:
        raise RpcFailure(-32004, f"Block not available for slot {slot}")
    if ledger.schedule.is_skipped(slot):
        raise RpcFailure(
            -32007, f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot"
        )
    return ledger.schedule.time_of(slot)


def get_epoch_info(ledger: Ledger, params: Params) -> Json:
    view = params.config(0).view(ledger)
    return {
        "absoluteSlot": view.slot,
        "blockHeight": view.height,
        "epoch": view.slot // EPOCH_SLOTS,
        "slotIndex": view.slot % EPOCH_SLOTS,
        "slotsInEpoch": EPOCH_SLOTS,
        "transactionCount": ledger.count(view),
    }


def get_transaction_count(ledger: Ledger, params: Params) -> int:
    return ledger.count(params.config(0).view(ledger))


def get_genesis_hash(ledger: Ledger, params: Params) -> str:
    return str(ledger.schedule.genesis_hash)


def get_version(ledger: Ledger, params: Params) -> Json:
    return {"solana-core": VERSION, "feature-set": FEATURE_SET}


def get_health(ledger: Ledger, params: Params) -> str:
    return "ok"


def get_identity(ledger: Ledger, params: Params) -> Json:
    return {"identity": str(Keypair.from_seed(bytes(ledger.schedule.genesis_hash)).pubkey())}


def get_first_available_block(ledger: Ledger, params: Params) -> int:
    return ledger.schedule.eras[0].first_slot


def get_fee_for_message(ledger: Ledger, params: Params) -> Json:
    wire = messages.decode_bytes(params.text(0), "base64", what="message")
    view = params.config(1).view(ledger)
    try:
        message = from_bytes_versioned(wire)
    except ValueError as error:
        raise InvalidParams(f"failed to deserialize VersionedMessage: {error}") from error
    is_payable = ledger.is_valid(message.recent_blockhash, view)
    return in_context(view, messages.fee_of(message) if is_payable else None)


def get_recent_prioritization_fees(ledger: Ledger, params: Params) -> list[Any]:
    addresses = {pubkey_of(text) for text in params.texts(0)} if params.values else set()
    tip = ledger.tip
    lowest: dict[int, int] = {}
    for landed in ledger.since(ledger.schedule.slot_of(tip.height - MAX_AGE)):
        if addresses <= landed.writable:
            lowest[landed.slot] = min(landed.unit_price, lowest.get(landed.slot, 2**64))
    heights = range(tip.height - MAX_AGE + 1, tip.height + 1)
    slots = (ledger.schedule.slot_of(height) for height in heights)
    return [{"slot": slot, "prioritizationFee": lowest.get(slot, 0)} for slot in slots]
