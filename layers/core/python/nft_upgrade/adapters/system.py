"""The machine's own clock and a source of new ids."""

import time
from datetime import UTC, datetime

from ulid import ULID


class SystemClock:
    """Wall-clock time, aware, UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class UlidIds:
    """ULIDs: 26 characters, sortable by the millisecond they were made in."""

    def new(self) -> str:
        return str(ULID())
