"""The whole local stack as a child process, for the tests that drive it."""

import base64
import os
import signal
import threading
from pathlib import Path
from typing import Any

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message as LegacyMessage
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID
from spl.token.instructions import get_associated_token_address

from local.client import Browser, EventSource, Message, Rpc, Wallet, told, types
from local.process import Part
from tests.chain_builders import burn
from tests.local.stand_ins import is_alive, until

FREE_PORTS = {"PORT": "0", "SOLANA_PORT": "0", "KAFKA_PORT": "0", "AWS_PORT": "0"}


class RunningStack:
    """`python -m local` on free ports; `lines` is what it printed."""

    def __init__(self, data_dir: Path | None = None, **environment: str) -> None:
        chosen = {"DATA_DIR": str(data_dir) if data_dir else None}
        self.lines: list[str] = []
        self.part = Part(
            "local",
            environment={**FREE_PORTS, **chosen, **environment},
            on_line=self.lines.append,
        )
        self.origin = self.part.wait(90)

    def pid(self, module: str) -> int:
        """The process that runs this module; AssertionError when there is none."""
        for pid in self.children():
            if module in _command(pid):
                return pid
        raise AssertionError(f"{module} does not run")

    def kill(self, module: str) -> None:
        """kill -9, and wait until the supervisor has noticed."""
        pid = self.pid(module)
        noticed = len(self.lines)
        os.kill(pid, signal.SIGKILL)
        until(lambda: any("SIGKILL; starts again" in line for line in self.lines[noticed:]))

    def children(self) -> list[int]:
        """Every process the supervisor has started and that is there now."""
        return [pid for pid in _pids() if _parent(pid) == self.part.process.pid]

    def descendants(self) -> list[int]:
        """Those, and what they have started."""
        found: list[int] = []
        parents = {self.part.process.pid}
        while parents:
            parents = {pid for pid in _pids() if _parent(pid) in parents}
            found += parents
        return found


class Person:
    """A wallet and a page, signed in."""

    def __init__(self, origin: str, keypair: Keypair | None = None) -> None:
        self.wallet = Wallet(keypair or Keypair())
        self.browser = Browser(origin, patience_seconds=30)
        self.rpc = Rpc(told(self.browser.get("/local/addresses"), 200)["solanaRpcUrl"])
        self.browser.sign_in(self.wallet)

    def close(self) -> None:
        self.browser.close()
        self.rpc.close()

    def first_nft(self) -> str:
        answer = self.browser.post("/local/faucet", {"address": self.wallet.address})
        return str(told(answer, 200)["nftId"])

    def open(self, nft_id: str, target_level: int = 2) -> dict[str, Any]:
        order = {"currentNftId": nft_id, "targetLevel": target_level}
        return told(self.browser.post("/api/nft/upgrade", order), 201)

    def burn(self, transaction: str) -> str:
        """Signed and sent; the signature, once the chain has confirmed it."""
        signature = self.rpc.send(self.wallet.signed(transaction))
        self.rpc.wait_for(signature, commitment="confirmed")
        return signature

    def burn_by_itself(self, nft_id: str) -> str:
        """By the wallet's own burn button, without any request; its signature."""
        mint = Pubkey.from_string(nft_id)
        owner = Pubkey.from_string(self.wallet.address)
        account = get_associated_token_address(owner, mint, TOKEN_2022_PROGRAM_ID)
        latest = self.rpc.call("getLatestBlockhash", {"commitment": "confirmed"})["value"]
        message = LegacyMessage.new_with_blockhash(
            [burn(account, mint, owner)], owner, Hash.from_string(latest["blockhash"])
        )
        unsigned = bytes(VersionedTransaction.populate(message, [Signature.default()]))
        return self.burn(base64.b64encode(unsigned).decode())

    def confirm(self, upgrade_id: str, burn_signature: str) -> dict[str, Any]:
        path = f"/api/nft/upgrade/{upgrade_id}/burn-confirmation"
        return told(self.browser.post(path, {"burnTransactionHash": burn_signature}), 200, 202)

    def events(self, opened: dict[str, Any]) -> EventSource:
        return self.browser.event_source(opened["eventsUrl"])

    def status(self, upgrade_id: str) -> dict[str, Any]:
        answer = self.browser.get(f"/api/nft/upgrade/{upgrade_id}/status")
        request: dict[str, Any] = told(answer, 200)["upgradeRequest"]
        return request


def told_events(messages: list[Message]) -> list[Message]:
    """Without what each connection of the stream says of itself."""
    return [message for message in messages if message.type != "connection_established"]


def nothing_is_left(pids: list[int]) -> None:
    """AssertionError when one of these processes is still there after a moment."""
    until(lambda: not any(is_alive(pid) for pid in pids), seconds=10)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


class Listening(threading.Thread):
    """Reads a person's stream to its end, as an open page does."""

    def __init__(self, person: Person, opened: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.source = person.events(opened)
        self.messages: list[Message] = []
        self.start()

    def run(self) -> None:
        self.messages.extend(self.source)

    def to_the_end(self, seconds: float = 150) -> list[Message]:
        self.join(seconds)
        assert not self.is_alive(), f"the stream goes on; seen: {types(self.messages)}"
        return told_events(self.messages)
