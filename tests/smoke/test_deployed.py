"""What only a real account and Solana devnet can prove. `SMOKE_STAGE=dev pytest tests/smoke`.

Needs credentials and a deployed stage. Without SMOKE_STAGE nothing here is collected as runnable:
these are the only tests that may be absent from a run, because they cost money.
"""

import json
import os
import time
from functools import cache
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from solders.keypair import Keypair

from local.client import Rpc, Wallet, told

STAGE = os.environ.get("SMOKE_STAGE", "")
pytestmark = [
    pytest.mark.aws,
    pytest.mark.skipif(not STAGE, reason="SMOKE_STAGE names no deployed stage"),
]
DEVNET = os.environ.get("SMOKE_SOLANA_RPC_URL", "https://api.devnet.solana.com")
FINAL_WITHIN_SECONDS = 180


@cache
def outputs() -> dict[str, str]:
    stack = boto3.client("cloudformation").describe_stacks(StackName=f"NftUpgrade-{STAGE}-Service")
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Stacks"][0]["Outputs"]}


@pytest.fixture
def http() -> Any:
    with httpx.Client(base_url=outputs()["Url"], timeout=60, http2=False) as client:
        yield client


def test_health_answers_through_cloudfront_with_security_headers(http: httpx.Client) -> None:
    answer = http.get("/api/nft/upgrade/health")
    assert answer.status_code == 200
    assert "max-age" in answer.headers["strict-transport-security"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'h3="' in answer.headers["alt-svc"]


def test_api_refuses_who_goes_round_cloudfront() -> None:
    direct = httpx.get(f"https://{outputs()['ApiHost']}/api/nft/upgrade/health")
    assert direct.status_code in (401, 403)


def test_nobody_but_the_mint_functions_may_sign() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("kms").sign(
            KeyId=f"alias/nft-upgrade-{STAGE}/mint",
            Message=b"not a mint",
            MessageType="RAW",
            SigningAlgorithm="ED25519_SHA_512",
        )


def test_topics_exist_and_consumers_read_them() -> None:
    sources = (
        boto3.client("lambda")
        .get_paginator("list_event_source_mappings")
        .paginate(FunctionName=f"nft-upgrade-{STAGE}-audit")
    )
    found = [each for page in sources for each in page["EventSourceMappings"]]
    assert len(found) == 5
    assert {each["State"] for each in found} == {"Enabled"}


def test_upgrade_on_a_public_cluster_ends_final(http: httpx.Client) -> None:
    """Burns and mints for real, on devnet; the system wallet must have been funded."""
    wallet, rpc = Wallet(Keypair()), Rpc(DEVNET)
    rpc.wait_for(rpc.call("requestAirdrop", wallet.address, 1_000_000_000), commitment="finalized")
    claim = {"claimId": f"smoke-{wallet.address}", "recipient": wallet.address}
    nft_id = issue(claim)["nftId"]
    sign_in(http, wallet)
    order = {"currentNftId": nft_id, "targetLevel": 2}
    opened = told(http.post("/api/nft/upgrade", json=order), 201)
    burn = rpc.send(wallet.signed(opened["burnTransaction"]))
    path = f"/api/nft/upgrade/{opened['upgradeRequestId']}"
    told(http.post(f"{path}/burn-confirmation", json={"burnTransactionHash": burn}), 202)
    completed = wait_until_completed(http, path)
    rpc.wait_for(completed["mintTransactionHash"], commitment="finalized")
    assert rpc.held(wallet.address, completed["newNftId"]) == 1


def test_stream_begins_through_cloudfront(http: httpx.Client) -> None:
    """Without a session it is refused by the relay, not by a proxy: the route works."""
    answer = http.get("/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/events")
    assert answer.status_code == 401
    assert "problem+json" in answer.headers["content-type"]


def issue(claim: dict[str, str]) -> dict[str, Any]:
    deadline = time.monotonic() + FINAL_WITHIN_SECONDS
    while True:
        answer = boto3.client("lambda").invoke(
            FunctionName=f"nft-upgrade-{STAGE}-issue-nft", Payload=json.dumps(claim).encode()
        )
        body: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" not in answer:
            return body
        assert time.monotonic() < deadline, body
        time.sleep(5)


def sign_in(http: httpx.Client, wallet: Wallet) -> None:
    challenge = told(http.post("/api/auth/challenge", json={"address": wallet.address}), 200)
    session = told(http.post("/api/auth/verify", json=wallet.sign_in(challenge["input"])), 200)
    http.headers["Authorization"] = f"Bearer {session['accessToken']}"


def wait_until_completed(http: httpx.Client, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + FINAL_WITHIN_SECONDS
    while True:
        request: dict[str, Any] = told(http.get(f"{path}/status"), 200)["upgradeRequest"]
        if request["status"] == "completed":
            return request
        assert time.monotonic() < deadline, request
        time.sleep(2)
