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
    "api": Measured(130, 1178),
    "ops_api": Measured(128, 1922),
    "verify_burn": Measured(100, 651),
    "prepare_mint": Measured(100, 643),
    "submit_mint": Measured(102, 671),
    "await_mint": Measured(100, 711),
    "complete_upgrade": Measured(100, 652),
    "mark_retryable": Measured(70, 721),
    "issue_nft": Measured(102, 700),
    "sweep": Measured(81, 759),
    "publish_events": Measured(71, 455),
    "replay_dead_letters": Measured(71, 792),
    "analytics": Measured(71, 539),
    "notify": Measured(83, 962),
    "notify_push": Measured(73, 769),
    "audit": Measured(85, 614),
    "verify_audit": Measured(86, 699),
    "mail_feedback": Measured(60, 687),
}
"""Of every function, after its calls in `make deploy-check`."""
HELPERS: Final = {"gauge": 101, "wallet": 53, "brokers": 45, "origin": 44, "pages": 51, "empty": 35}
"""Peaks of `infra/handlers`, measured there too. `topics` is not among them: it exists where Kafka
is Serverless, and runs once per deployment."""
