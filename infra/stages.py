"""Every number and name in which the stages differ. What is not here is the same everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

T = TypeVar("T")
REGION: Final = "us-east-1"
"""CloudFront takes its web ACL from here alone; see docs/decisions/0021."""

NETWORK_RANGE: Final = "10.0.0.0/16"
CLOUDFRONT_PREFIX_LIST: Final = "pl-3b927c52"
"""com.amazonaws.global.cloudfront.origin-facing, as us-east-1 names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaShape:
    """How MSK is bought. `brokers` 0: Serverless, which decides all else by itself."""

    name: str
    instance_type: str | None = None
    brokers: int = 0
    replication: int = 3
    min_in_sync: int = 2
    volume_gib: int | None = None
    """Per broker; None where MSK manages storage."""
    usd_per_hour: float
    """Of the whole cluster, without storage and partitions (us-east-1, on demand, 2026-11)."""

    @property
    def is_serverless(self) -> bool:
        return self.brokers == 0

    @property
    def is_configurable(self) -> bool:
        """Express fixes replication and the minimum of replicas in sync (3 and 2) itself."""
        return self.volume_gib is not None


SHAPES: Final = {
    shape.name: shape
    for shape in (
        KafkaShape(name="serverless", usd_per_hour=0.75),
        KafkaShape(
            name="small",
            instance_type="kafka.t3.small",
            brokers=2,
            replication=2,
            min_in_sync=1,
            volume_gib=20,
            usd_per_hour=0.0912,
        ),
        KafkaShape(
            name="standard",
            instance_type="kafka.m7g.large",
            brokers=3,
            volume_gib=100,
            usd_per_hour=0.612,
        ),
        KafkaShape(
            name="express", instance_type="express.m7g.large", brokers=3, usd_per_hour=1.224
        ),
    )
}
"""`-c kafka=<name>` chooses another than the stage's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage. Durations carry their unit in the name."""

    name: str
    kafka: KafkaShape
    availability_zones: tuple[str, ...] = (f"{REGION}a", f"{REGION}b", f"{REGION}c")
    nat_gateways: int
    has_kafka_endpoints: bool
    """Lambda and STS endpoints in the VPC: event delivery does not hang on a NAT gateway."""
    is_protected: bool
    """Deletion protection, and data that outlives its stack."""
    log_days: int
    audit_days: int
    audit_is_final: bool
    """Object lock in compliance mode: nobody can shorten it. Else governance."""
    topic_partitions: int
    relay_vcpu_units: int
    relay_memory_mib: int
    relay_tasks_min: int
    relay_tasks_max: int
    relay_streams_per_task: int
    """Where auto-scaling aims; the process refuses at RELAY_MAX_STREAMS."""
    relay_max_streams: int
    api_requests_per_second: int
    api_burst: int
    waf_requests_per_ip: int
    """In any five minutes."""
    reserves_concurrency: bool
    """New accounts have 10 concurrent executions in all, which leaves nothing to reserve."""
    canary: str
    """A predefined CodeDeploy configuration."""
    sweep_minutes: int = 1
    wallet_low_lamports: int
    solana_rpc_urls: str
    """The first content of the secret: public, and never changed here, since a change would write
    over the URLs that operators have put in."""
    solana_chain_id: str
    solana_genesis_hash: str
    nft_metadata_base_uri: str = "https://nft.example/levels/"
    notify_sender: str = "no-reply@nft.example"
    push_applications: str | None = None
    """SNS platform applications, `apns=<ARN>,fcm=<ARN>`; made by hand, since they hold the app
    stores' credentials."""
    alarm_email: str | None = None
    operator_wallets: str = ""
    """Solana addresses that may operate, comma separated; none: nobody may."""
    domain: str | None = None
    """Own domain of the distribution; needs `certificate_arn`."""
    certificate_arn: str | None = None
    """ACM, us-east-1."""
    relay_domain: str | None = None
    """A name in `relay_certificate_arn`: TLS between CloudFront and the relay's load balancer."""
    relay_certificate_arn: str | None = None
    wheels: str = "lambda"
    """`host`: layers for this machine, for an emulator that runs functions as its own children."""

    @property
    def table_prefix(self) -> str:
        return f"nft-upgrade-{self.name}-"

    @property
    def full_name(self) -> str:
        return f"nft-upgrade-{self.name}"


DEV: Final = Stage(
    name="dev",
    kafka=SHAPES["small"],
    nat_gateways=1,
    has_kafka_endpoints=False,
    is_protected=False,
    log_days=7,
    audit_days=1,
    audit_is_final=False,
    topic_partitions=3,
    relay_vcpu_units=256,
    relay_memory_mib=512,
    relay_tasks_min=1,
    relay_tasks_max=2,
    relay_streams_per_task=2_000,
    relay_max_streams=4_000,
    api_requests_per_second=50,
    api_burst=100,
    waf_requests_per_ip=1_000,
    reserves_concurrency=False,
    canary="LambdaAllAtOnce",
    wallet_low_lamports=500_000_000,
    solana_rpc_urls="https://api.devnet.solana.com",
    solana_chain_id="solana:devnet",
    solana_genesis_hash="EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
)

PROD: Final = Stage(
    name="prod",
    kafka=SHAPES["standard"],
    nat_gateways=3,
    has_kafka_endpoints=True,
    is_protected=True,
    log_days=90,
    audit_days=7 * 365,
    audit_is_final=True,
    topic_partitions=12,
    relay_vcpu_units=1024,
    relay_memory_mib=2048,
    relay_tasks_min=3,
    relay_tasks_max=12,
    relay_streams_per_task=12_000,
    relay_max_streams=18_000,
    api_requests_per_second=500,
    api_burst=1_000,
    waf_requests_per_ip=1_000,
    reserves_concurrency=True,
    canary="LambdaCanary10Percent5Minutes",
    wallet_low_lamports=5_000_000_000,
    solana_rpc_urls="https://api.mainnet-beta.solana.com",
    solana_chain_id="solana:mainnet",
    solana_genesis_hash="5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
)

STAGES: Final = {stage.name: stage for stage in (DEV, PROD)}
OVERRIDES: Final = (
    "solana_genesis_hash",
    "nft_metadata_base_uri",
    "notify_sender",
    "push_applications",
    "alarm_email",
    "operator_wallets",
    "domain",
    "certificate_arn",
    "relay_domain",
    "relay_certificate_arn",
    "wheels",
)
"""What the operator chooses: what belongs to an account rather than to a stage. Kept in cdk.json,
`choices`, for every deployment; `-c name=value` replaces it for one."""
SECRET: Final = "solana_rpc_urls"
"""Providers' URLs hold access tokens: never in a template, see docs/deployment.md."""


class UnknownChoice(Exception):
    """A stage, a Kafka shape or a name that does not exist."""


def chosen(context: Mapping[str, Any]) -> Stage:
    """The stage that `-c stage=...` asks for (dev without any), with the operator's choices:
    those kept under `choices` by the stage's name, and over them what `-c` says."""
    stage = _named(STAGES, "stage", context.get("stage") or "dev")
    said = {name: value for name, value in context.items() if value}
    wanted = {**_kept(stage, context.get("choices") or {}), **said}
    if SECRET in wanted:
        raise UnknownChoice(
            f"{SECRET} would be readable in the template; put it into the secret: aws "
            f"secretsmanager put-secret-value --secret-id {stage.full_name}/solana-rpc-urls"
        )
    if wanted.get("kafka"):
        stage = replace(stage, kafka=_named(SHAPES, "kafka", wanted["kafka"]))
    return replace(stage, **{name: wanted[name] for name in OVERRIDES if name in wanted})


def _kept(stage: Stage, choices: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """A word that nobody knows would be a choice that is silently lost."""
    kept = choices.get(stage.name, {})
    known = ("kafka", SECRET, *OVERRIDES)
    for name in kept:
        if name not in known:
            raise UnknownChoice(f"cdk.json, choices.{stage.name}: {name} is not one of {known}")
    return {name: value for name, value in kept.items() if value}


def _named(choices: Mapping[str, T], what: str, name: str) -> T:
    try:
        return choices[name]
    except KeyError:
        raise UnknownChoice(f"{what}={name}: choose one of {', '.join(choices)}") from None
