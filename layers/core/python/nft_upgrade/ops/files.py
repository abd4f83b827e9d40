"""Files that operators keep: JSON, one object a line."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nft_upgrade.domain.nft_account import Creation
from nft_upgrade.use_cases.scanning import ScanPage


def read_registered(path: Path) -> Mapping[str, int]:
    """Mints with their levels, from lines `{"mint": ..., "level": n}`; ValueError, OSError."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    try:
        return {str(row["mint"]): int(row["level"]) for row in rows}
    except (KeyError, TypeError) as error:
        raise ValueError(f'{path}: a line is {{"mint": "...", "level": n}}') from error


class FilePages:
    """A scan's pages in a file. A line that a crash cut short is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Sequence[ScanPage]:
        """OSError when the file cannot be read; none there: no pages."""
        if not self._path.exists():
            return ()
        whole, _, cut = self._path.read_bytes().rpartition(b"\n")
        if cut:
            self._path.write_bytes(whole + b"\n" if whole else b"")
        return [_page(json.loads(line)) for line in whole.splitlines()]

    def add(self, page: ScanPage) -> None:
        """On disk when it returns."""
        with self._path.open("ab") as file:
            file.write(json.dumps(_facts(page)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _facts(page: ScanPage) -> dict[str, Any]:
    rows = [
        [each.mint, each.signature, each.recipient, each.created_at and each.created_at.isoformat()]
        for each in page.creations
    ]
    return {"newest": page.newest, "oldest": page.oldest, "creations": rows}


def _page(facts: dict[str, Any]) -> ScanPage:
    creations = tuple(
        Creation(mint, signature, recipient, moment and datetime.fromisoformat(moment))
        for mint, signature, recipient, moment in facts["creations"]
    )
    return ScanPage(facts["newest"], facts["oldest"], creations)
