"""The house on real engines, driven in this process: API through Mangum, tasks by the ASL."""

import base64
import importlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solders.keypair import Keypair

from local.aws import environment
from local.aws_resources import create_tables
from local.client import Rpc, Wallet
from local.process import Part

FUNCTIONS = Path(__file__).parent.parent / "functions"
SLOTS_TO_FINAL = 4
LAMPORTS = 1_000_000_000
ORIGIN = "http://localhost:8000"


@contextmanager
def engines(*, slot_ms: int, dynamodb_local: bool) -> Iterator[str]:
    """KMS, Solana, AWS (and DynamoDB Local if wanted); the Solana URL. Sets the environment."""
    with ExitStack() as parts:
        kms = parts.enter_context(Part("local.kms", "--port", "0", "--seed", "benchmarks"))
        node = parts.enter_context(
            Part("local.solana_node", "--port", "0", "--slot-ms", str(slot_ms))
        )
        # Without Solana's address in its environment the emulator's own executions end at once:
        # the tasks are run here, where they can be timed and counted.
        aws = parts.enter_context(Part("local.aws", "--port", "0"))
        dynamodb = None
        if dynamodb_local:
            part = parts.enter_context(Part("local.dynamodb_local", "--port", "0"))
            dynamodb = part.wait(120)
            create_tables(dynamodb)
        os.environ.update(environment(aws.wait(), dynamodb))
        os.environ.update(_settings(kms.wait(), node.wait()))
        yield os.environ["SOLANA_RPC_URLS"]


def _settings(kms: str, solana: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_KMS": kms,
        "SOLANA_RPC_URLS": solana,
        "SOLANA_CHAIN_ID": "solana:localnet",
        "MINT_KMS_KEY_ID": "alias/mint",
        "SESSION_KMS_KEY_ID": "alias/session",
        "PUBLIC_ORIGIN": ORIGIN,
        "UPGRADE_RATE_PER_MINUTE": "100000",
        "AUTH_RATE_PER_MINUTE": "100000",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
    }


def function(name: str) -> Any:
    """The handler of functions/<name>.py."""
    import sys

    if str(FUNCTIONS) not in sys.path:
        sys.path.insert(0, str(FUNCTIONS))
    return importlib.import_module(name).handler


@dataclass(frozen=True, slots=True)
class Context:
    """What Mangum and Powertools read of Lambda's context."""

    function_name: str = "api"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:api"
    aws_request_id: str = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@dataclass
class Caller:
    """One signed-in wallet, calling the API's handler with API Gateway events."""

    wallet: Wallet = field(default_factory=lambda: Wallet(Keypair()))
    access_token: str | None = None
    took: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds of every call, by route."""

    def call(self, method: str, route: str, body: Any = None, **names: str) -> dict[str, Any]:
        """One request; RuntimeError for any answer but a success."""
        event = self._event(method, route.format(**names), body)
        begun = time.perf_counter()
        answer = function("api")(event, Context())
        elapsed = (time.perf_counter() - begun) * 1000
        self.took.setdefault(f"{method} {route}", []).append(elapsed)
        if answer["statusCode"] >= 300:
            raise RuntimeError(f"{method} {route}: {answer['statusCode']} {answer['body']}")
        told: dict[str, Any] = json.loads(answer["body"])
        return told

    def sign_in(self) -> None:
        challenge = self.call("POST", "/api/auth/challenge", {"address": self.wallet.address})
        verified = self.call("POST", "/api/auth/verify", self.wallet.sign_in(challenge["input"]))
        self.access_token = verified["accessToken"]

    def _event(self, method: str, target: str, body: Any) -> dict[str, Any]:
        path, _, query = target.partition("?")
        headers = {"host": "localhost:8000", "content-type": "application/json"}
        if self.access_token:
            headers["authorization"] = f"Bearer {self.access_token}"
        http = {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "benchmark",
        }
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "domainName": "localhost",
                "http": http,
                "requestId": "benchmark",
                "routeKey": "$default",
                "stage": "$default",
                "time": "01/Nov/2026:12:00:00 +0000",
                "timeEpoch": 1793534400000,
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }


def fund(rpc: Rpc) -> None:
    """SOL for the system wallet."""
    from nft_upgrade import wiring

    rpc.call("requestAirdrop", wiring.signer().address(), 1_000 * LAMPORTS)


def advance(rpc: Rpc, url: str, slots: int = SLOTS_TO_FINAL) -> None:
    """Let slots pass at once."""
    import httpx

    httpx.post(f"{url}/local/slots", json={"advance": slots}, trust_env=False).raise_for_status()


def issue(wallet: Wallet) -> str:
    """A level-1 NFT for the wallet; its mint."""
    event = {"claimId": f"benchmark-{wallet.address}", "recipient": wallet.address}
    return str(function("issue_nft")(event, Context())["nftId"])


def burn(rpc: Rpc, wallet: Wallet, burn_transaction: str) -> str:
    """Sign and send; the signature."""
    return rpc.send(wallet.signed(burn_transaction))


def size_of(transaction: str) -> int:
    """Bytes of a base64 transaction."""
    return len(base64.b64decode(transaction))
