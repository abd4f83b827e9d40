"""What a fresh stack needs before its first upgrade: SOL in the system wallet."""

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import base58

from local.settings import LOOPBACK, Ports

LAMPORTS_PER_SOL = 1_000_000_000
WALLET_LAMPORTS = 1_000 * LAMPORTS_PER_SOL
MINT_KMS_KEY_ID = "alias/mint"


class RpcRefused(OSError):
    """The node answered with an error; the message holds its words."""


def fund_system_wallet(ports: Ports) -> str:
    """Give the system wallet SOL when it has little; its address and balance, for people."""
    rpc = f"http://{LOOPBACK}:{ports.solana}"
    address = system_wallet(f"http://{LOOPBACK}:{ports.kms}")
    lamports = call(rpc, "getBalance", address)["value"]
    if lamports < WALLET_LAMPORTS // 2:
        call(rpc, "requestAirdrop", address, WALLET_LAMPORTS)
        lamports += WALLET_LAMPORTS
    return f"{address} holds {lamports / LAMPORTS_PER_SOL:.2f} SOL"


def system_wallet(kms_url: str) -> str:
    """The address of the KMS key that mints: the last 32 bytes of its DER public key."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "TrentService.GetPublicKey",
    }
    answer = _post(kms_url, {"KeyId": MINT_KMS_KEY_ID}, headers)
    public_key = base64.b64decode(answer["PublicKey"])
    return base58.b58encode(public_key[-32:]).decode()


def call(url: str, method: str, *parameters: Any) -> Any:
    """One JSON-RPC call's result; RpcRefused or another OSError when there is none."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    answer = _post(url, body, {"Content-Type": "application/json"})
    if "error" in answer:
        raise RpcRefused(f"{method}: {answer['error']}")
    return answer["result"]


def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), dict(headers))
    # No proxy from the environment: the address is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
    return answer
