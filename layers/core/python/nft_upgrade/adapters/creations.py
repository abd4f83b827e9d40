"""Finds in a transaction which addresses it allocated under our base key. No I/O.

`allocate_with_seed` at top level with the base's signature: the System program accepts nothing
else, and our signer signs nothing else (chain.md section 2). The address must be the one that base
and seed give. A stranger's transaction that names the base key allocates nothing under it.

Bincode of SystemInstruction::AllocateWithSeed: 9 (u32), base, seed (u64 length, text), space (u64),
owner. Read here and not with `solders`, whose decoder panics on an instruction without accounts.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.burn_proof import observed_transaction
from nft_upgrade.domain.nft_account import Creation

ALLOCATE_WITH_SEED = (9).to_bytes(4, "little")
_SEED_AT = 44
"""After the tag, the base and the seed's length."""
_LONGEST_SEED = 32


def creations_of(answer: Mapping[str, Any], base: str) -> Sequence[Creation]:
    """`answer` is the result of getTransaction (base64), not null. Unreadable: nothing."""
    seen = observed_transaction(answer, finalized=True)
    if seen.error is not None or not seen.signatures_valid or base not in seen.signers:
        return ()
    transaction = VersionedTransaction.from_bytes(base64.b64decode(answer["transaction"][0]))
    block_time = answer.get("blockTime")
    created_at = None if block_time is None else datetime.fromtimestamp(block_time, UTC)
    holders = {held.mint: held.owner for held in seen.post_balances if held.amount == 1}
    return [
        Creation(mint, seen.signature, holders.get(mint), created_at)
        for mint in _allocated(transaction, Pubkey.from_string(base))
    ]


def _allocated(transaction: VersionedTransaction, base: Pubkey) -> Iterator[str]:
    keys = transaction.message.account_keys
    for compiled in transaction.message.instructions:
        first = compiled.accounts[0] if compiled.accounts else len(keys)
        if keys[compiled.program_id_index] != SYSTEM_PROGRAM or first >= len(keys):
            continue  # An address out of a look-up table is in no message of ours.
        derived = _derived(bytes(compiled.data), base)
        if derived is not None and keys[first] == derived:
            yield str(derived)


def _derived(data: bytes, base: Pubkey) -> Pubkey | None:
    """The address that the instruction allocates, when it is one under `base` for Token-2022."""
    length = int.from_bytes(data[36:_SEED_AT], "little")
    seed = data[_SEED_AT : _SEED_AT + min(length, _LONGEST_SEED)]
    start, end = ALLOCATE_WITH_SEED + bytes(base), bytes(TOKEN_2022_PROGRAM_ID)
    is_whole = len(data) == _SEED_AT + length + 8 + len(end)
    if not (is_whole and data.startswith(start) and data.endswith(end) and seed.isascii()):
        return None
    return Pubkey.create_with_seed(base, seed.decode("ascii"), TOKEN_2022_PROGRAM_ID)
