"""DynamoDB's items on disk, so that the local stack goes on where it was killed.

`items.jsonl` holds one line per call: the items the call changed, as they were after it. A line is
flushed to the operating system before the call is answered, so nothing acknowledged is lost when
the process is killed (a power cut may lose the last lines: it is not synced to the disk). A torn
last line belongs to a call nobody was answered, and is dropped. At start the file is compacted to
one line per item that still exists.

Only DynamoDB is kept: objects in S3 (audit copies), mails and running executions die with the
process. The sweep restarts executions from the tables, under a new name.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

BINARY = "$bytes"
"""No attribute type has this name."""

Attributes = Mapping[str, Any]
Change = tuple[str, Attributes, Attributes | None]
"""Table, key, and the item as it is now (None: gone), in DynamoDB's JSON."""


class Journal:
    """An append-only file of changes in one directory. One process at a time."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "items.jsonl"
        self._file: TextIO | None = None

    def open(self) -> Iterator[tuple[str, Attributes]]:
        """Compact the file, begin to append, and give all items that exist."""
        items = self._read()
        self._compact(items)
        self._file = self._path.open("a", encoding="utf-8")
        return ((table, item) for (table, _), (_, item) in items.items())

    def write(self, changes: Sequence[Change]) -> None:
        """Append one call's changes; they are with the operating system when this returns."""
        if self._file is None:
            return  # still restoring: what is put now came from the file
        self._file.write(_line(changes))
        self._file.flush()

    def _read(self) -> dict[tuple[str, str], tuple[Attributes, Attributes]]:
        items: dict[tuple[str, str], tuple[Attributes, Attributes]] = {}
        for table, key, item in self._changes():
            identity = table, json.dumps(key, sort_keys=True)
            if item is None:
                items.pop(identity, None)
            else:
                items[identity] = key, item
        return items

    def _changes(self) -> Iterator[Change]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # else torn: nobody was told that it happened
                    yield from json.loads(line, object_hook=_bytes)

    def _compact(self, items: Mapping[tuple[str, str], tuple[Attributes, Attributes]]) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.writelines(_line([(table, *entry)]) for (table, _), entry in items.items())
        fresh.replace(self._path)


def _line(changes: Sequence[Change]) -> str:
    return json.dumps(changes, separators=(",", ":"), default=_binary) + "\n"


def _binary(value: object) -> dict[str, str]:
    """The emulator holds binary values as bytes, which JSON has none of."""
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} cannot be journalled")
    return {BINARY: base64.b64encode(value).decode()}


def _bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value[BINARY]) if value.keys() == {BINARY} else value
