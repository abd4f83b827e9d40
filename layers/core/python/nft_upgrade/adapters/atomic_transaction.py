"""Burn and mint in one transaction: both happen or neither (atomic mode). No I/O, no secrets.

The owner pays the fee and signs first: wallets add guard instructions and choose the compute budget
before they sign, and whoever pays for that must be the one whose wallet chooses. The system wallet
pays the rent alone, exactly as in two-step mode, and signs last.

The system wallet's signature counts for every instruction that names it. So what came back from the
wallet is compared instruction by instruction, account by account, with what we build; only the
compute-budget program and the wallets' guard program may appear besides, and no instruction of
theirs may name the system wallet. The successor's address is that of two-step mode: whichever
transaction lands first excludes the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message, MessageV0, MessageV1, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters import token_program
from nft_upgrade.ports import Blockhash, Holder, MintOrder

LIGHTHOUSE = Pubkey.from_string("L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95")
"""The assertion program that Phantom and Solflare add to what they sign; it changes no account that
it does not own (docs.phantom.com, "Lighthouse")."""
OF_THE_WALLET = frozenset({COMPUTE_BUDGET, LIGHTHOUSE})
"""Programs whose instructions a wallet may add, change or take out."""
LARGEST_TRANSACTION = 1232
"""Bytes of a transaction of version legacy or 0 (PACKET_DATA_SIZE)."""
ROOM_FOR_WALLET = 100
"""Bytes that the wallet's guard instructions may need, the program's address among them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One instruction with its accounts resolved, without what the message says about them."""

    program: Pubkey
    accounts: tuple[Pubkey, ...]
    data: bytes


def atomic_transaction(
    holder: Holder, order: MintOrder, blockhash: Blockhash, *, rent: int, units: int, fee: int
) -> bytes:
    """For the owner's wallet to sign: burn the order's predecessor out of `holder`'s account, close
    that, and mint the successor for the owner. Legacy format; both signatures are empty.

    `rent`, `units` and `fee` as in `TokenProgram.mint_message`. Where the compute budget would take
    the room that the wallet needs, it is left to the wallet: the default limit is enough.
    ValueError: no upgrade, or texts so long that it has to be done in two steps.
    """
    upgrade = _upgrade(holder, order, rent)
    wire = _unsigned([*token_program.budget(units, fee), *upgrade], holder.owner, blockhash)
    if len(wire) > LARGEST_TRANSACTION - ROOM_FOR_WALLET:
        wire = _unsigned(upgrade, holder.owner, blockhash)
    if len(wire) > LARGEST_TRANSACTION - ROOM_FOR_WALLET:
        raise ValueError(f"{len(wire)} bytes leave the wallet too little room in a transaction")
    return wire


def require_atomic(transaction: bytes, order: MintOrder, holder: Holder, *, rent: int) -> bytes:
    """The message for the system wallet to sign; ValueError unless `transaction` is what
    `atomic_transaction` makes of the same facts, wallet's additions aside, signed by its owner.

    The blockhash is free, because some wallets put in a newer one before they sign: whichever is
    valid now may land no longer than the latest one. A durable nonce in its place would need an
    instruction that is not ours.
    """
    if rent > token_program.MOST_RENT:
        raise ValueError("it pays more than any mint may cost")
    parsed = _parsed(transaction)
    message = _plain_message(parsed)
    _require_signers(message, owner=holder.owner, base=order.mint_base)
    _require_owners_signature(parsed)
    calls = list(_calls(message))
    if [call for call in calls if call.program not in OF_THE_WALLET] != [
        _call_of(instruction) for instruction in _upgrade(holder, order, rent)
    ]:
        raise ValueError("not the burn and the mint that the stored facts ask for")
    base = Pubkey.from_string(order.mint_base)
    if any(base in call.accounts for call in calls if call.program in OF_THE_WALLET):
        raise ValueError("an added instruction names the system wallet")
    return to_bytes_versioned(message)


class AtomicTransactions:
    """Fulfils the port AtomicProgram."""

    def transaction(
        self,
        holder: Holder,
        order: MintOrder,
        blockhash: Blockhash,
        *,
        rent: int,
        units: int,
        fee: int,
    ) -> bytes:
        return atomic_transaction(holder, order, blockhash, rent=rent, units=units, fee=fee)

    def require(self, transaction: bytes, order: MintOrder, holder: Holder, *, rent: int) -> bytes:
        return require_atomic(transaction, order, holder, rent=rent)

    def cosigned(self, transaction: bytes, order: MintOrder, signature: bytes) -> bytes:
        return cosigned(transaction, order, signature)

    def signature_text(self, transaction: bytes) -> str:
        return signature_text(transaction)


def cosigned(transaction: bytes, order: MintOrder, signature: bytes) -> bytes:
    """The transaction as sent, with the system wallet's signature in its place.

    ValueError when that does not verify, or the owner's.
    """
    parsed = _parsed(transaction)
    at = list(parsed.message.account_keys).index(Pubkey.from_string(order.mint_base))
    signatures = list(parsed.signatures)
    signatures[at] = Signature.from_bytes(signature)
    complete = VersionedTransaction.populate(parsed.message, signatures)
    if not all(complete.verify_with_results()):
        raise ValueError("a signature does not verify")
    return bytes(complete)


def signature_text(transaction: bytes) -> str:
    """Base58 of the owner's signature. It names the transaction, before we sign already: burn and
    mint have it in common."""
    return str(_parsed(transaction).signatures[0])


def _upgrade(holder: Holder, order: MintOrder, rent: int) -> list[Instruction]:
    """Burn, close, mint; without the compute budget."""
    if order.predecessor is None:
        raise ValueError("only an upgrade burns and mints")
    if order.recipient != holder.owner:
        raise ValueError("the owner at the burn is the one who gets the successor")
    burn = token_program.burn_and_close(
        holder, Pubkey.from_string(order.predecessor), Pubkey.from_string(holder.owner)
    )
    return [*burn, *token_program.mint_instructions(order, rent=rent)]


def _unsigned(instructions: list[Instruction], payer: str, blockhash: Blockhash) -> bytes:
    message = Message.new_with_blockhash(
        instructions, Pubkey.from_string(payer), Hash.from_string(blockhash.value)
    )
    empty = [Signature.default()] * message.header.num_required_signatures
    return bytes(VersionedTransaction.populate(message, empty))


def _parsed(transaction: bytes) -> VersionedTransaction:
    if len(transaction) > LARGEST_TRANSACTION:
        raise ValueError(f"{len(transaction)} bytes do not fit into a transaction")
    try:
        parsed = VersionedTransaction.from_bytes(transaction)
        parsed.sanitize()
    except Exception as error:
        raise ValueError("not a transaction") from error
    if bytes(parsed) != transaction:
        raise ValueError("not the one encoding of this transaction")
    return parsed


def _plain_message(parsed: VersionedTransaction) -> Message | MessageV0:
    """A message whose accounts are all in it."""
    message = parsed.message
    if isinstance(message, MessageV1):
        raise ValueError("version 1 is not what we build")
    if isinstance(message, MessageV0) and message.address_table_lookups:
        raise ValueError("accounts behind look-up tables are not ours")
    return message


def _require_signers(message: Message | MessageV0, *, owner: str, base: str) -> None:
    """The owner pays; nobody but owner and system wallet is asked to sign."""
    signers = message.account_keys[: message.header.num_required_signatures]
    if [str(signer) for signer in signers] != [owner, base]:
        raise ValueError("not signed by the owner, who pays, and the system wallet")


def _require_owners_signature(parsed: VersionedTransaction) -> None:
    if not parsed.verify_with_results()[0]:
        raise ValueError("the owner's signature does not verify")


def _calls(message: Message | MessageV0) -> Iterator[Call]:
    keys = message.account_keys
    for compiled in message.instructions:
        accounts = tuple(keys[index] for index in compiled.accounts)
        yield Call(keys[compiled.program_id_index], accounts, bytes(compiled.data))


def _call_of(instruction: Instruction) -> Call:
    accounts = tuple(meta.pubkey for meta in instruction.accounts)
    return Call(instruction.program_id, accounts, bytes(instruction.data))
