"""The chain side of one upgrade: CPU against a floor, RPC calls counted at the node, and how long
after the burn is final the mint is sent for the first time.

CPU: the floor, one Ed25519 verification and one parse of the transaction, is measured in the same
run, alternating with the rest. Calls: what the node itself counted, by method and phase. The delay:
a private stack with embedded engines; the status of the burn and the node's count of sends are
polled every few milliseconds.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from solders.keypair import Keypair

from benchmarks import calls, chain_samples
from benchmarks.figures import quantile, table
from benchmarks.house import engines
from local.client import Browser, Rpc, Wallet, told
from local.demo import FREE_PORTS
from local.process import Part

ROUNDS, REPEATS = 60, 20
UPGRADES = 20
POLL_SECONDS = 0.004
PATIENCE_SECONDS = 60.0


def main() -> None:
    """Print the tables."""
    _cpu()
    _calls()
    _delay()


# --- CPU -------------------------------------------------------------------------------------


def _cpu() -> None:
    works = chain_samples.works()
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            took[name].append(_microseconds(work))
    floor = statistics.median(took[chain_samples.FLOOR])
    rows = [
        (name, f"{statistics.median(times):.0f}", f"{statistics.median(times) / floor:.2f}")
        for name, times in took.items()
    ]
    title = f"CPU per upgrade, medians of {ROUNDS} alternating rounds"
    table(title, ("work", "µs", "of the floor"), rows)


def _microseconds(work: Callable[[], object]) -> float:
    begun = time.process_time_ns()
    for _ in range(REPEATS):
        work()
    return (time.process_time_ns() - begun) / REPEATS / 1_000


# --- calls -----------------------------------------------------------------------------------


class NodeTally(calls.Tally):
    """Takes the node's own counts whenever the phase changes."""

    def __init__(self, url: str) -> None:
        self.at_node: Counter[tuple[str, str]] = Counter()
        self._url = url
        self._seen = node_calls(url)
        self._phase = ""
        super().__init__()

    @property
    def phase(self) -> str:
        return self._phase

    @phase.setter
    def phase(self, phase: str) -> None:
        now = node_calls(self._url)
        for method, count in now.items():
            self.at_node[self._phase, method] += count - self._seen.get(method, 0)
        self._seen, self._phase = now, phase


def node_calls(url: str) -> Mapping[str, int]:
    """How often each method was called so far."""
    answer = httpx.post(f"{url}/local/calls", json={}, trust_env=False)
    counted: dict[str, int] = answer.raise_for_status().json()["calls"]
    return counted


def _calls() -> None:
    with engines(slot_ms=50, dynamodb_local=False) as url:
        tally, rpc = NodeTally(url), Rpc(url)
        calls.upgrade(rpc, url, tally)
        rpc.close()
    of_phases = {
        (phase, method): count
        for (phase, method), count in tally.at_node.items()
        if phase in calls.PHASES and count
    }
    methods = sorted({method for _, method in of_phases})
    rows: list[tuple[object, ...]] = [
        (method, *(of_phases.get((phase, method), "") for phase in calls.PHASES))
        for method in methods
    ]
    sums = [sum(n for (at, _), n in of_phases.items() if at == phase) for phase in calls.PHASES]
    rows.append(("all", *sums))
    table(f"RPC calls at the node: {sum(sums)}", ("method", *calls.PHASES), rows)


# --- from the final burn to the first send ---------------------------------------------------


def _delay() -> None:
    with Part("local", environment={**FREE_PORTS, "DATA_DIR": None}) as stack:
        origin = stack.wait(400)
        delays = [_one_delay(origin) for _ in range(UPGRADES)]
    rows = [
        (
            f"{statistics.median(delays):.0f}",
            f"{quantile(delays, 0.95):.0f}",
            f"{min(delays):.0f}..{max(delays):.0f}",
        )
    ]
    title = f"From the finalized burn to the mint's first send, {UPGRADES} upgrades"
    table(title, ("median ms", "p95 ms", "lowest..highest"), rows)


def _one_delay(origin: str) -> float:
    """Milliseconds, for a wallet of its own."""
    browser, wallet = Browser(origin), Wallet(Keypair())
    url = told(browser.get("/local/addresses"), 200)["solanaRpcUrl"]
    rpc = Rpc(url)
    try:
        browser.sign_in(wallet)
        gift = told(browser.post("/local/faucet", {"address": wallet.address}), 200)
        order = {"currentNftId": gift["nftId"], "targetLevel": 2}
        opened = told(browser.post("/api/nft/upgrade", order), 201)
        burn = rpc.send(wallet.signed(opened["burnTransaction"]))
        sends = node_calls(url)["sendTransaction"]
        path = f"/api/nft/upgrade/{opened['upgradeRequestId']}/burn-confirmation"
        told(browser.post(path, {"burnTransactionHash": burn}), 202)
        return _between(rpc, url, burn, sends)
    finally:
        rpc.close()
        browser.close()


def _between(rpc: Rpc, url: str, burn: str, sends: int) -> float:
    final_at, deadline = None, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if final_at is None and _is_final(rpc.call("getSignatureStatuses", [burn])):
            final_at = time.monotonic()
        if final_at is not None and node_calls(url)["sendTransaction"] > sends:
            return (time.monotonic() - final_at) * 1000
        time.sleep(POLL_SECONDS)
    raise SystemExit("the mint was not sent in time")


def _is_final(answer: Any) -> bool:
    (status,) = answer["value"]
    return bool(status) and status["confirmationStatus"] == "finalized"
