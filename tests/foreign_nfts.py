"""NFTs that others minted, good and bad, as real instructions. TEST KEYS."""

from dataclasses import dataclass

import solders.system_program as system
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import MINT_LEN, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from tests.solana_world import SolanaWorld

EXTENSIONS_AT, HEADER = 166, 4
SOMEBODY = bytes(Keypair.from_seed(bytes(range(32))).pubkey())  # TEST KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What is odd about it. `extension`: (instruction data, bytes of its value)."""

    program: Pubkey = TOKEN_PROGRAM_ID
    decimals: int = 0
    amount: int = 1
    keeps_mint_authority: bool = False
    freezer: bool = False
    extension: tuple[bytes, int] | None = None


CLOSE_AUTHORITY = (bytes([25, 1]) + SOMEBODY, 32)
PERMANENT_DELEGATE = (bytes([35]) + SOMEBODY, 32)
TRANSFER_HOOK = (bytes([36, 0]) + SOMEBODY + SOMEBODY, 64)
NON_TRANSFERABLE = (bytes([32]), 0)


def minted(world: SolanaWorld, mint: Keypair, owner: Keypair, kind: Foreign) -> str:
    """The mint's address, held by `owner`, who pays and minted it."""
    size = MINT_LEN if kind.extension is None else EXTENSIONS_AT + HEADER + kind.extension[1]
    payer, address, program = owner.pubkey(), mint.pubkey(), kind.program
    account = spl.get_associated_token_address(payer, address, program)
    instructions = [
        system.create_account(
            system.CreateAccountParams(
                from_pubkey=payer,
                to_pubkey=address,
                lamports=world.rent(size),
                space=size,
                owner=program,
            )
        ),
        *_extension(address, kind),
        spl.initialize_mint2(
            models.InitializeMint2Params(
                decimals=kind.decimals,
                program_id=program,
                mint=address,
                mint_authority=payer,
                freeze_authority=payer if kind.freezer else None,
            )
        ),
        spl.create_idempotent_associated_token_account(payer, payer, address, program),
        spl.mint_to(
            models.MintToParams(
                amount=kind.amount,
                dest=account,
                mint=address,
                mint_authority=payer,
                program_id=program,
            )
        ),
    ]
    if not kind.keeps_mint_authority:
        instructions.append(
            spl.set_authority(
                models.SetAuthorityParams(
                    account=address,
                    authority=models.AuthorityType.MINT_TOKENS,
                    current_authority=payer,
                    program_id=program,
                )
            )
        )
    world.send(instructions, owner, mint)
    return str(address)


def _extension(mint: Pubkey, kind: Foreign) -> list[Instruction]:
    if kind.extension is None:
        return []
    accounts = [AccountMeta(mint, is_signer=False, is_writable=True)]
    return [Instruction(TOKEN_2022_PROGRAM_ID, kind.extension[0], accounts)]
