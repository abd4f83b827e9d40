"""A world to burn in, and the judgement over what was done there: real transactions on a real SVM
behind a real node, read by the adapter and judged by the domain."""

from dataclasses import dataclass, replace
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, MessageV1, TransactionConfig
from solders.pubkey import Pubkey
from solders.system_program import create_lookup_table, extend_lookup_table
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.burn import BurnClaim, BurnProof, Verdict
from nft_upgrade.domain.burn_checks import check_burn
from tests.chain_builders import CLASSIC, OWNER, STRANGER, burn, classic_nft, keypair
from tests.solana_world import SolanaWorld

PROVEN = (Verdict.PROVEN, None)


@dataclass
class Court:
    """Whoever burns here, `judge` says what it is worth."""

    world: SolanaWorld
    chain: SolanaChain

    def judge(self, seen: str, mint: Pubkey, **claimed: Any) -> BurnProof:
        """The proof of OWNER's claim of the signature `seen`, changed by `claimed` (fields of
        BurnClaim)."""
        claim = BurnClaim(
            signature=seen,
            mint=str(mint),
            owner=str(OWNER.pubkey()),
            token_program=TOKEN_2022,
            level=1,
            registry_level=1,
            already_redeemed=False,
            opened_slot=0,
            claimed_height=None,
        )
        evidence = self.chain.burn_evidence(seen, str(mint))
        return check_burn(evidence, replace(claim, **claimed))

    def classic_nft(self) -> Pubkey:
        """The owner's fresh classic SPL NFT."""
        mint = keypair(f"classic {self.world.blockhash().value}")
        instructions = classic_nft(mint, OWNER.pubkey(), STRANGER.pubkey(), self.world.rent(82))
        self.world.send(instructions, STRANGER, mint)
        return mint.pubkey()

    def send_v0(
        self, instructions: list[Instruction], *signers: Keypair, table: AddressLookupTableAccount
    ) -> str:
        """As version 0, with what the table holds looked up in it."""
        message = MessageV0.try_compile(
            signers[0].pubkey(), instructions, [table], self._blockhash()
        )
        return self.world.execute(bytes(VersionedTransaction(message, list(signers))))

    def send_v1(self, instructions: list[Instruction], *signers: Keypair) -> str:
        """As version 1, which carries its compute budget itself."""
        config = TransactionConfig(compute_unit_limit=60_000)
        message = MessageV1.try_compile(
            signers[0].pubkey(), instructions, self._blockhash(), config
        )
        return self.world.execute(bytes(VersionedTransaction(message, list(signers))))

    def lookup_table(self, *addresses: Pubkey) -> AddressLookupTableAccount:
        """A real address look-up table, ready to be used."""
        create, table = create_lookup_table(
            {
                "authority_address": STRANGER.pubkey(),
                "payer_address": STRANGER.pubkey(),
                "recent_slot": self.world.rpc("getSlot", {"commitment": "finalized"}),
            }
        )
        extend = extend_lookup_table(
            {
                "lookup_table_address": table,
                "authority_address": STRANGER.pubkey(),
                "payer_address": STRANGER.pubkey(),
                "new_addresses": list(addresses),
            }
        )
        self.world.send([create, extend], STRANGER)
        return AddressLookupTableAccount(table, list(addresses))

    def _blockhash(self) -> Hash:
        return Hash.from_string(self.world.blockhash().value)


def account_of(
    mint: Pubkey, owner: Keypair = OWNER, program: Pubkey = TOKEN_2022_PROGRAM_ID
) -> Pubkey:
    """The associated token account."""
    return spl.get_associated_token_address(owner.pubkey(), mint, program)


def burn_own(mint: Pubkey, *, amount: int = 1) -> Instruction:
    """OWNER burns from the associated account."""
    return burn(account_of(mint), mint, OWNER.pubkey(), amount=amount)


def classic_burn(mint: Pubkey) -> Instruction:
    account = account_of(mint, program=TOKEN_PROGRAM_ID)
    return burn(account, mint, OWNER.pubkey(), program=TOKEN_PROGRAM_ID)


def problem_of(proof: BurnProof) -> tuple[Verdict, str | None]:
    """The verdict and what stands in the way."""
    problem = proof.first_problem
    return proof.verdict, problem.code if problem else None


__all__ = ["CLASSIC", "PROVEN", "Court", "account_of", "burn_own", "classic_burn", "problem_of"]
