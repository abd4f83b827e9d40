"""A ledger under a clock that only tests move, asked through its JSON-RPC. TEST KEYS only."""

import base64
import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from solders import system_program as system
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import MINT_LEN

from local.solana import rpc
from local.solana.faults import Faults
from local.solana.ledger import Ledger
from local.solana.node import Options, open_ledger

SOL = 10**9
START = 1_800_000_000.0
SLOT = 0.4


def keypair(name: str) -> Keypair:
    """TEST KEY: anybody can compute it from its name."""
    return Keypair.from_seed(hashlib.sha256(f"TEST KEY {name}".encode()).digest())


class ManualClock:
    """Unix seconds that stand still until moved."""

    def __init__(self, moment: float = START) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment

    def pass_slots(self, count: int) -> None:
        self.moment += count * SLOT + 1e-6


class Refused(Exception):
    """A JSON-RPC error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]
        self.data: Any = error.get("data")


class Chain:
    """One ledger and its clock; with a folder, `opened` closes its journal."""

    def __init__(
        self, clock: ManualClock | None = None, opened: ExitStack | None = None, **options: Any
    ) -> None:
        self.opened = opened or ExitStack()
        self.clock = clock or ManualClock()
        self.options = Options(**{"seed": "tests", **options})
        self.faults = Faults()
        ledger = open_ledger(self.options, now=self.clock)
        self.ledger: Ledger = self.opened.enter_context(ledger)

    def reopened(self, folder: Path | None = None, **options: Any) -> "Chain":
        """Another node going on from the same folder, at the same moment."""
        where = {"data_dir": folder or self.options.data_dir}
        return Chain(self.clock, self.opened, **{**where, **options})

    def ask(self, method: str, *params: Any) -> Any:
        """The result; Refused."""
        self.ledger.catch_up()
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = json.loads(rpc.answer(json.dumps(request).encode(), self.ledger, self.faults))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def value(self, method: str, *params: Any) -> Any:
        """The value of an answer with a context."""
        return self.ask(method, *params)["value"]

    def pass_slots(self, count: int) -> None:
        self.clock.pass_slots(count)
        self.ledger.catch_up()

    def finalize(self) -> None:
        """Enough slots that all that landed is final, even across a skipped one."""
        self.pass_slots(self.options.finalized_after + 1)

    def blockhash(self, commitment: str = "confirmed") -> Hash:
        answer = self.value("getLatestBlockhash", {"commitment": commitment})
        return Hash.from_string(answer["blockhash"])

    def wallet(self, name: str, sol: int = 10) -> Keypair:
        """A wallet with finalized funds."""
        wallet = keypair(name)
        self.ask("requestAirdrop", str(wallet.pubkey()), sol * SOL)
        self.finalize()
        return wallet

    def signed(
        self,
        instructions: Sequence[Instruction],
        *signers: Keypair,
        blockhash: Hash | None = None,
        legacy: bool = False,
    ) -> VersionedTransaction:
        """A transaction paid by the first signer."""
        payer, blockhash = signers[0].pubkey(), blockhash or self.blockhash()
        if legacy:
            message = Message.new_with_blockhash(instructions, payer, blockhash)
            return VersionedTransaction(message, list(signers))
        return VersionedTransaction(
            MessageV0.try_compile(payer, instructions, [], blockhash), list(signers)
        )

    def send(self, transaction: VersionedTransaction, **config: Any) -> str:
        """The signature; Refused."""
        options = {"encoding": "base64", "preflightCommitment": "processed", **config}
        return str(self.ask("sendTransaction", wire(transaction), options))

    def meta(self, signature: str) -> Any:
        """The transaction's meta, once confirmed."""
        self.pass_slots(2)
        return self.ask("getTransaction", signature, CONFIRMED)["meta"]

    def lamports(self, pubkey: Pubkey, commitment: str = "processed") -> int:
        return int(self.value("getBalance", str(pubkey), {"commitment": commitment}))

    def mint_nft(self, owner: Keypair, name: str, program: Pubkey, amount: int = 1) -> Pubkey:
        """A mint with no extensions whose supply lies in the owner's ATA."""
        mint = keypair(name)
        rent = self.ledger.rent(MINT_LEN)
        self.send(self.signed(mint_instructions(rent, owner, mint, program, amount), owner, mint))
        return mint.pubkey()


CONFIRMED = {"commitment": "confirmed", "maxSupportedTransactionVersion": 1}


def wire(transaction: VersionedTransaction) -> str:
    """Base64, as clients send it."""
    return base64.b64encode(bytes(transaction)).decode()


def transfer(source: Keypair, target: Pubkey, lamports: int) -> Instruction:
    return system.transfer(
        system.TransferParams(from_pubkey=source.pubkey(), to_pubkey=target, lamports=lamports)
    )


def mint_instructions(
    rent: int, owner: Keypair, mint: Keypair, program: Pubkey, amount: int
) -> list[Instruction]:
    """Create a mint of 0 decimals, the owner's ATA, and mint `amount` into it."""
    address = owner.pubkey()
    return [
        system.create_account(
            system.CreateAccountParams(
                from_pubkey=address,
                to_pubkey=mint.pubkey(),
                lamports=rent,
                space=MINT_LEN,
                owner=program,
            )
        ),
        spl.initialize_mint2(
            models.InitializeMint2Params(
                decimals=0, program_id=program, mint=mint.pubkey(), mint_authority=address
            )
        ),
        spl.create_associated_token_account(address, address, mint.pubkey(), program),
        spl.mint_to(
            models.MintToParams(
                program_id=program,
                mint=mint.pubkey(),
                dest=ata(owner, mint.pubkey(), program),
                mint_authority=address,
                amount=amount,
            )
        ),
    ]


def ata(owner: Keypair, mint: Pubkey, program: Pubkey) -> Pubkey:
    return spl.get_associated_token_address(owner.pubkey(), mint, program)


def burn(owner: Keypair, mint: Pubkey, program: Pubkey, amount: int = 1) -> Instruction:
    return spl.burn(
        models.BurnParams(
            program_id=program,
            account=ata(owner, mint, program),
            mint=mint,
            owner=owner.pubkey(),
            amount=amount,
        )
    )


def close(owner: Keypair, mint: Pubkey, program: Pubkey) -> Instruction:
    return spl.close_account(
        models.CloseAccountParams(
            program_id=program,
            account=ata(owner, mint, program),
            dest=owner.pubkey(),
            owner=owner.pubkey(),
        )
    )
