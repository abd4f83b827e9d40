"""`python -m local.demo`: one upgrade from sign-in to the next level, on a private stack.

Everything goes through the public interfaces; at the end the chain, Kafka and the audit record are
asked what they saw. Exit code 0 only when all of them agree. KAFKA and DYNAMODB choose the engines
as for `python -m local`, SCENARIO the trouble; MODE=atomic burns and mints in one transaction.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import KafkaException
from solders.keypair import Keypair

from local.client import Browser, EventSource, Message, Rpc, Unexpected, Wallet, told
from local.engines import NAMED
from local.process import Part, StartFailed
from local.token_metadata import Mint, NotAnNft, read_mint
from local.witnesses import KafkaRecord, audit_entries, is_unbroken, kafka_records

FREE_PORTS = {"PORT": "0", "SOLANA_PORT": "0", "KAFKA_PORT": "0", "AWS_PORT": "0"}
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
TARGET = 2
TARGET_NAME = "Quant Ape"
SYMBOL = "AIW3"
COMPLETED_WITHIN_SECONDS = 40.0
TOPIC_OF = {
    "upgrade_initiated": "nft-upgrade-initiated",
    "burn_confirmed": "nft-burn-confirmed",
    "upgrade_completed": "nft-upgrade-completed",
    "mint_failed_retryable": "nft-upgrade-failed",
    "upgrade_failed": "nft-upgrade-failed",
}
PROGRESS_TOPIC = "nft-upgrade-progress"


class NotVerified(Exception):
    """Something that was looked at is not as it must be."""


@dataclass
class Timeline:
    """Prints each step with its time since the start and its duration."""

    begun: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        before = time.monotonic()
        yield
        now = time.monotonic()
        print(f"{now - self.begun:7.2f} s  (+{now - before:5.2f} s)  {text}", flush=True)

    def note(self, text: str) -> None:
        print(" " * 22 + text, flush=True)


class Watching:
    """The upgrade's stream, read in a thread as a page would; `seconds_of[type]` when it came."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self.messages: list[Message] = []
        self.seconds_of: dict[str, float] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for message in self.source:
            self.messages.append(message)
            self.seconds_of[message.type] = time.monotonic()

    def wait_for(self, type_: str, seconds: float) -> Message:
        """The first message of this type."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in list(self.messages):
                if message.type == type_:
                    return message
            time.sleep(0.02)
        seen = [message.type for message in self.messages]
        raise NotVerified(f"no {type_} on the stream after {seconds:.0f} s; seen: {seen}")

    def wait_for_end(self, seconds: float) -> None:
        """Until EventSource was told to stop."""
        self._thread.join(seconds)
        verify("the stream is over and stays over (204)", self.source.stopped_by == 204)


def verify(what: str, holds: bool) -> None:
    """Raise NotVerified unless it holds."""
    if not holds:
        raise NotVerified(what)


class Upgrade:
    """One person's way through the product."""

    def __init__(self, origin: str, timeline: Timeline, *, is_atomic: bool = False) -> None:
        self.is_atomic = is_atomic
        self.wallet = Wallet(Keypair())
        self.browser = Browser(origin)
        self.timeline = timeline
        self.addresses = told(self.browser.get("/local/addresses"), 200)
        self.rpc = Rpc(self.addresses["solanaRpcUrl"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()
        self.rpc.close()

    def run(self) -> None:
        """From sign-in to the last witness; raises NotVerified or Unexpected."""
        nft_id = self._receive_first_nft()
        opened = self._open(nft_id)
        upgrade_id = opened["upgradeRequestId"]
        watching = self._watch(opened["eventsUrl"])
        if self.is_atomic:
            completed = self._submit(upgrade_id, opened["atomicTransaction"], watching)
            burn = str(completed["data"]["mintTransactionHash"])
        else:
            burn = self._burn(opened["burnTransaction"])
            completed = self._confirm(upgrade_id, burn, watching)
        self._verify_api(upgrade_id, nft_id, completed)
        self._verify_chain(nft_id, burn, completed)
        count = int(completed["sequence"])
        self._verify_kafka(upgrade_id, count)
        self._verify_audit(upgrade_id, count)

    def _receive_first_nft(self) -> str:
        wallet, timeline = self.wallet, self.timeline
        with timeline.step(f"wallet {wallet.address} signed in"):
            self.browser.sign_in(wallet)
        with timeline.step("the faucet gave SOL and a level-1 NFT"):
            gift = told(self.browser.post("/local/faucet", {"address": wallet.address}), 200)
        timeline.note(f"NFT {gift['nftId']}, level {gift['level']}, {gift['lamports']} lamports")
        verify("the faucet's NFT is level 1", gift["level"] == 1)
        return str(gift["nftId"])

    def _open(self, nft_id: str) -> dict[str, Any]:
        mode = "atomic" if self.is_atomic else "two_step"
        order = {"currentNftId": nft_id, "targetLevel": TARGET, "mode": mode}
        with self.timeline.step(f"upgrade to level {TARGET} opened"):
            opened = told(self.browser.post("/api/nft/upgrade", order), 201)
        self.timeline.note(f"request {opened['upgradeRequestId']}, status {opened['status']}")
        return opened

    def _watch(self, events_url: str) -> Watching:
        with self.timeline.step("the stream is open"):
            watching = Watching(self.browser.event_source(events_url))
            watching.wait_for("connection_established", 10)
        return watching

    def _burn(self, transaction: str) -> str:
        with self.timeline.step("the burn is signed, sent and confirmed on chain"):
            burn = self.rpc.send(self.wallet.signed(transaction))
            self.rpc.wait_for(burn, commitment="confirmed")
        self.timeline.note(f"burn signature {burn}")
        return burn

    def _confirm(self, upgrade_id: str, burn: str, watching: Watching) -> dict[str, Any]:
        path = f"/api/nft/upgrade/{upgrade_id}/burn-confirmation"
        with self.timeline.step("the burn is confirmed to the API"):
            told(self.browser.post(path, {"burnTransactionHash": burn}), 202)
        return self._follow(watching)

    def _submit(self, upgrade_id: str, transaction: str, watching: Watching) -> dict[str, Any]:
        path = f"/api/nft/upgrade/{upgrade_id}/submit"
        with self.timeline.step("burn and mint are signed by the wallet and submitted to the API"):
            told(self.browser.post(path, {"transaction": self.wallet.signed(transaction)}), 202)
        return self._follow(watching)

    def _follow(self, watching: Watching) -> dict[str, Any]:
        confirmed_at = time.monotonic()
        with self.timeline.step("upgrade_completed came on the stream"):
            completed = watching.wait_for("upgrade_completed", COMPLETED_WITHIN_SECONDS).data
        self._tell_stream(watching, confirmed_at)
        with self.timeline.step("the stream ended, the reconnect was answered 204"):
            watching.wait_for_end(10)
        sequences = [int(message.id) for message in watching.messages[1:]]
        verify(
            f"the stream gave every event once, in order: {sequences}",
            sequences == sorted(set(sequences)) and sequences[-1] == completed["sequence"],
        )
        return completed

    def _tell_stream(self, watching: Watching, confirmed_at: float) -> None:
        for message in watching.messages:
            after = watching.seconds_of[message.type] - confirmed_at
            text = f"{message.data['sequence']} {message.type} ({message.data['status']})"
            self.timeline.note(f"  {after:+6.2f} s from confirmation: {text}")
        seconds = watching.seconds_of["upgrade_completed"] - confirmed_at
        self.timeline.note(f"from confirmation to completed: {seconds:.2f} s")

    def _verify_api(self, upgrade_id: str, nft_id: str, completed: Mapping[str, Any]) -> None:
        with self.timeline.step("the API tells the same"):
            path = f"/api/nft/upgrade/{upgrade_id}/status"
            request = told(self.browser.get(path), 200)["upgradeRequest"]
            nfts = told(self.browser.get("/api/nft"), 200)["nfts"]
        levels = {nft["nftId"]: (nft["level"], nft["status"]) for nft in nfts}
        verify("the request is completed", request["status"] == "completed")
        verify("with the successor", request["newNftId"] == completed["data"]["newNftId"])
        verify("which is active", levels.get(request["newNftId"]) == (TARGET, "active"))
        verify("and the old one is burned", levels.get(nft_id, (1, "burned")) == (1, "burned"))

    def _verify_chain(self, nft_id: str, burn: str, completed: Mapping[str, Any]) -> None:
        successor = completed["data"]["newNftId"]
        with self.timeline.step("the chain shows the burn and the new mint, finalized"):
            for signature in (burn, completed["data"]["mintTransactionHash"]):
                self.rpc.wait_for(signature, commitment="finalized")
            account = self.rpc.account(successor)
            held = self.rpc.held(self.wallet.address, successor)
            old = self.rpc.held(self.wallet.address, nft_id)
        verify("the successor belongs to Token-2022", (account or {}).get("owner") == TOKEN_2022)
        assert account is not None
        mint = read_mint(account["data"])
        self._tell_mint(successor, mint, completed["data"]["mintTransactionHash"])
        verify("one of it exists", (mint.supply, mint.decimals) == (1, 0))
        verify(
            "nobody can mint or change it", not mint.mint_authority and not mint.update_authority
        )
        verify("nobody can freeze it", mint.freeze_authority is None)
        verify("its metadata lies in the mint itself", mint.metadata_address == successor)
        verify("it says its level", mint.additional.get("level") == str(TARGET))
        verify("it has its name", TARGET_NAME in mint.name and mint.symbol == SYMBOL)
        verify("the wallet holds the new one and not the old one", (held, old) == (1, 0))

    def _tell_mint(self, address: str, mint: Mint, signature: str) -> None:
        note = self.timeline.note
        note(f"mint signature {signature}")
        note(f"mint {address}: supply {mint.supply}, decimals {mint.decimals}")
        note(f"name {mint.name!r}, symbol {mint.symbol!r}, uri {mint.uri!r}")
        note(f"additional metadata {mint.additional}, collection {mint.collection}")

    def _verify_kafka(self, upgrade_id: str, count: int) -> None:
        with self.timeline.step("Kafka has the records"):
            servers = self.addresses["kafkaBootstrapServers"]
            records = kafka_records(servers, upgrade_id, until=count)
        for record in records:
            text = f"{record.sequence} {record.value['eventType']} in {record.topic}"
            self.timeline.note(f"  {text}, key {record.message_key}")
        verify(f"all {count} events are in Kafka", is_unbroken([each.value for each in records]))
        verify("up to the last", len(records) == count)
        verify(
            "under the user's key", {each.message_key for each in records} == {self.wallet.address}
        )
        verify("each in its topic", all(map(is_in_its_topic, records)))

    def _verify_audit(self, upgrade_id: str, count: int) -> None:
        with self.timeline.step("the audit record is complete and its hashes fit"):
            entries = audit_entries(self.addresses["dynamoDbEndpointUrl"], upgrade_id, until=count)
        for entry in entries:
            record = entry["record"]
            text = f"{record['sequence']} {record['eventType']} {record['hash'][:16]}..."
            self.timeline.note(f"  {text} recorded at {entry['recordedAt']}")
        verify(f"all {count} events are audited", len(entries) == count)
        verify("in an unbroken chain", is_unbroken([entry["record"] for entry in entries]))


def is_in_its_topic(record: KafkaRecord) -> bool:
    """Whether the record lies where consumers of its kind look for it."""
    return record.topic == TOPIC_OF.get(record.value["eventType"], PROGRESS_TOPIC)


def main() -> int:
    """Exit code 0 when everything was seen as it must be, else 1."""
    # Ctrl-C and SIGTERM alike unwind the `with` below, which ends the stack.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    timeline = Timeline()
    stack = Part("local", environment={**FREE_PORTS, "DATA_DIR": None}, on_line=_show_trouble)
    try:
        with stack, timeline.step("the whole demo"):
            with timeline.step("the private stack answers"):
                origin = stack.wait(400)
            timeline.note(origin)
            is_atomic = os.environ.get("MODE") == "atomic"
            with Upgrade(origin, timeline, is_atomic=is_atomic) as upgrade:
                upgrade.run()
    except FAULTS as problem:
        print(f"NOT VERIFIED: {problem}\n\nThe stack's last words:\n{stack.output}")
        return 1
    except KeyboardInterrupt:
        return 130
    print("Verified: one upgrade, seen alike by API, stream, chain, Kafka and audit record.")
    return 0


FAULTS = (
    NotVerified,
    NotAnNft,
    Unexpected,
    StartFailed,
    httpx.HTTPError,
    BotoCoreError,
    ClientError,
    KafkaException,
)
"""What can go wrong on the way, each told in one line."""


def _show_trouble(line: str) -> None:
    """What parts print while all is well is not shown but for the engines' names; a part that dies
    is."""
    if "starts again" in line or NAMED in line:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
