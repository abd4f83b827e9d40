"""The API's handler through Mangum in this process, engines real: time per route.

Moto and the Solana node answer from other processes on the same two cores, so most of a figure is
theirs; `health` asks nobody and is the floor.
"""

from benchmarks.figures import quantile, table
from benchmarks.house import Caller, burn, engines, fund, issue
from local.client import Rpc

READS = 200
USERS = 12


def main() -> None:
    """Print the table."""
    with engines(slot_ms=40, dynamodb_local=False) as url:
        rpc = Rpc(url)
        fund(rpc)
        took: dict[str, list[float]] = {}
        for _ in range(USERS):
            for route, times in _one_user(rpc).items():
                took.setdefault(route, []).extend(times)
        rpc.close()
    rows = [
        (route, len(times), f"{quantile(times, 0.5):.1f}", f"{quantile(times, 0.99):.1f}")
        for route, times in sorted(took.items())
    ]
    table("API routes through Mangum, warm", ("route", "calls", "p50 ms", "p99 ms"), rows)


def _one_user(rpc: Rpc) -> dict[str, list[float]]:
    caller = Caller()
    rpc.call("requestAirdrop", caller.wallet.address, 1_000_000_000)
    caller.sign_in()
    nft_id = issue(caller.wallet)
    caller.call("GET", "/api/nft/upgrade/health")
    caller.took.clear()  # the first calls of a process build clients
    caller.sign_in()
    caller.call("GET", "/api/nft/can-upgrade?targetLevel=2")
    body = {"currentNftId": nft_id, "targetLevel": 2}
    opened = caller.call("POST", "/api/nft/upgrade", body)
    upgrade_id = opened["upgradeRequestId"]
    for _ in range(READS // USERS):
        caller.call("GET", "/api/nft/upgrade/health")
        caller.call("GET", "/api/nft")
        caller.call("GET", "/api/nft/upgrade/{id}/status", id=upgrade_id)
        caller.call("GET", "/api/nft/upgrade/user/requests")
    caller.call("GET", "/api/nft/upgrade/{id}/burn-transaction", id=upgrade_id)
    caller.call("POST", "/api/nft/upgrade/{id}/events-ticket", id=upgrade_id)
    signature = burn(rpc, caller.wallet, opened["burnTransaction"])
    confirm = "/api/nft/upgrade/{id}/burn-confirmation"
    caller.call("POST", confirm, {"burnTransactionHash": signature}, id=upgrade_id)
    return caller.took
