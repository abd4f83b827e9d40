"""What functions were measured to need, from which `rows.py` sizes their memory.

`docs/benchmarks.md` has the tables (`python -m benchmarks imports`, `make deploy-check`). Memory
buys processor time on Lambda: 1,769 MiB is one vCPU. So two things bound it from below: what the
process holds at its peak, and how long it may import on a cold start.
"""

from dataclasses import dataclass
from typing import Final

MIB_PER_VCPU: Final = 1769
ROOM: Final = 4
"""Times the peak: the runtime, its extensions, batches larger than the measured ones."""
COLD_START_MS: Final = 2000
"""Of imports, with byte code."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`peak_mib`: import and calls; `import_ms`: processor time until the use case is built."""

    peak_mib: int
    import_ms: int

    @property
    def least_memory_mib(self) -> float:
        """The smallest memory that keeps both bounds."""
        return max(ROOM * self.peak_mib, self.import_ms / COLD_START_MS * MIB_PER_VCPU)


MEASURED: Final = {
    "api": Measured(126, 1178),
    "verify_burn": Measured(90, 651),
    "prepare_mint": Measured(100, 643),
    "submit_mint": Measured(101, 671),
    "await_mint": Measured(97, 711),
    "complete_upgrade": Measured(97, 652),
    "mark_retryable": Measured(71, 721),
    "issue_nft": Measured(101, 700),
    "sweep": Measured(110, 759),
    "publish_events": Measured(67, 455),
    "analytics": Measured(50, 539),
    "notify": Measured(52, 515),
    "audit": Measured(52, 614),
}
"""Peaks of `sweep`: an estimate; of the consumers and `mark_retryable`: without a call."""
