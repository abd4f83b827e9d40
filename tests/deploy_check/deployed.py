"""A deployed stage, as an operator with the AWS API and a user with a wallet see it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
import httpx
from botocore.config import Config
from solders.keypair import Keypair

from infra.rows import ROWS
from local.client import Rpc, Wallet, told
from nft_upgrade.config import KafkaSettings
from tests.deploy_check.emulator import Emulator

T = TypeVar("T")
KAFKA_FUNCTIONS = [row.name for row in ROWS if issubclass(row.settings, KafkaSettings)]
WALLET_LAMPORTS = 1_000_000_000_000
USER_LAMPORTS = 2_000_000_000
DONE_WITHIN_SECONDS = 90.0


class NotAsExpected(Exception):
    """The deployed product did something else than it should."""


@dataclass(frozen=True)
class Deployed:
    """One stage in the emulator. `outputs` are the service stack's."""

    emulator: Emulator
    outputs: Mapping[str, str]
    solana: str
    kafka_environment: Mapping[str, str]
    name: str = "nft-upgrade-dev"

    def client(self, service: str) -> Any:
        """boto3 with patience: a first call unpacks layers."""
        config = Config(read_timeout=120, retries={"total_max_attempts": 1})
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.emulator.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )

    def put_providers(self, urls: str) -> None:
        """As docs/deployment.md tells the operator to."""
        secrets = self.client("secretsmanager")
        secrets.put_secret_value(SecretId=f"{self.name}/solana-rpc-urls", SecretString=urls)

    def providers(self) -> str:
        """What the functions read."""
        answer = self.client("secretsmanager").get_secret_value(
            SecretId=f"{self.name}/solana-rpc-urls"
        )
        return str(answer["SecretString"])

    def speak_plainly_to_kafka(self) -> None:
        """The local brokers know neither IAM nor TLS; nothing else is changed."""
        functions = self.client("lambda")
        for name in KAFKA_FUNCTIONS:
            full_name = f"{self.name}-{name.replace('_', '-')}"
            variables = functions.get_function_configuration(FunctionName=full_name)["Environment"][
                "Variables"
            ]
            variables |= {**self.kafka_environment, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
            variables.pop("KAFKA_SASL_MECHANISM", None)
            functions.update_function_configuration(
                FunctionName=full_name, Environment={"Variables": variables}
            )

    def invoke(self, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """A function's answer; NotAsExpected when it raised."""
        answer = self.client("lambda").invoke(
            FunctionName=f"{self.name}-{name.replace('_', '-')}", Payload=json.dumps(event).encode()
        )
        body: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        if "FunctionError" in answer:
            raise NotAsExpected(f"{name}: {body}")
        return body

    def first_nft(self, rpc: Rpc, wallet: Wallet) -> str:
        """Fund both wallets and issue; asked again until the mint is final."""
        rpc.call("requestAirdrop", self.outputs["SystemWallet"], WALLET_LAMPORTS)
        rpc.call("requestAirdrop", wallet.address, USER_LAMPORTS)
        claim = {"claimId": "deploy-check", "recipient": wallet.address}
        issued = patiently(lambda: self.invoke("issue-nft", claim), NotAsExpected)
        return str(issued["nftId"])

    def user(self) -> "User":
        """What comes through CloudFront carries the secret."""
        url, headers = self._through_cloudfront()
        return User(httpx.Client(base_url=url, headers=headers, timeout=120))

    @property
    def smoke_environment(self) -> dict[str, str]:
        """What tests/smoke needs here beside credentials."""
        url, headers = self._through_cloudfront()
        return {
            **self.emulator.environment,
            "SMOKE_STAGE": self.name.rsplit("-", 1)[1],
            "SMOKE_URL": url,
            "SMOKE_HEADERS": json.dumps(headers),
            "SMOKE_SOLANA_RPC_URL": self.solana,
        }

    def _through_cloudfront(self) -> tuple[str, dict[str, str]]:
        secret = self.client("secretsmanager").get_secret_value(SecretId=f"{self.name}/origin")
        url, headers = self.emulator.api(self.outputs["ApiHost"].split(".")[0])
        return url, headers | {"x-origin-verify": secret["SecretString"]}

    def page_keys(self) -> set[str]:
        """What the bucket of the pages holds."""
        s3 = self.client("s3")
        (name,) = [
            each["Name"] for each in s3.list_buckets()["Buckets"] if "pagesbucket" in each["Name"]
        ]
        return {each["Key"] for each in s3.list_objects_v2(Bucket=name).get("Contents", ())}

    def outsider(self) -> httpx.Client:
        """Somebody who found the API's own address."""
        url, headers = self.emulator.api(self.outputs["ApiHost"].split(".")[0])
        return httpx.Client(base_url=url, headers=headers, timeout=120)


@dataclass(frozen=True, slots=True)
class User:
    """A wallet's owner."""

    http: httpx.Client

    def upgrade(self, rpc: Rpc, wallet: Wallet, nft_id: str) -> dict[str, Any]:
        """Sign in, open, burn, confirm, wait; the completed request with its history."""
        self._sign_in(wallet)
        order = {"currentNftId": nft_id, "targetLevel": 2}
        opened = told(self.http.post("/api/nft/upgrade", json=order), 201)
        path = f"/api/nft/upgrade/{opened['upgradeRequestId']}"
        burn = rpc.send(wallet.signed(opened["burnTransaction"]))
        rpc.wait_for(burn, commitment="confirmed")
        body = {"burnTransactionHash": burn}
        told(self.http.post(f"{path}/burn-confirmation", json=body), 202)
        return patiently(lambda: self._completed(path), NotAsExpected)

    def stats(self) -> dict[str, Any]:
        """What `analytics` made of this user's events."""
        return told(self.http.get("/api/stats/me"), 200)

    def operate(self, wallet: Wallet) -> httpx.Response:
        """Pause minting, look, and take new upgrades again; the first refusal, or what was seen."""
        self._sign_in(wallet)
        paused = self.http.post("/api/ops/minting/pause", json={"reason": "deploy check"})
        if paused.status_code != 200:
            return paused
        seen = self.http.get("/api/ops/status")
        told(self.http.post("/api/ops/minting/resume", json={"reason": "deploy check"}), 200)
        return seen

    def _sign_in(self, wallet: Wallet) -> None:
        address = {"address": wallet.address}
        challenge = told(self.http.post("/api/auth/challenge", json=address), 200)
        proof = wallet.sign_in(challenge["input"])
        session = told(self.http.post("/api/auth/verify", json=proof), 200)
        self.http.headers["Authorization"] = f"Bearer {session['accessToken']}"

    def _completed(self, path: str) -> dict[str, Any]:
        answer = told(self.http.get(f"{path}/status"), 200)
        status = answer["upgradeRequest"]["status"]
        if status != "completed":
            raise NotAsExpected(f"the request is {status}: {answer}")
        return answer


def new_wallet() -> Wallet:
    return Wallet(Keypair())


def patiently(attempt: Callable[[], T], *errors: type[Exception]) -> T:
    """Again until it succeeds; the last error after `DONE_WITHIN_SECONDS`."""
    deadline = time.monotonic() + DONE_WITHIN_SECONDS
    while True:
        try:
            return attempt()
        except errors:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
