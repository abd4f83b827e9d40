"""The machine's own clock, a source of new ids, and the trace that Lambda has set."""

import os
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


def xray_trace_id() -> str | None:
    """The X-Ray id (`1-<8 hex>-<24 hex>`) of the call being served; None outside of Lambda.

    Lambda sets it anew for every call, so it is no setting. Format:
    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """
    fields = os.environ.get("_X_AMZN_TRACE_ID", "").split(";")
    return next((each[5:] for each in fields if each.startswith("Root=")), None)
