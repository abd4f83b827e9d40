"""A real burn and a real mint on the SVM, and what is computed for them. TEST KEYS only."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token.instructions import get_associated_token_address

from local.solana import rpc
from local.solana.faults import Faults
from local.solana.ledger import Ledger
from local.solana.node import Options, open_ledger
from nft_upgrade.adapters.burn_proof import observed_transaction
from nft_upgrade.adapters.token_accounts import account_of, observed_mint
from nft_upgrade.adapters.token_program import TOKEN_2022, TokenProgram
from nft_upgrade.domain.burn import BurnClaim, BurnEvidence, Verdict
from nft_upgrade.domain.burn_checks import check_burn
from nft_upgrade.ports import Blockhash, Holder, MintOrder

FLOOR = "floor: one Ed25519 verification and one parse"
MOST_UNITS, UNITS = 1_400_000, 45_000
SOL = 10**9
FINALITY_SECONDS = 10.0


class Sample:
    """A ledger under a clock of its own, on which an owner's NFT was minted and burned."""

    def __init__(self, ledger: Ledger, pass_time: Callable[[], None]) -> None:
        self._ledger = ledger
        self.base, self.owner = _test_key("base"), _test_key("owner")
        for wallet in (self.base, self.owner):
            self.ask("requestAirdrop", str(wallet.pubkey()), SOL)
        pass_time()
        self.program = TokenProgram()
        self.first = self._order(level=1, claim_id="benchmark")
        self.mint = self.program.address_of(self.first)
        self._land(self.program.wire(*self._signed_mint()))
        pass_time()
        burn = VersionedTransaction.from_bytes(self._burn_transaction())
        signed = VersionedTransaction(burn.message, [self.owner])
        self.raw = bytes(signed)
        self.signature = str(signed.signatures[0])
        self._land(self.raw)
        pass_time()

    def ask(self, method: str, *params: Any) -> Any:
        self._ledger.catch_up()
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = json.loads(rpc.answer(body.encode(), self._ledger, Faults()))
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    @property
    def blockhash(self) -> Blockhash:
        answer = self.ask("getLatestBlockhash", {"commitment": "confirmed"})
        value = answer["value"]
        return Blockhash(
            value["blockhash"], value["lastValidBlockHeight"], answer["context"]["slot"]
        )

    @property
    def successor(self) -> MintOrder:
        return self._order(level=2, predecessor=self.mint)

    def rent(self, order: MintOrder) -> int:
        return int(self.ask("getMinimumBalanceForRentExemption", self.program.account_size(order)))

    def sign(self, message: bytes) -> bytes:
        return bytes(self.base.sign_message(message))

    def _order(self, *, level: int, **origin: str) -> MintOrder:
        return MintOrder(
            recipient=str(self.owner.pubkey()),
            level=level,
            name="Quant Ape",
            symbol="AIW3",
            uri=f"https://nft.example/levels/{level}.json",
            mint_base=str(self.base.pubkey()),
            token_program=TOKEN_2022,
            collection=None,
            **origin,
        )

    def _signed_mint(self) -> tuple[bytes, bytes]:
        rent = self.rent(self.first)
        message = self.program.mint_message(
            self.first, self.blockhash, rent=rent, units=MOST_UNITS, fee=0
        )
        return message, self.sign(message)

    def _burn_transaction(self) -> bytes:
        owner, mint = self.owner.pubkey(), Pubkey.from_string(self.mint)
        account = get_associated_token_address(owner, mint, Pubkey.from_string(TOKEN_2022))
        holder = Holder(str(account), str(owner), 1, TOKEN_2022, False, None, None, 0)
        return self.program.burn_transaction(holder, self.mint, self.blockhash)

    def _land(self, raw: bytes) -> None:
        encoded = base64.b64encode(raw).decode()
        config = {"encoding": "base64", "preflightCommitment": "confirmed"}
        self.ask("sendTransaction", encoded, config)


def works() -> Mapping[str, Callable[[], object]]:
    """By name: the floor first, then what is done once for every upgrade."""
    moment = [1_800_000_000.0]

    def pass_time() -> None:
        moment[0] += FINALITY_SECONDS

    with open_ledger(Options(seed="benchmark"), now=lambda: moment[0]) as ledger:
        sample = Sample(ledger, pass_time)
        return {FLOOR: _floor(sample), **_verification(sample), **_mint(sample)}


def _floor(sample: Sample) -> Callable[[], object]:
    transaction = VersionedTransaction.from_bytes(sample.raw)
    message = bytes(transaction.message)
    signature, owner = transaction.signatures[0], sample.owner.pubkey()

    def floor() -> bool:
        VersionedTransaction.from_bytes(sample.raw)
        return signature.verify(owner, message)

    if not floor():
        raise SystemExit("the floor does not verify")
    return floor


def _verification(sample: Sample) -> Mapping[str, Callable[[], object]]:
    config = {"encoding": "base64", "maxSupportedTransactionVersion": 1}
    shown = sample.ask("getTransaction", sample.signature, config)
    accounts = sample.ask("getMultipleAccounts", [sample.mint], {"encoding": "base64"})
    claim = BurnClaim(
        signature=sample.signature,
        mint=sample.mint,
        owner=str(sample.owner.pubkey()),
        token_program=TOKEN_2022,
        level=1,
        registry_level=1,
        already_redeemed=False,
        opened_slot=0,
        claimed_height=None,
    )

    def evidence() -> BurnEvidence:
        (value,) = accounts["value"]
        mint = observed_mint(sample.mint, account_of(value), slot=accounts["context"]["slot"])
        seen = observed_transaction(shown, finalized=True)
        return BurnEvidence(sample.signature, True, seen, mint, None)

    known = evidence()
    if check_burn(known, claim).verdict is not Verdict.PROVEN:
        raise SystemExit("the sample's burn is not proven")
    return {
        "verification: decoding the evidence": evidence,
        "verification: V1 to V13": lambda: check_burn(known, claim),
    }


def _mint(sample: Sample) -> Mapping[str, Callable[[], object]]:
    program, order, blockhash = sample.program, sample.successor, sample.blockhash
    rent = sample.rent(order)

    def build() -> bytes:
        """Twice: for the dry run, and with what it told."""
        program.mint_message(order, blockhash, rent=rent, units=MOST_UNITS, fee=0)
        return program.mint_message(order, blockhash, rent=rent, units=UNITS, fee=1_000)

    message = build()
    return {
        "mint: both messages built": build,
        "mint: the signer's allow-list (`require_own`)": lambda: program.require_own(
            message, order
        ),
    }


def _test_key(name: str) -> Keypair:
    """TEST KEY: anybody can compute it from its name."""
    return Keypair.from_seed(hashlib.sha256(f"TEST KEY benchmark {name}".encode()).digest())
