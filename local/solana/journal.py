"""The chain on disk: one JSON line per genesis, era, gap, fork and accepted transaction, replayed
at start.

A line is flushed before its transaction is answered, so it outlives a killed process (not a power
cut). A torn last line is a transaction that was never answered: it is cut off.
"""

import base64
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeAlias

from solders.transaction import VersionedTransaction

from local.solana.ledger import Ledger
from local.solana.outcomes import Landed
from local.solana.slots import Era, Gap

FILE_NAME = "ledger.jsonl"
FORMAT = 1
ENTRIES = {"era", "gap", "fork", "transaction"}

Json: TypeAlias = dict[str, Any]


class JournalBroken(Exception):
    """The file is not a journal this node can continue; the message says where and why."""


class Journal:
    """Appends to `<folder>/ledger.jsonl`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self._file: IO[bytes] = self.path.open("ab")

    def close(self) -> None:
        self._file.close()

    def write_genesis(self, seed: str, skip_every: int, era: Era) -> None:
        head = {"format": FORMAT, "seed": seed, "skip_every": skip_every}
        self._write({**head, "era": asdict(era)})

    def write_era(self, era: Era) -> None:
        self._write({"era": asdict(era)})

    def write_gap(self, gap: Gap) -> None:
        self._write({"gap": asdict(gap)})

    def write_fork(self, slot: int, dropped: Collection[str]) -> None:
        self._write({"fork": {"slot": slot, "dropped": list(dropped)}})

    def write_landed(self, landed: Landed) -> None:
        wire = base64.b64encode(bytes(landed.transaction)).decode()
        entry = {"slot": landed.slot, "transaction": wire, "error": landed.error}
        self._write({**entry, "starved": True} if landed.starved else entry)

    def entries(self) -> Iterator[Json]:
        """Every whole line; what follows the last one is cut off."""
        whole = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield _entry(line, f"{self.path} line {number}")
        self._file.truncate(whole)

    def _write(self, entry: Json) -> None:
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._file.flush()


def replay(ledger: Ledger, entry: Json) -> None:
    """Let happen again what an entry records; JournalBroken when it ends differently."""
    match entry:
        case {"era": era}:
            ledger.schedule.begin(Era(**era))
        case {"gap": gap}:
            ledger.schedule.gaps.append(Gap(**gap))
        case {"fork": {"slot": slot, "dropped": dropped}}:
            ledger.fork(slot, dropped=dropped)
        case _:
            _execute(ledger, entry)


def _execute(ledger: Ledger, entry: Json) -> None:
    transaction = VersionedTransaction.from_bytes(base64.b64decode(entry["transaction"]))
    ledger.reach(ledger.schedule.height_of(entry["slot"]))
    landed = ledger.execute(transaction, entry["slot"], starved=entry.get("starved", False))
    if landed is None or landed.error != entry["error"]:
        raise JournalBroken(
            f"{transaction.signatures[0]} ended differently than recorded; "
            "the ledger was written by another version of the SVM: start with a new folder"
        )


def _entry(line: bytes, where: str) -> Json:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise JournalBroken(f"{where} is no JSON") from error
    if not isinstance(entry, dict) or not ENTRIES & entry.keys():
        raise JournalBroken(f"{where} is no entry")
    return entry
