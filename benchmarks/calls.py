"""What one upgrade asks of everybody else, counted: deterministic, no clock involved.

The burn is final before it is confirmed and the mint before it is awaited, so each poll asks once:
the least an upgrade can cost. DynamoDB Local reports the capacity units; transactions cost double.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient

from benchmarks import machine
from benchmarks.figures import table
from benchmarks.house import Caller, advance, burn, engines, fund, issue
from local.client import Rpc
from nft_upgrade.adapters.solana_rpc import RpcNode
from nft_upgrade.domain.events import EventType
from nft_upgrade.messages import topic_of

TASKS = ("VerifyBurn", "PrepareMint", "SubmitMint", "AwaitMint", "CompleteUpgrade")
PHASES = ("open", "confirm", *TASKS)


class Tally:
    """Calls per phase and kind, and DynamoDB's units."""

    def __init__(self) -> None:
        self.phase = ""
        self.calls: Counter[tuple[str, str]] = Counter()
        self.units: Counter[tuple[str, str]] = Counter()

    def count(self, kind: str) -> None:
        self.calls[self.phase, kind] += 1

    def kinds(self, prefix: str) -> list[str]:
        return sorted({kind for _, kind in self.calls if kind.startswith(prefix)})


@contextmanager
def counting(tally: Tally) -> Iterator[None]:
    """Every AWS and RPC call of this process passes through here. Measuring, not product code."""
    aws, rpc = BaseClient._make_api_call, RpcNode.call  # type: ignore[attr-defined]

    def counted_aws(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        tally.count(f"{service} {operation}")
        if service == "dynamodb":
            arguments = {**arguments, "ReturnConsumedCapacity": "TOTAL"}
        answer = aws(client, operation, arguments)
        for spent in _capacities(answer):
            for unit in ("ReadCapacityUnits", "WriteCapacityUnits"):
                tally.units[tally.phase, unit] += spent.get(unit, 0)
            if operation in ("GetItem", "Query"):
                tally.units[tally.phase, "ReadCapacityUnits"] += spent["CapacityUnits"]
            elif "ReadCapacityUnits" not in spent and "WriteCapacityUnits" not in spent:
                tally.units[tally.phase, "WriteCapacityUnits"] += spent["CapacityUnits"]
        return answer

    async def counted_rpc(node: RpcNode, method: str, *params: Any) -> Any:
        tally.count(f"rpc {method}")
        return await rpc(node, method, *params)

    BaseClient._make_api_call = counted_aws  # type: ignore[attr-defined]
    RpcNode.call = counted_rpc  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        BaseClient._make_api_call = aws  # type: ignore[attr-defined]
        RpcNode.call = rpc  # type: ignore[method-assign]


def _capacities(answer: dict[str, Any]) -> list[dict[str, Any]]:
    spent = answer.get("ConsumedCapacity", [])
    return spent if isinstance(spent, list) else [spent]


def main() -> None:
    """Print the tables."""
    tally = Tally()
    with engines(slot_ms=50, dynamodb_local=True) as url, counting(tally):
        rpc = Rpc(url)
        events, states = upgrade(rpc, url, tally)
        rpc.close()
    kinds = [*tally.kinds("dynamodb"), *tally.kinds("rpc"), *tally.kinds("kms"), *tally.kinds("s")]
    rows: list[tuple[object, ...]] = [
        (kind, *(tally.calls[phase, kind] or "" for phase in PHASES), _sum(tally.calls, kind))
        for kind in dict.fromkeys(kinds)
    ]
    for unit in ("ReadCapacityUnits", "WriteCapacityUnits"):
        cells = [f"{tally.units[phase, unit]:g}" for phase in PHASES]
        rows.append((unit, *cells, f"{_sum(tally.units, unit):g}"))
    table("Calls of one upgrade", ("call", *PHASES, "all"), rows)
    topics = Counter(topic_of(event) for event in events)
    others = [
        ("API calls (open, confirm)", 2),
        ("Lambda invocations by the workflow", sum(1 for s in states if s in PHASES)),
        ("Step Functions state transitions", len(states)),
        ("Kafka records", f"{len(events)} ({', '.join(f'{t}: {n}' for t, n in topics.items())})"),
        ("DynamoDB transactions (events)", len(events)),
    ]
    table("And besides", ("what", "count"), others)


def _sum(counter: Counter[tuple[str, str]], kind: str) -> float:
    return sum(counter[phase, kind] for phase in PHASES)


def upgrade(rpc: Rpc, url: str, tally: Tally) -> tuple[Any, list[str]]:
    """One upgrade; its events and the states its workflow passed."""
    from nft_upgrade import wiring

    fund(rpc)
    caller = Caller()
    rpc.call("requestAirdrop", caller.wallet.address, 1_000_000_000)
    caller.sign_in()
    nft_id = issue(caller.wallet)
    # A warm function: keys and clusters are known, connections open.
    caller.call("GET", "/api/nft/can-upgrade?targetLevel=2")

    tally.phase = "open"
    opened = caller.call("POST", "/api/nft/upgrade", {"currentNftId": nft_id, "targetLevel": 2})
    tally.phase = ""
    signature = burn(rpc, caller.wallet, opened["burnTransaction"])
    advance(rpc, url)
    upgrade_id = opened["upgradeRequestId"]
    tally.phase = "confirm"
    caller.call(
        "POST",
        "/api/nft/upgrade/{id}/burn-confirmation",
        {"burnTransactionHash": signature},
        id=upgrade_id,
    )

    def before(state: str) -> None:
        tally.phase = ""
        if state == "AwaitMint":
            advance(rpc, url)
        tally.phase = state

    states = machine.run(upgrade_id, before)
    tally.phase = ""
    events = wiring.upgrades().events(upgrade_id)
    if events[-1].type is not EventType.UPGRADE_COMPLETED:
        raise SystemExit(f"the upgrade ended as {events[-1].type}")
    return events, states
