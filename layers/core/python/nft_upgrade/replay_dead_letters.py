"""`python -m nft_upgrade.replay_dead_letters [--replay] [--drop LETTER_ID ...]`: what could not be
taken, listed; and after a fix, given to the consumers again.

It needs the variables of `KafkaSettings` (docs/api.md). On AWS call the function of the same name
(docs/operations.md): the brokers are reached from inside the network alone.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nft_upgrade import wiring_events
from nft_upgrade.consumers.ports import DeadLetter
from nft_upgrade.domain.events import iso

SHOWN = 100
"""Letters in one answer: a Lambda's is at most 6 MB."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """`{replay: bool, drop: [letter id]}` -> what was done, or what is waiting."""
    if request.get("replay"):
        return asdict(wiring_events.replaying().replay(drop=request.get("drop", ())))
    waiting = wiring_events.replaying().waiting()
    return {"waiting": len(waiting), "letters": [shown(each) for each in waiting[:SHOWN]]}


def shown(letter: DeadLetter) -> dict[str, Any]:
    """One letter for people."""
    return {
        "letterId": letter.letter_id,
        "consumer": letter.consumer,
        "record": f"{letter.topic}-{letter.partition}@{letter.offset}",
        "kind": letter.kind,
        "reason": letter.reason,
        "failedAt": iso(letter.at),
        "isReadableNow": wiring_events.replaying().is_readable(letter),
        "value": letter.original.decode(errors="replace")[:500],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="nft_upgrade.replay_dead_letters", description=__doc__)
    parser.add_argument("--replay", action="store_true", help="without it, they are only listed")
    parser.add_argument("--drop", nargs="*", default=[], metavar="LETTER_ID", help="not kept")
    options = parser.parse_args(arguments)
    done = answer({"replay": options.replay, "drop": options.drop})
    sys.stdout.write(json.dumps(done, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
