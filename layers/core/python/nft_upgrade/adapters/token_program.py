"""Builds and checks the Solana messages of the product. No I/O, no secrets.

The order of a mint's instructions is Token-2022's: pointers before InitializeMint2, metadata and
membership after it (they grow the account, so its full rent is transferred first), authorities
last. Why transfer + allocate_with_seed and never create_account: chain.md section 2.
"""

import hashlib
from typing import NamedTuple

import solders.system_program as system
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters import token_extensions as extensions
from nft_upgrade.ports import Blockhash, CollectionOrder, Holder, MintOrder

TOKEN_2022 = str(TOKEN_2022_PROGRAM_ID)
"""The only program that can own a successor."""

# What goes into a seed must not be able to collide: one domain tag per kind, NUL-terminated.
SUCCESSOR_TAG = b"nft-upgrade/successor/1\x00"
FIRST_TAG = b"nft-upgrade/first/1\x00"
COLLECTION_TAG = b"nft-upgrade/collection/1\x00"

MOST_RENT = 50_000_000
"""Lamports no NFT's rent can need (4,000 bytes cost 28.7 million): beyond it we refuse to sign."""
MOST_PRIORITY_FEE = 10_000_000
"""Lamports of priority fee per mint beyond which we refuse to sign."""


class TokenProgram:
    """The port NftProgram over SPL Token (p-token) and Token-2022. All addresses are base58."""

    def collection_address(self, mint_base: str) -> str:
        """Derived, as all our addresses."""
        return collection_address(mint_base)

    def collection_size(self, order: CollectionOrder) -> int:
        """Bytes of the finished collection mint."""
        return extensions.collection_size(name=order.name, symbol=order.symbol, uri=order.uri)

    def collection_message(
        self, order: CollectionOrder, blockhash: Blockhash, *, rent: int, units: int, fee: int
    ) -> bytes:
        """As the function of that name."""
        return collection_message(
            order.mint_base,
            blockhash,
            name=order.name,
            symbol=order.symbol,
            uri=order.uri,
            rent=rent,
            units=units,
            fee=fee,
        )

    def successor_address(self, *, mint_base: str, predecessor: str, token_program: str) -> str:
        """`token_program` is the successor's: Token-2022, else ValueError."""
        return str(_derived(mint_base, self.successor_seed(predecessor), token_program))

    def successor_seed(self, predecessor: str) -> str:
        return _seed(SUCCESSOR_TAG, bytes(Pubkey.from_string(predecessor)))

    def first_address(self, *, mint_base: str, claim_id: str, token_program: str) -> str:
        """One first NFT per claim id."""
        return str(_derived(mint_base, _seed(FIRST_TAG, claim_id.encode()), token_program))

    def address_of(self, order: MintOrder) -> str:
        """ValueError unless the order names a predecessor or a claim, and not both."""
        return str(_derived(order.mint_base, _order_seed(order), order.token_program))

    def account_size(self, order: MintOrder) -> int:
        """Bytes of the finished mint account."""
        return extensions.nft_size(
            name=order.name,
            symbol=order.symbol,
            uri=order.uri,
            level=order.level,
            in_collection=order.collection is not None,
        )

    def burn_transaction(self, holder: Holder, mint: str, blockhash: Blockhash) -> bytes:
        """For the owner's wallet to sign; legacy format, which every wallet can read."""
        owner = Pubkey.from_string(holder.owner)
        message = Message.new_with_blockhash(
            burn_and_close(holder, Pubkey.from_string(mint), owner),
            owner,
            Hash.from_string(blockhash.value),
        )
        return bytes(VersionedTransaction.populate(message, [Signature.default()]))

    def mint_message(
        self, order: MintOrder, blockhash: Blockhash, *, rent: int, units: int, fee: int
    ) -> bytes:
        """`rent` lamports are transferred whatever the address already holds, `units` is the
        compute unit limit, `fee` its price in micro-lamports per unit."""
        instructions = [*budget(units, fee), *mint_instructions(order, rent=rent)]
        return _message(instructions, Pubkey.from_string(order.mint_base), blockhash)

    def require_own(self, message: bytes, order: MintOrder) -> None:
        """Take the four free values out of `message`, build it again, compare every byte."""
        free = _free_values(message)
        if free.rent > MOST_RENT or free.units * free.fee > MOST_PRIORITY_FEE * 1_000_000:
            raise ValueError("the message pays more than any mint may cost")
        blockhash = Blockhash(free.blockhash, 0, 0)
        if message != self.mint_message(
            order, blockhash, rent=free.rent, units=free.units, fee=free.fee
        ):
            raise ValueError("the message is not the mint that the stored facts ask for")

    def wire(self, message: bytes, signature: bytes) -> bytes:
        """One signature, the base key's."""
        return bytes(
            VersionedTransaction.populate(
                Message.from_bytes(message), [Signature.from_bytes(signature)]
            )
        )

    def signature_text(self, signature: bytes) -> str:
        """Base58."""
        return str(Signature.from_bytes(signature))


def collection_address(mint_base: str) -> str:
    """The one collection of a base key, base58."""
    return str(_derived(mint_base, _seed(COLLECTION_TAG, b""), TOKEN_2022))


def collection_message(
    mint_base: str,
    blockhash: Blockhash,
    *,
    name: str,
    symbol: str,
    uri: str,
    rent: int,
    units: int,
    fee: int,
) -> bytes:
    """The message that creates the collection once; a second one fails on chain.

    `rent` is for `token_extensions.collection_size` bytes. Its supply stays 0 for ever; only the
    right to admit members stays, with the base key.
    """
    base = Pubkey.from_string(mint_base)
    mint = Pubkey.from_string(collection_address(mint_base))
    instructions = [
        *budget(units, fee),
        *_allocation(base, _seed(COLLECTION_TAG, b""), rent, 2),
        extensions.metadata_pointer(mint),
        extensions.group_pointer(mint),
        _initialize_mint(mint, base),
        extensions.initialize_metadata(mint, base, name=name, symbol=symbol, uri=uri),
        extensions.initialize_group(mint, base),
        extensions.freeze_metadata(mint, base),
        _end_minting(mint, base),
    ]
    return _message(instructions, base, blockhash)


def token_account_of(owner: str, mint: str, token_program: str = TOKEN_2022) -> str:
    """The associated token account; a mint of ours is minted into its recipient's."""
    return str(
        spl.get_associated_token_address(
            Pubkey.from_string(owner), Pubkey.from_string(mint), Pubkey.from_string(token_program)
        )
    )


class FreeValues(NamedTuple):
    """What a mint message may choose freely, within bounds."""

    blockhash: str
    rent: int
    units: int
    fee: int


def _free_values(message: bytes) -> FreeValues:
    """ValueError when the first three instructions cannot be limit, price and transfer."""
    try:
        parsed = Message.from_bytes(message)
    except Exception as error:
        raise ValueError("not a legacy message") from error
    data = [instruction.data for instruction in parsed.instructions[:3]]
    if [len(part) for part in data] != [5, 9, 12]:
        raise ValueError("the message does not start like a mint")
    units, fee, rent = (
        int.from_bytes(part[skip:], "little") for part, skip in zip(data, (1, 1, 4), strict=True)
    )
    return FreeValues(str(parsed.recent_blockhash), rent, units, fee)


def _seed(tag: bytes, subject: bytes) -> str:
    return hashlib.sha256(tag + subject).hexdigest()[:32]


def _order_seed(order: MintOrder) -> str:
    if (order.predecessor is None) == (order.claim_id is None):
        raise ValueError("a mint order has either a predecessor or a claim id")
    if order.predecessor is not None:
        return _seed(SUCCESSOR_TAG, bytes(Pubkey.from_string(order.predecessor)))
    assert order.claim_id is not None
    return _seed(FIRST_TAG, order.claim_id.encode())


def _derived(mint_base: str, seed: str, token_program: str) -> Pubkey:
    if token_program != TOKEN_2022:
        raise ValueError(f"NFTs are minted with Token-2022, not with {token_program}")
    return Pubkey.create_with_seed(Pubkey.from_string(mint_base), seed, TOKEN_2022_PROGRAM_ID)


def _message(instructions: list[Instruction], base: Pubkey, blockhash: Blockhash) -> bytes:
    return bytes(Message.new_with_blockhash(instructions, base, Hash.from_string(blockhash.value)))


def budget(units: int, fee: int) -> list[Instruction]:
    """The compute unit limit, and its price in micro-lamports per unit."""
    return [set_compute_unit_limit(units), set_compute_unit_price(fee)]


def mint_instructions(order: MintOrder, *, rent: int) -> list[Instruction]:
    """What the system wallet does, without the compute budget: as `TokenProgram.mint_message`."""
    base, seed = Pubkey.from_string(order.mint_base), _order_seed(order)
    mint = _derived(order.mint_base, seed, order.token_program)
    return [
        *_allocation(base, seed, rent, 2 if order.collection else 1),
        *_initialization(order, base, mint),
        *_handover(order, base, mint),
    ]


def _allocation(base: Pubkey, seed: str, rent: int, pointers: int) -> list[Instruction]:
    """Allocating fails when the account has data or an owner: that is the one-successor rule."""
    mint = Pubkey.create_with_seed(base, seed, TOKEN_2022_PROGRAM_ID)
    return [
        system.transfer(system.TransferParams(from_pubkey=base, to_pubkey=mint, lamports=rent)),
        system.allocate_with_seed(
            system.AllocateWithSeedParams(
                address=mint,
                base=base,
                seed=seed,
                space=extensions.bare_mint_size(pointers=pointers),
                owner=TOKEN_2022_PROGRAM_ID,
            )
        ),
    ]


def _initialization(order: MintOrder, base: Pubkey, mint: Pubkey) -> list[Instruction]:
    group = Pubkey.from_string(order.collection) if order.collection else None
    return [
        extensions.metadata_pointer(mint),
        *([extensions.group_member_pointer(mint)] if group else []),
        _initialize_mint(mint, base),
        extensions.initialize_metadata(
            mint, base, name=order.name, symbol=order.symbol, uri=order.uri
        ),
        extensions.set_metadata_field(
            mint, base, field=extensions.LEVEL_FIELD, value=str(order.level)
        ),
        *([extensions.initialize_member(mint, group, base)] if group else []),
    ]


def _handover(order: MintOrder, base: Pubkey, mint: Pubkey) -> list[Instruction]:
    """Mint the one token into the recipient's account and give up every authority."""
    recipient = Pubkey.from_string(order.recipient)
    return [
        # Idempotent: anybody can have created this account before us.
        spl.create_idempotent_associated_token_account(
            base, recipient, mint, TOKEN_2022_PROGRAM_ID
        ),
        spl.mint_to_checked(
            models.MintToCheckedParams(
                amount=1,
                decimals=0,
                dest=spl.get_associated_token_address(recipient, mint, TOKEN_2022_PROGRAM_ID),
                mint=mint,
                mint_authority=base,
                program_id=TOKEN_2022_PROGRAM_ID,
            )
        ),
        extensions.freeze_metadata(mint, base),
        _end_minting(mint, base),
    ]


def _initialize_mint(mint: Pubkey, base: Pubkey) -> Instruction:
    return spl.initialize_mint2(
        models.InitializeMint2Params(
            decimals=0, program_id=TOKEN_2022_PROGRAM_ID, mint=mint, mint_authority=base
        )
    )


def _end_minting(mint: Pubkey, base: Pubkey) -> Instruction:
    return spl.set_authority(
        models.SetAuthorityParams(
            account=mint,
            authority=models.AuthorityType.MINT_TOKENS,
            current_authority=base,
            program_id=TOKEN_2022_PROGRAM_ID,
        )
    )


def burn_and_close(holder: Holder, mint: Pubkey, owner: Pubkey) -> list[Instruction]:
    """What the owner does: burn the NFT, and take the account's rent back."""
    program = Pubkey.from_string(holder.token_program)
    account = Pubkey.from_string(holder.token_account)
    return [
        spl.burn_checked(
            models.BurnCheckedParams(
                amount=1, decimals=0, account=account, mint=mint, owner=owner, program_id=program
            )
        ),
        spl.close_account(
            models.CloseAccountParams(account=account, dest=owner, owner=owner, program_id=program)
        ),
    ]
