"""The functions as rows of data; `parts/functions.py` loops over them once.

Memory buys processor time on Lambda, so it is sized by what a cold start imports and by the most a
process was seen to hold: `measured.py` has the figures and the rule, and a test compares.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.resources import (
    Grant,
    archives,
    buries,
    knows_sessions,
    knows_wallet,
    publishes,
    pushes,
    reads,
    reads_archive,
    reads_many,
    reads_metrics,
    registers_devices,
    replays,
    sends_mail,
    signs_mints,
    signs_sessions,
    speaks_to_solana,
    starts_upgrades,
    walks,
    writes,
)
from infra.stages import Stage
from nft_upgrade.adapters.dynamodb_tables import (
    CONTACTS,
    LOCKS,
    NFTS,
    PROJECTIONS,
    TRANSIENT,
    UPGRADES,
)
from nft_upgrade.config import (
    ApiSettings,
    AuditCheckSettings,
    AuditSettings,
    ConsumerSettings,
    Group,
    IssueSettings,
    NotifySettings,
    OpsSettings,
    PublishSettings,
    StepSettings,
    StorageSettings,
    SweepSettings,
)
from nft_upgrade.consumers import analytics, audit, notification
from nft_upgrade.messages import TOPIC_COMPLETED, TOPICS

STEP_TIMEOUT = 50
"""Seconds; below the 60 that upgrade.asl.json gives a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One function: `functions/<name>.py`."""

    name: str
    settings: type[Group]
    grants: tuple[Grant, ...]
    memory_mib: int = 640
    timeout_seconds: int
    concurrency: int | None = None
    """Reserved where a flood would hurt what is behind it."""
    in_vpc: bool = False
    is_step: bool = False
    group: str | None = None
    """Of a Kafka consumer: its consumer group, which is also its name in metrics."""
    topics: Sequence[str] = ()
    pollers: str | None = None
    """The poller group of its event sources."""
    signs: str | None = None
    """The purpose of the key that it signs with; such a role has a name that the key's policy
    knows."""

    @property
    def state(self) -> str:
        """`verify_burn` -> `VerifyBurn`: the state's name and the construct's id."""
        return "".join(part.title() for part in self.name.split("_"))


def _step(name: str, *grants: Grant, signs: str | None = None) -> Row:
    return Row(
        name=name,
        settings=StepSettings,
        grants=(writes(UPGRADES, NFTS, LOCKS), speaks_to_solana, *grants),
        memory_mib=1024,
        timeout_seconds=STEP_TIMEOUT,
        concurrency=100,
        is_step=True,
        signs=signs,
    )


def consumer(
    name: str,
    group: str,
    *grants: Grant,
    topics: Sequence[str] = TOPICS,
    settings: type[ConsumerSettings] = ConsumerSettings,
    pollers: str | None = None,
    memory_mib: int = 640,
) -> Row:
    """A Kafka consumer: function, event sources, grants, alarm and dashboard follow from this row.
    It is in the network for its dead letters' sake alone. `pollers`: the group whose event pollers
    it shares; they are paid for by the group."""
    return Row(
        name=name,
        settings=settings,
        grants=(writes(PROJECTIONS), buries, *grants),
        memory_mib=memory_mib,
        timeout_seconds=60,
        in_vpc=True,
        group=group,
        topics=topics,
        pollers=pollers or group,
    )


ROWS = (
    Row(
        name="api",
        settings=ApiSettings,
        grants=(
            writes(UPGRADES, NFTS, LOCKS, TRANSIENT, CONTACTS),
            reads(PROJECTIONS),
            speaks_to_solana,
            signs_sessions,
            starts_upgrades,
            sends_mail,
            registers_devices,
        ),
        memory_mib=1769,
        timeout_seconds=28,
        signs="session",
    ),
    Row(
        name="ops_api",
        settings=OpsSettings,
        grants=(
            writes(UPGRADES, NFTS, LOCKS, TRANSIENT),
            speaks_to_solana,
            knows_wallet,
            knows_sessions,
            starts_upgrades,
            reads_metrics,
        ),
        memory_mib=1769,
        timeout_seconds=28,
        concurrency=5,
    ),
    _step("verify_burn"),
    _step("prepare_mint"),
    _step("submit_mint", signs_mints, signs="mint"),
    _step("await_mint"),
    _step("complete_upgrade"),
    _step("mark_retryable"),
    Row(
        name="issue_nft",
        settings=IssueSettings,
        grants=(writes(NFTS, LOCKS), speaks_to_solana, signs_mints),
        memory_mib=1024,
        timeout_seconds=120,
        concurrency=2,
        signs="mint",
    ),
    Row(
        name="sweep",
        settings=SweepSettings,
        grants=(
            writes(UPGRADES, NFTS, LOCKS),
            walks(NFTS),
            reads_many(LOCKS),
            speaks_to_solana,
            starts_upgrades,
            publishes,
        ),
        memory_mib=1024,
        timeout_seconds=300,
        concurrency=1,
        in_vpc=True,
    ),
    Row(
        name="publish_events",
        settings=PublishSettings,
        grants=(writes(UPGRADES), publishes),
        timeout_seconds=60,
        in_vpc=True,
    ),
    Row(
        name="replay_dead_letters",
        settings=PublishSettings,
        grants=(replays, writes(PROJECTIONS)),
        memory_mib=768,
        timeout_seconds=300,
        in_vpc=True,
    ),
    consumer("analytics", analytics.NAME, reads_many(PROJECTIONS)),
    consumer(
        "notify",
        notification.NAME,
        writes(CONTACTS),
        reads(TRANSIENT),
        sends_mail,
        topics=(TOPIC_COMPLETED,),
        settings=NotifySettings,
        memory_mib=896,
    ),
    consumer(
        "notify_push",
        notification.PUSH_NAME,
        writes(CONTACTS),
        reads(TRANSIENT),
        pushes,
        topics=(TOPIC_COMPLETED,),
        settings=NotifySettings,
        pollers=notification.NAME,
        memory_mib=896,
    ),
    consumer("audit", audit.NAME, archives, settings=AuditSettings),
    Row(
        name="verify_audit",
        settings=AuditCheckSettings,
        grants=(reads(UPGRADES), walks(UPGRADES), writes(PROJECTIONS), reads_archive),
        timeout_seconds=300,
        concurrency=1,
    ),
    Row(
        name="mail_feedback",
        settings=StorageSettings,
        grants=(writes(CONTACTS),),
        timeout_seconds=30,
    ),
)


def consumers() -> Iterator[Row]:
    """The rows that read from Kafka."""
    return (row for row in ROWS if row.group)


def signers(purpose: str) -> Iterator[str]:
    """The functions that sign with a key; all others cannot."""
    return (row.name for row in ROWS if row.signs == purpose)


def role_name(stage: Stage, function: str) -> str:
    """The fixed name of a signing function's role."""
    return f"{stage.full_name}-{function.replace('_', '-')}"


UNRESERVED = 100
"""AWS leaves at least so many to functions without a reservation."""


def concurrency_needed() -> int:
    """The least account quota "Concurrent executions" under which prod can be deployed."""
    return sum(row.concurrency or 0 for row in ROWS) + UNRESERVED
