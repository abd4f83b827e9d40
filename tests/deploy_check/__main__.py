"""`python -m tests.deploy_check`: deploy, upgrade an NFT, deploy a change, destroy; in an emulator.

Needs Node (for the CDK's command line), no Docker and no account. Exit code 0 when all went as it
must. What an emulator cannot prove is listed in docs/deployment.md.
"""

import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from infra.bundling import ROOT
from local.client import Rpc
from local.kafka import API_VERSION
from local.process import Part
from local.wallet import named
from local.witnesses import is_unbroken, kafka_records
from nft_upgrade.http.pages import page_files
from tests.deploy_check.assemblies import CHANGED, CHANGED_SENDER, FIRST
from tests.deploy_check.consuming import (
    consume,
    expect_audited,
    expect_dead_letter,
    expect_mail,
    wants_mail,
)
from tests.deploy_check.deployed import Deployed, NotAsExpected, new_wallet
from tests.deploy_check.emulator import Emulator, with_environment, worker_peaks
from tests.deploy_check.listeners import exposed_ports

ACCOUNT = "aws://000000000000/us-east-1"
SERVICE = "NftUpgrade-dev-Service"
CDK = ROOT / "node_modules/.bin/cdk"
SLOT_MS = "100"
OPERATOR = named("operator")


class Cdk:
    """The command line, on the emulator."""

    def __init__(self, emulator: Emulator, directory: Path) -> None:
        self._environment = with_environment(emulator.environment)
        self._directory = directory

    def synthesize(self, context: Mapping[str, Any]) -> None:
        """Both assemblies; the command line deploys what is synthesized, as a pipeline does."""
        words = ["-m", "tests.deploy_check.assemblies", str(self._directory), json.dumps(context)]
        self._run([sys.executable, *words], ROOT)

    def bootstrap(self) -> None:
        # Where there is no cdk.json: an account is bootstrapped without an app.
        self._cdk("bootstrap", ACCOUNT)

    def deploy(self, assembly: str) -> dict[str, str]:
        """Both stacks; the service's outputs."""
        outputs = self._directory / "outputs.json"
        options = ["--require-approval=never", f"--outputs-file={outputs}"]
        self._cdk("deploy", "--all", *options, f"--app={self._directory / assembly}")
        said: dict[str, dict[str, str]] = json.loads(outputs.read_text())
        return said[SERVICE]

    def destroy(self, assembly: str) -> None:
        self._cdk("destroy", "--all", "--force", f"--app={self._directory / assembly}")

    def _cdk(self, *words: str) -> None:
        settings = ["--no-notices", "--no-version-reporting"]
        self._run([str(CDK), *words, *settings], self._directory)

    def _run(self, command: Sequence[str], directory: Path) -> None:
        done = subprocess.run(
            command,
            cwd=directory,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise NotAsExpected(f"{' '.join(command[:3])} failed:\n{_told(done.stdout)}")


def _told(output: str) -> str:
    """Without the hundreds of lines about what went well."""
    lines = [line for line in output.splitlines() if "_COMPLETE " not in line]
    return "\n".join([line for line in lines if "_IN_PROGRESS " not in line][-40:])


def tell(text: str) -> None:
    """For whoever waits in front of it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print what was done and how long it took."""
    begun = time.monotonic()
    yield
    tell(f"{time.monotonic() - begun:6.1f} s  {text}")


def check(stack: ExitStack) -> None:
    """All of it; raises at the first thing that is not as it must be."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    with step("the local Solana node, Kafka and the emulator run"):
        solana = stack.enter_context(
            Part("local.solana_node", "--port", "0", "--slot-ms", SLOT_MS)
        ).wait()
        kafka = stack.enter_context(Part("local.kafka", "--port", "0")).wait()
        emulator = Emulator(kafka=kafka, directory=directory)
        stack.callback(emulator.stop)
        emulator.wait()
    rpc = Rpc(solana)
    stack.callback(rpc.close)
    cdk = Cdk(emulator, directory)
    context = {
        "wheels": "host",
        "choices": {},
        "solana_genesis_hash": rpc.call("getGenesisHash"),
        "operator_wallets": OPERATOR.address,
    }
    try:
        _deploy_and_use(cdk, context, emulator, rpc, solana, kafka)
    except BaseException:
        tell(emulator.output)
        raise


def _prepare(cdk: Cdk, context: Mapping[str, Any]) -> None:
    with ThreadPoolExecutor() as pool:
        for each in [pool.submit(cdk.synthesize, context), pool.submit(cdk.bootstrap)]:
            each.result()


def _deploy_and_use(
    cdk: Cdk, context: Mapping[str, Any], emulator: Emulator, rpc: Rpc, solana: str, kafka: str
) -> None:
    with step("cdk bootstrap; both assemblies are synthesized meanwhile"):
        _prepare(cdk, context)
    with step("cdk deploy --all"):
        outputs = cdk.deploy(FIRST)
    brokers = {"KAFKA_BOOTSTRAP_SERVERS": kafka, "KAFKA_API_VERSION": API_VERSION}
    deployed = Deployed(emulator, outputs, solana, brokers)
    deployed.put_providers(solana)
    deployed.speak_plainly_to_kafka()
    with step("an upgrade through the deployed API, functions and state machine"):
        _upgrade(deployed, rpc, kafka)
    with step("an operator's view through its own function, and the pages in their bucket"):
        _operate(deployed)
    with step("the smoke suite, as far as an emulator goes"):
        _smoke(deployed)
    _expect_nobody_exposed()
    tell(f"          peak memory, MiB: {_told_peaks(deployed)}")
    with step("cdk deploy --all, with a change"):
        cdk.deploy(CHANGED)
        _expect_sender(deployed)
        if deployed.providers() != solana:
            raise NotAsExpected("the deployment wrote over the operator's providers")
    with step("cdk destroy --all"):
        cdk.destroy(CHANGED)
        _expect_nothing_left(deployed)


def _upgrade(deployed: Deployed, rpc: Rpc, kafka: str) -> None:
    refused = deployed.outsider().get("/api/nft/upgrade/health")
    if refused.status_code not in (401, 403):
        raise NotAsExpected(f"the API answered somebody without the secret: {refused.status_code}")
    wallet = new_wallet()
    with step("  the first NFT is issued"):
        nft_id = deployed.first_nft(rpc, wallet)
    with step("  burn, mint, completed"):
        user = deployed.user()
        answer = user.upgrade(rpc, wallet, nft_id)
        request = answer["upgradeRequest"]
    held = (rpc.held(wallet.address, request["newNftId"]), rpc.held(wallet.address, nft_id))
    if held != (1, 0):
        raise NotAsExpected(f"the wallet holds (new, old) = {held}")
    count = len(answer["statusHistory"])
    with step("  its events are in Kafka, in order"):
        _expect_records(kafka, request["id"], count)
    with step("  figures, mail, audit objects, a dead letter"):
        wants_mail(deployed, wallet.address)
        consume(deployed, kafka)
        _expect_figures(user.stats())
        expect_mail(deployed)
        expect_audited(deployed, request["id"], count)
        expect_dead_letter(deployed)
    with step("  the sweep finds nothing to do, and a step that comes again neither"):
        _expect_rest(deployed, request["id"])


def _expect_figures(stats: Mapping[str, Any]) -> None:
    if (stats["level"], stats["upgrades"]["completed"]) != (2, 1):
        raise NotAsExpected(f"analytics: {stats}")


def _expect_rest(deployed: Deployed, upgrade_id: str) -> None:
    report = deployed.invoke("sweep", {})
    again = deployed.invoke("mark-retryable", {"upgradeRequestId": upgrade_id, "run": 1})
    if report["faults"] or report["paged"] or report["driven"] or again["status"] != "completed":
        raise NotAsExpected(f"sweep: {report}; marked: {again}")


def _operate(deployed: Deployed) -> None:
    """An operator is let in and acts, a user is not; every page is in the bucket."""
    if (code := deployed.user().operate(new_wallet()).status_code) != 403:
        raise NotAsExpected(f"a user was answered {code} by the operators' API")
    seen = deployed.user().operate(OPERATOR)
    if seen.status_code != 200 or seen.json()["minting"]["isPaused"] is not True:
        raise NotAsExpected(f"the operator sees {seen.status_code} {seen.text}")
    missing = {key for key, _ in page_files(ROOT / "web")} - deployed.page_keys()
    if missing:
        raise NotAsExpected(f"pages that are not served: {sorted(missing)}")


def _expect_records(kafka: str, upgrade_id: str, count: int) -> None:
    """Every event up to the last, each with its predecessor's hash."""
    records = kafka_records(kafka, upgrade_id, until=count, seconds=40)
    types = [each.value["eventType"] for each in records]
    if types[-1:] != ["upgrade_completed"] or not is_unbroken([each.value for each in records]):
        raise NotAsExpected(f"Kafka has {types}")


def _smoke(deployed: Deployed) -> None:
    """The suite that a real account is tested with, so that its first run there is not its first
    run at all."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:xdist", "-m", "aws", "tests/smoke"],
        cwd=ROOT,
        env=with_environment(deployed.smoke_environment),
        text=True,
        capture_output=True,
    )
    tell("\n".join(f"          {line}" for line in done.stdout.splitlines()[-6:]))
    if done.returncode:
        raise NotAsExpected(f"smoke suite:\n{done.stdout[-4000:]}")


def _told_peaks(deployed: Deployed) -> str:
    peaks = worker_peaks(deployed.name)
    return ", ".join(f"{name} {mib:.0f}" for name, mib in sorted(peaks.items()))


def _expect_nobody_exposed() -> None:
    if ports := exposed_ports():
        raise NotAsExpected(f"listening on every address: {sorted(ports)}")


def _expect_sender(deployed: Deployed) -> None:
    configuration = deployed.client("lambda").get_function_configuration(
        FunctionName=f"{deployed.name}-notify"
    )
    sender = configuration["Environment"]["Variables"]["NOTIFY_SENDER"]
    if sender != CHANGED_SENDER:
        raise NotAsExpected(f"the change did not arrive: {sender}")


def _expect_nothing_left(deployed: Deployed) -> None:
    functions = deployed.client("lambda").list_functions()["Functions"]
    tables = deployed.client("dynamodb").list_tables()["TableNames"]
    left = [each["FunctionName"] for each in functions] + tables
    if any(name.startswith(deployed.name) for name in left):
        raise NotAsExpected(f"left behind: {left}")


def main() -> int:
    try:
        with step("altogether"), ExitStack() as stack:
            check(stack)
    except NotAsExpected as problem:
        tell(f"FAILED: {problem}")
        return 1
    except Exception as problem:  # noqa: BLE001 - whatever it was: one line first, then where
        tell(f"FAILED: {type(problem).__name__}: {problem}")
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
