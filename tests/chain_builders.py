"""Wallets, orders and real transactions for tests. All keys here are TEST KEYS from fixed seeds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import solders.system_program as system
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import MINT_LEN, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.adapters import token_extensions
from nft_upgrade.adapters.token_program import (
    TOKEN_2022,
    TokenProgram,
    collection_address,
    collection_message,
)
from nft_upgrade.ports import Blockhash, Holder, MintOrder

SOL = 1_000_000_000
CLASSIC = str(TOKEN_PROGRAM_ID)
INCINERATOR = Pubkey.from_string("1nc1nerator11111111111111111111111111111111")
UNITS = 80_000
PROGRAM = TokenProgram()


def keypair(name: str) -> Keypair:
    """TEST KEY: anybody can compute it from its name."""
    return Keypair.from_seed(hashlib.sha256(f"TEST KEY {name}".encode()).digest())


SYSTEM_WALLET = keypair("system wallet")
OWNER = keypair("owner")
STRANGER = keypair("stranger")
PREDECESSOR = str(keypair("some burned mint").pubkey())


def mint_order(
    *,
    recipient: Keypair = OWNER,
    level: int = 2,
    name: str = "Quant Ape",
    uri: str = "https://nft.example/levels/2.json",
    predecessor: str | None = PREDECESSOR,
    claim_id: str | None = None,
    in_collection: bool = True,
    mint_base: Keypair = SYSTEM_WALLET,
) -> MintOrder:
    """An order as the use cases make it."""
    base = str(mint_base.pubkey())
    return MintOrder(
        recipient=str(recipient.pubkey()),
        level=level,
        name=name,
        symbol="AIW3",
        uri=uri,
        mint_base=base,
        token_program=TOKEN_2022,
        collection=collection_address(base) if in_collection else None,
        predecessor=None if claim_id else predecessor,
        claim_id=claim_id,
    )


def signed(instructions: Sequence[Instruction], blockhash: str, *signers: Keypair) -> bytes:
    """A wire transaction; the first signer pays."""
    message = Message.new_with_blockhash(
        list(instructions), signers[0].pubkey(), Hash.from_string(blockhash)
    )
    return bytes(VersionedTransaction(message, list(signers)))


def sign_wire(transaction: bytes, *signers: Keypair) -> bytes:
    """What a wallet does with the unsigned transaction it is given."""
    return bytes(
        VersionedTransaction(VersionedTransaction.from_bytes(transaction).message, signers)
    )


def sign_message(message: bytes, signer: Keypair = SYSTEM_WALLET) -> bytes:
    """A base key's message with its signature, as sent."""
    return PROGRAM.wire(message, bytes(signer.sign_message(message)))


def burn(
    account: Pubkey,
    mint: Pubkey,
    authority: Pubkey,
    *,
    amount: int = 1,
    program: Pubkey = TOKEN_2022_PROGRAM_ID,
) -> Instruction:
    """BurnChecked."""
    return spl.burn_checked(
        models.BurnCheckedParams(
            amount=amount,
            decimals=0,
            account=account,
            mint=mint,
            owner=authority,
            program_id=program,
        )
    )


def close(
    account: Pubkey, owner: Pubkey, *, program: Pubkey = TOKEN_2022_PROGRAM_ID
) -> Instruction:
    """CloseAccount to its owner."""
    return spl.close_account(
        models.CloseAccountParams(account=account, dest=owner, owner=owner, program_id=program)
    )


def move(
    source: Pubkey,
    mint: Pubkey,
    owner: Pubkey,
    to: Pubkey,
    *,
    program: Pubkey = TOKEN_2022_PROGRAM_ID,
) -> list[Instruction]:
    """Transfer the NFT into `to`'s associated account, which is created."""
    target = spl.get_associated_token_address(to, mint, program)
    return [
        spl.create_idempotent_associated_token_account(owner, to, mint, program),
        spl.transfer_checked(
            models.TransferCheckedParams(
                amount=1,
                decimals=0,
                source=source,
                dest=target,
                mint=mint,
                owner=owner,
                program_id=program,
            )
        ),
    ]


def approve(account: Pubkey, mint: Pubkey, owner: Pubkey, delegate: Pubkey) -> Instruction:
    """Let `delegate` move or burn the NFT."""
    return spl.approve_checked(
        models.ApproveCheckedParams(
            amount=1,
            decimals=0,
            source=account,
            mint=mint,
            delegate=delegate,
            owner=owner,
            program_id=TOKEN_2022_PROGRAM_ID,
        )
    )


def batch(*instructions: Instruction) -> Instruction:
    """p-token's `batch`: 255, then (number of accounts, length of data, data) of each."""
    data = b"".join(bytes([len(i.accounts), len(i.data)]) + bytes(i.data) for i in instructions)
    accounts: list[AccountMeta] = [meta for i in instructions for meta in i.accounts]
    return Instruction(TOKEN_PROGRAM_ID, bytes([255]) + data, accounts)


def classic_nft(mint: Keypair, owner: Pubkey, payer: Pubkey, rent: int) -> list[Instruction]:
    """A bare classic SPL NFT: supply 1, decimals 0, mint authority none."""
    account = spl.get_associated_token_address(owner, mint.pubkey())
    return [
        system.create_account(
            system.CreateAccountParams(
                from_pubkey=payer,
                to_pubkey=mint.pubkey(),
                lamports=rent,
                space=MINT_LEN,
                owner=TOKEN_PROGRAM_ID,
            )
        ),
        spl.initialize_mint2(
            models.InitializeMint2Params(
                decimals=0, program_id=TOKEN_PROGRAM_ID, mint=mint.pubkey(), mint_authority=payer
            )
        ),
        spl.create_idempotent_associated_token_account(payer, owner, mint.pubkey()),
        spl.mint_to(
            models.MintToParams(
                amount=1,
                dest=account,
                mint=mint.pubkey(),
                mint_authority=payer,
                program_id=TOKEN_PROGRAM_ID,
            )
        ),
        spl.set_authority(
            models.SetAuthorityParams(
                account=mint.pubkey(),
                authority=models.AuthorityType.MINT_TOKENS,
                current_authority=payer,
                program_id=TOKEN_PROGRAM_ID,
            )
        ),
    ]


@dataclass
class Svm:
    """A LiteSVM with funded wallets and the collection; for tests without RPC."""

    vm: LiteSVM = field(default_factory=LiteSVM)

    def __post_init__(self) -> None:
        for wallet in (SYSTEM_WALLET, OWNER, STRANGER):
            self.vm.airdrop(wallet.pubkey(), 10 * SOL)
        assert isinstance(self.deliver(self.collection()), TransactionMetadata)

    @property
    def blockhash(self) -> Blockhash:
        return Blockhash(str(self.vm.latest_blockhash()), 150, 0)

    def collection(self) -> bytes:
        texts = {"name": "AIW3 levels", "symbol": "AIW3", "uri": "https://nft.example/levels.json"}
        message = collection_message(
            str(SYSTEM_WALLET.pubkey()),
            self.blockhash,
            **texts,
            rent=self.rent(token_extensions.collection_size(**texts)),
            units=UNITS,
            fee=0,
        )
        return sign_message(message)

    def rent(self, size: int) -> int:
        return self.vm.minimum_balance_for_rent_exemption(size)

    def message(self, order: MintOrder) -> bytes:
        rent = self.rent(PROGRAM.account_size(order))
        return PROGRAM.mint_message(order, self.blockhash, rent=rent, units=UNITS, fee=1_000)

    def mint(self, order: MintOrder) -> TransactionMetadata | FailedTransactionMetadata:
        return self.deliver(sign_message(self.message(order)))

    def deliver(self, wire: bytes) -> TransactionMetadata | FailedTransactionMetadata:
        """Execute, then a new blockhash, so that the same content is a new transaction."""
        result = self.vm.send_transaction(VersionedTransaction.from_bytes(wire))
        self.vm.expire_blockhash()
        return result

    def send(
        self, instructions: Sequence[Instruction], *signers: Keypair
    ) -> TransactionMetadata | FailedTransactionMetadata:
        return self.deliver(signed(instructions, self.blockhash.value, *signers))

    def data(self, address: str) -> bytes:
        account = self.vm.get_account(Pubkey.from_string(address))
        return b"" if account is None else bytes(account.data)

    def holder(self, order: MintOrder) -> Holder:
        """The recipient's account of a minted order."""
        mint = PROGRAM.address_of(order)
        return held_by(order.recipient, mint)


def held_by(owner: str, mint: str, *, program: Pubkey = TOKEN_2022_PROGRAM_ID) -> Holder:
    """An ordinary holder with an associated token account."""
    account = spl.get_associated_token_address(
        Pubkey.from_string(owner), Pubkey.from_string(mint), program
    )
    return Holder(str(account), owner, 1, str(program), False, None, None, 0)
