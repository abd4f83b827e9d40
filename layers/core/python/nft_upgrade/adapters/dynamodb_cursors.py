"""Where a page ended, as opaque text. A cursor names only what its reader may see anyway."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def write_cursor(*parts: str) -> str:
    """URL-safe text without padding."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> list[str]:
    """The parts; ValueError when the text is none of ours."""
    padded = cursor + "=" * (-len(cursor) % 4)
    parts = json.loads(urlsafe_b64decode(padded.encode()).decode())
    is_ours = isinstance(parts, list) and len(parts) == length
    if not is_ours or not all(isinstance(part, str) and part for part in parts):
        raise ValueError("not a cursor of ours")
    return [str(part) for part in parts]


def cut(found: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """The page out of `limit` + 1 found items, and its last item when there are more."""
    page = found[:limit]
    return page, page[-1] if len(found) > limit else None
