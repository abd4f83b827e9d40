"""What wallets and faucets do, against a real node: independent of the adapters under test."""

import base64
import itertools
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from nft_upgrade.adapters import token_extensions
from nft_upgrade.adapters.token_program import collection_address, collection_message
from nft_upgrade.ports import Blockhash, MintOrder
from tests.chain_builders import (
    OWNER,
    PROGRAM,
    SOL,
    STRANGER,
    SYSTEM_WALLET,
    UNITS,
    mint_order,
    sign_message,
    signed,
)

PATIENCE = 20.0
COLLECTION = {"name": "AIW3 levels", "symbol": "AIW3", "uri": "https://nft.example/levels.json"}


class SolanaWorld:
    """Funded TEST wallets on a node, and short ways to real transactions."""

    _numbers = itertools.count()

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=10)
        for wallet in (SYSTEM_WALLET, OWNER, STRANGER):
            self.airdrop(wallet.pubkey(), 100 * SOL)

    def close(self) -> None:
        self._http.close()

    def rpc(self, method: str, *params: Any) -> Any:
        """The result; AssertionError with the node's error otherwise."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._http.post("/", json=body).json()
        assert "error" not in answer, json.dumps(answer["error"])
        return answer["result"]

    def airdrop(self, to: Pubkey, lamports: int) -> None:
        self.finalize(self.rpc("requestAirdrop", str(to), lamports))

    def blockhash(self) -> Blockhash:
        answer = self.rpc("getLatestBlockhash", {"commitment": "confirmed"})
        value = answer["value"]
        return Blockhash(value["blockhash"], value["lastValidBlockHeight"], 0)

    def rent(self, size: int) -> int:
        return int(self.rpc("getMinimumBalanceForRentExemption", size))

    def submit(self, wire: bytes, *, skip_preflight: bool = False) -> str:
        """Relay; the signature."""
        config = {
            "encoding": "base64",
            "skipPreflight": skip_preflight,
            "preflightCommitment": "confirmed",
        }
        return str(self.rpc("sendTransaction", base64.b64encode(wire).decode(), config))

    def finalize(self, signature: str) -> str:
        """Wait until it is final."""

        def is_final() -> bool:
            config = {"searchTransactionHistory": True}
            (status,) = self.rpc("getSignatureStatuses", [signature], config)["value"]
            return status is not None and status["confirmationStatus"] == "finalized"

        eventually(is_final)
        return signature

    def execute(self, wire: bytes, *, fails: bool = False) -> str:
        """Submit and wait until final; `fails` skips the preflight that would refuse it."""
        return self.finalize(self.submit(wire, skip_preflight=fails))

    def send(
        self, instructions: Sequence[Instruction], *signers: Keypair, fails: bool = False
    ) -> str:
        return self.execute(signed(instructions, self.blockhash().value, *signers), fails=fails)

    def order(self, *, recipient: Keypair = OWNER, in_collection: bool = False) -> MintOrder:
        """One nobody has asked for before: the node is shared by all tests."""
        number = next(self._numbers)
        return mint_order(
            recipient=recipient,
            level=1,
            claim_id=f"{self.url} claim {number}",
            in_collection=in_collection,
        )

    def mint_wire(self, order: MintOrder) -> bytes:
        rent = self.rent(PROGRAM.account_size(order))
        message = PROGRAM.mint_message(order, self.blockhash(), rent=rent, units=UNITS, fee=0)
        return sign_message(message)

    def give_nft(self, owner: Keypair = OWNER) -> Pubkey:
        """Mint a fresh NFT for `owner`; its mint."""
        order = self.order(recipient=owner)
        self.execute(self.mint_wire(order))
        return Pubkey.from_string(PROGRAM.address_of(order))

    def create_collection(self) -> str:
        """Once per node."""
        base = str(SYSTEM_WALLET.pubkey())
        address = collection_address(base)
        if self.rpc("getAccountInfo", address, {"encoding": "base64"})["value"] is None:
            rent = self.rent(token_extensions.collection_size(**COLLECTION))
            message = collection_message(
                base, self.blockhash(), **COLLECTION, rent=rent, units=UNITS, fee=0
            )
            self.execute(sign_message(message))
        return address


def eventually(holds: Callable[[], bool]) -> None:
    """Poll until it holds; AssertionError after 20 s."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def signature_of(wire: bytes) -> str:
    return str(VersionedTransaction.from_bytes(wire).signatures[0])
