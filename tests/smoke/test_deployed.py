"""What only a real account and Solana devnet can prove. `SMOKE_STAGE=dev pytest tests/smoke`.

Needs credentials and a deployed stage. Without SMOKE_STAGE nothing here is collected as runnable:
these are the only tests that may be absent from a run, because they cost money.

`make deploy-check` runs them on an emulator: SMOKE_URL and SMOKE_HEADERS (JSON) then say how the
API is reached without CloudFront, and what only AWS can prove (`only_aws`) is left out.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
EMULATOR = os.environ.get("SMOKE_URL")
HEADERS: dict[str, str] = json.loads(os.environ.get("SMOKE_HEADERS", "{}"))
only_aws = pytest.mark.skipif(bool(EMULATOR), reason="an emulator cannot prove it")
only_prod = pytest.mark.skipif(STAGE != "prod", reason="choices are asked for in prod alone")
DEVNET = os.environ.get("SMOKE_SOLANA_RPC_URL", "https://api.devnet.solana.com")
FINAL_WITHIN_SECONDS = 180


@cache
def outputs() -> dict[str, str]:
    stack = boto3.client("cloudformation").describe_stacks(StackName=f"NftUpgrade-{STAGE}-Service")
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Stacks"][0]["Outputs"]}


@pytest.fixture
def http() -> Any:
    base = EMULATOR or outputs()["Url"]
    with httpx.Client(base_url=base, headers=HEADERS, timeout=60, http2=False) as client:
        yield client


def test_health_answers(http: httpx.Client) -> None:
    assert http.get("/api/nft/upgrade/health").status_code == 200


def test_whoever_is_not_signed_in_is_refused_with_a_problem(http: httpx.Client) -> None:
    answer = http.get("/api/nft/upgrade/user/requests")
    assert answer.status_code == 401
    assert "problem+json" in answer.headers["content-type"]


@only_aws
def test_answers_through_cloudfront_have_security_headers(http: httpx.Client) -> None:
    answer = http.get("/api/nft/upgrade/health")
    assert "max-age" in answer.headers["strict-transport-security"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'h3="' in answer.headers["alt-svc"]


@only_aws
def test_api_refuses_who_goes_round_cloudfront() -> None:
    direct = httpx.get(f"https://{outputs()['ApiHost']}/api/nft/upgrade/health")
    assert direct.status_code in (401, 403)


@only_prod
def test_nothing_of_production_is_a_placeholder() -> None:
    assert "Next5Choose" not in outputs(), outputs()["Next5Choose"]


@only_prod
def test_somebody_is_woken() -> None:
    """A subscription that was never confirmed has no ARN."""
    answer = boto3.client("sns").list_subscriptions_by_topic(TopicArn=outputs()["AlarmTopic"])
    assert any(each["SubscriptionArn"].startswith("arn:") for each in answer["Subscriptions"])


@only_aws
def test_nobody_but_the_mint_functions_may_sign() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("kms").sign(
            KeyId=f"alias/nft-upgrade-{STAGE}/mint",
            Message=b"not a mint",
            MessageType="RAW",
            SigningAlgorithm="ED25519_SHA_512",
        )


def test_consumers_are_bound_to_every_topic() -> None:
    sources = (
        boto3.client("lambda")
        .get_paginator("list_event_source_mappings")
        .paginate(FunctionName=f"nft-upgrade-{STAGE}-audit")
    )
    found = [each for page in sources for each in page["EventSourceMappings"]]
    assert len(found) == 5
    assert {each["State"] for each in found} == {"Enabled"}


def test_alarms_exist_and_say_where_to_look() -> None:
    pages = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate()
    alarms = [
        each
        for page in pages
        for each in page["MetricAlarms"]
        if "Runbook: docs/" in each.get("AlarmDescription", "")
    ]
    assert len(alarms) >= 20
    assert all(each["AlarmActions"] for each in alarms)


def test_gauge_measures_what_the_alarms_watch() -> None:
    measured = invoke("infra-gauge", {})
    assert measured["WalletLamports"] > 0
    assert measured["OldestWaitSeconds"] < 600


def test_upgrade_on_a_public_cluster_ends_final(http: httpx.Client) -> None:
    """Burns and mints for real, on devnet; the system wallet must have been funded. Before that,
    minting is paused for a moment: who opens then is refused by the very next call."""
    wallet, rpc = Wallet(Keypair()), Rpc(DEVNET)
    rpc.wait_for(rpc.call("requestAirdrop", wallet.address, 1_000_000_000), commitment="finalized")
    claim = {"claimId": f"smoke-{wallet.address}", "recipient": wallet.address}
    nft_id = issue(claim)["nftId"]
    sign_in(http, wallet)
    order = {"currentNftId": nft_id, "targetLevel": 2}
    with paused("smoke test"):
        refused = told(http.post("/api/nft/upgrade", json=order), 503)
        assert refused["code"] == "minting_paused"
    opened = told(http.post("/api/nft/upgrade", json=order), 201)
    burn = rpc.send(wallet.signed(opened["burnTransaction"]))
    path = f"/api/nft/upgrade/{opened['upgradeRequestId']}"
    told(http.post(f"{path}/burn-confirmation", json={"burnTransactionHash": burn}), 202)
    completed = wait_until_completed(http, path)
    rpc.wait_for(completed["mintTransactionHash"], commitment="finalized")
    assert rpc.held(wallet.address, completed["newNftId"]) == 1


@only_aws
def test_stream_begins_through_cloudfront(http: httpx.Client) -> None:
    """Without a session it is refused by the relay, not by a proxy: the route works."""
    answer = http.get("/api/nft/upgrade/01ARZ3NDEKTSV4RRFFQ69G5FAV/events")
    assert answer.status_code == 401
    assert "problem+json" in answer.headers["content-type"]


@contextmanager
def paused(reason: str) -> Iterator[None]:
    """By the operators' command, from outside of what is deployed; over in any case."""
    try:
        operate("pause", reason)
        yield
    finally:
        operate("resume")


def operate(*words: str) -> None:
    settings = {
        "TABLE_PREFIX": f"nft-upgrade-{STAGE}-",
        "SOLANA_RPC_URLS": DEVNET,
        "MINT_KMS_KEY_ID": f"alias/nft-upgrade-{STAGE}/mint",
    }
    command = [sys.executable, "-m", "nft_upgrade.ops", *words]
    subprocess.run(command, env={**os.environ, **settings}, check=True)


def issue(claim: dict[str, str]) -> dict[str, Any]:
    """Asked again until the mint is final."""
    deadline = time.monotonic() + FINAL_WITHIN_SECONDS
    while True:
        answer = invoke("issue-nft", claim)
        if "nftId" in answer:
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(1 if EMULATOR else 5)


def invoke(name: str, event: dict[str, str]) -> dict[str, Any]:
    """A function's answer, or its error."""
    answer = boto3.client("lambda").invoke(
        FunctionName=f"nft-upgrade-{STAGE}-{name}", Payload=json.dumps(event).encode()
    )
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    return body


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
