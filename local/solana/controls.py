"""What tests and developers order over HTTP. Each control is a JSON object; answers are JSON.

POST /local/slots
    {"advance": n}                      n slots pass at once; answers {"slot"}
POST /local/calls
    {"node"?: name}                     how often each method was called: answers {"calls"}
POST /local/faults, about one node (`"node"`: its name, `first` when left out)
    {"method", "kind", "count", "seconds"?}
                                        the next `count` calls of `method` (`*`: any) go wrong;
                                        0 takes it back. Kinds: drop-send, null, lie, error-500,
                                        429 (Retry-After: seconds), garbage, stall (for seconds)
    {"kind": "lag", "slots": n}         its reads are n slots behind; 0: no longer
POST /local/faults, about the chain, so about all its nodes
    {"kind": "skip", "slots": n}        the next n slots have no block: answers {"first", "last"}
    {"kind": "expire-blockhashes"}      151 blocks pass at once: every blockhash is too old
    {"kind": "fork", "slots": n, "drop"?: [signatures]}
                                        the newest n slots are rolled back (-1: all that is not
                                        final); `drop`: only these are lost, the rest lands again.
                                        Answers {"dropped": [signatures]}. Lost transactions sent
                                        without `maxRetries: 0` are sent again by the node
    {"kind": "finality", "confirmed_after": blocks, "finalized_after": blocks}
    {"kind": "fail-mints", "count": n}  the payer of the next n upgrade mints has no money left
    {"scenario": name}                  scenarios.py; `none` ends it
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.solana.faults import Faults
from local.solana.ledger import MAX_AGE, Commitment, Ledger
from local.solana.scenarios import Scenario, Stage, upgrade_mint

Json = dict[str, Any]
FIRST_NODE = "first"
ALL_NOT_FINAL = -1


class Controls:
    """Carries out orders. ValueError: not an order."""

    def __init__(self, ledger: Ledger, nodes: Callable[[str], Faults], stage: Stage) -> None:
        self._ledger = ledger
        self._nodes = nodes
        self._stage = stage
        self._of_chain: Mapping[str, Callable[[Json], Json]] = {
            "skip": self._skip,
            "expire-blockhashes": self._expire,
            "fork": self._fork,
            "finality": self._finality,
            "fail-mints": self._fail_mints,
        }

    def carry_out(self, path: str, order: Any) -> Json:
        """LookupError: no such path."""
        if not isinstance(order, dict):
            raise ValueError("an order is a JSON object")
        if path == "/local/slots":
            self._ledger.advance(_natural(order, "advance"))
            return {"slot": self._ledger.tip.slot}
        if path == "/local/calls":
            return {"calls": dict(self._node(order).calls)}
        if path == "/local/faults":
            return self._fault(order)
        raise LookupError(path)

    def _fault(self, order: Json) -> Json:
        if "scenario" in order:
            self._stage.play(Scenario(_text(order, "scenario")))
            return {"scenario": self._stage.scenario}
        kind = _text(order, "kind")
        if kind in self._of_chain:
            return self._of_chain[kind](order)
        faults = self._node(order)
        if kind == "lag":
            faults.lag = _natural(order, "slots")
            return {"slots": faults.lag}
        count, seconds = _natural(order, "count"), order.get("seconds", 1.0)
        if not isinstance(seconds, int | float) or seconds < 0:
            raise ValueError("`seconds` must be a number, zero or more")
        faults.order(_text(order, "method"), kind, count, seconds=float(seconds))
        return {"count": count}

    def _node(self, order: Json) -> Faults:
        return self._nodes(_text({"node": FIRST_NODE, **order}, "node"))

    def _skip(self, order: Json) -> Json:
        gap = self._ledger.skip(_natural(order, "slots"))
        return {"first": gap.first, "last": gap.last}

    def _expire(self, order: Json) -> Json:
        schedule, tip = self._ledger.schedule, self._ledger.tip
        self._ledger.advance(schedule.slot_of(tip.height + MAX_AGE + 1) - tip.slot)
        return {"slot": self._ledger.tip.slot}

    def _fork(self, order: Json) -> Json:
        final = self._ledger.view(Commitment.FINALIZED).slot
        slots, dropped = order.get("slots"), order.get("drop")
        if dropped is not None and not isinstance(dropped, list):
            raise ValueError("`drop` must be a list of signatures")
        if slots != ALL_NOT_FINAL:
            final = self._ledger.tip.slot - _natural(order, "slots")
        return {"dropped": [each.signature for each in self._ledger.fork(final, dropped=dropped)]}

    def _finality(self, order: Json) -> Json:
        confirmed, finalized = (
            _natural(order, name) for name in ("confirmed_after", "finalized_after")
        )
        self._ledger.set_finality(confirmed, finalized)
        return {"confirmed_after": confirmed, "finalized_after": finalized}

    def _fail_mints(self, order: Json) -> Json:
        left = _natural(order, "count")

        def starves(transaction: Any) -> bool:
            nonlocal left
            if left == 0 or upgrade_mint(transaction) is None:
                return False
            left -= 1
            return True

        self._ledger.starves = starves
        return {"count": left}


def _text(order: Json, name: str) -> str:
    value = order.get(name)
    if not isinstance(value, str):
        raise ValueError(f"`{name}` must be a string")
    return value


def _natural(order: Json, name: str) -> int:
    value = order.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"`{name}` must be a whole number, zero or more")
    return value
