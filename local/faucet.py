"""SOL and a level-1 NFT for a wallet, once: what a first upgrade on this machine begins with."""

import asyncio
import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import base58

from local.bootstrap import LAMPORTS_PER_SOL, RpcRefused, call

GIVEN_LAMPORTS = 2 * LAMPORTS_PER_SOL
ISSUE_FUNCTION = "issue_nft"
GIVEN_TABLE = "nft-upgrade-transient"
RETRYABLE = 503


LONGEST_BODY = 8192
LONGEST_ADDRESS = 44
"""Characters of 32 bytes in base58, at the most."""


class AddressProblem(Exception):
    """The body does not name a wallet."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FaucetEmpty(Exception):
    """Nothing could be given now (503), or never to this wallet (409)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = 1 if status == RETRYABLE else None


@dataclass(frozen=True, slots=True)
class Gift:
    """What a wallet was given, now or by an earlier call."""

    nft_id: str
    level: int
    lamports: int

    def as_json(self) -> dict[str, Any]:
        return {"nftId": self.nft_id, "level": self.level, "lamports": self.lamports}


def read_address(body: bytes) -> str:
    """The wallet in `{"address": ...}`; AddressProblem when there is none, base58 of 32 bytes."""
    if len(body) > LONGEST_BODY:
        raise AddressProblem("body_too_large", f"A body has at most {LONGEST_BODY} bytes.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AddressProblem("malformed_json", "The body is not JSON.") from error
    address = document.get("address") if isinstance(document, dict) else None
    if not isinstance(address, str) or not _is_public_key(address):
        raise AddressProblem("invalid_address", "`address` must be base58 of 32 bytes.")
    return address


class Faucet:
    """`give` is repeatable: the NFT's claim id is the wallet, and SOL given is remembered."""

    def __init__(self, rpc_url: str) -> None:
        self._rpc_url = rpc_url
        self._clients = _Clients()
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def give(self, address: str) -> Gift:
        """The wallet's gift; raises FaucetEmpty."""
        async with self._turns[address]:  # two calls at once must not both give SOL
            return await asyncio.to_thread(self._give, address)

    def _give(self, address: str) -> Gift:
        try:
            self._give_sol_once(address)
            return self._issue(address)
        except RpcRefused as refused:
            raise FaucetEmpty(RETRYABLE, "faucet_empty", str(refused)) from refused
        except _unavailable() as problem:
            raise FaucetEmpty(RETRYABLE, "part_unavailable", "A part is restarting.") from problem

    def _give_sol_once(self, address: str) -> None:
        table = {"TableName": GIVEN_TABLE}
        item = {"item": {"S": f"FAUCET#{address}"}}
        if "Item" in self._clients("dynamodb").get_item(Key=item, ConsistentRead=True, **table):
            return
        call(self._rpc_url, "requestAirdrop", address, GIVEN_LAMPORTS)
        # Written afterwards: a crash between the two gives SOL twice rather than never.
        self._clients("dynamodb").put_item(Item=item, **table)

    def _issue(self, address: str) -> Gift:
        order = {"claimId": f"faucet-{address}", "recipient": address}
        answer = self._clients("lambda").invoke(
            FunctionName=ISSUE_FUNCTION, Payload=json.dumps(order).encode()
        )
        facts = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FaucetEmpty(RETRYABLE, "faucet_empty", facts["errorMessage"])
        return Gift(facts["nftId"], facts["level"], GIVEN_LAMPORTS)


class _Clients:
    """boto3 clients, made on first use; where the services are, the environment says."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()  # boto3's default session is not thread-safe

    def __call__(self, service: str) -> Any:
        import boto3  # a third of a second: the stack is ready before, and few call the faucet

        with self._lock:
            if service not in self._made:
                self._made[service] = boto3.client(service)  # type: ignore[call-overload]
            return self._made[service]


def _unavailable() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError)


def _is_public_key(text: str) -> bool:
    if len(text) > LONGEST_ADDRESS:  # before decoding, whose time grows with the square
        return False
    try:
        raw = base58.b58decode(text)
    except ValueError:
        return False
    return len(raw) == 32 and base58.b58encode(raw).decode() == text
