"""Settings: one typed model per door, built from small groups. Nothing else reads the environment.

A field's name in upper case is the variable's name. Infra writes each function's environment from
these fields, and a test reads the template back into the model.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return value


METRICS_NAMESPACE = "NftUpgrade"
"""Of all metrics and the alarms on them, in CloudWatch."""
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""A variable that holds several texts."""


class Group(BaseSettings):
    """Base of all groups: environment only, unknown variables ignored, values never printed."""

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)


class StorageSettings(Group):
    """Where the tables are."""

    table_prefix: str = Field("nft-upgrade-", description="Prefix of the six tables' names.")


class ChainSettings(Group):
    """How Solana is reached."""

    solana_rpc_urls: CommaSeparated = Field(
        description="RPC providers, comma separated; with two or more, two must agree. "
        "`secret:<name>`: the secret that holds them, since their URLs may contain access tokens."
    )
    solana_genesis_hash: str | None = Field(
        None,
        description="The cluster's genesis hash; unset: the first provider's answer is pinned.",
    )
    solana_timeout_seconds: float = Field(8.0, description="Per RPC request.")


class MintSettings(Group):
    """What is minted and by whom."""

    mint_kms_key_id: str = Field(description="KMS key (Ed25519) of the system wallet.")
    nft_collection: bool = Field(
        True, description="Whether NFTs are members of the system wallet's collection."
    )
    nft_metadata_base_uri: str = Field(
        "https://nft.example/levels/", description="`<base><level>.json` is an NFT's metadata."
    )
    priority_fee_cap: int = Field(
        1_000_000, description="Most micro-lamports per compute unit that a mint may offer."
    )
    mint_cost_lamports: int = Field(
        10_000_000, description="Estimated cost of one mint; the wallet must hold three times that."
    )
    upgrade_minutes: int = Field(30, description="How long an open request waits for its burn.")


class WorkflowSettings(Group):
    """The upgrade state machine."""

    state_machine_arn: str = Field(description="ARN of the upgrade state machine.")


class KafkaSettings(Group):
    """How Kafka is reached."""

    kafka_bootstrap_servers: str = Field(description="host:port, comma separated.")
    kafka_security_protocol: str = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT."
    )
    kafka_sasl_mechanism: str | None = Field(None, description="AWS_MSK_IAM on MSK.")
    kafka_ssl_cafile: str | None = Field(None, description="Own CA bundle, PEM file.")
    kafka_api_version: str | None = Field(
        None, description="For example 2.0: only for brokers that cannot negotiate it."
    )
    kafka_fetch_max_wait_ms: int = Field(100, description="Longest a broker holds a fetch.")
    kafka_topic_prefix: str = Field("", description="Put before every topic's name.")


class SessionSettings(Group):
    """Sign-in and sessions."""

    session_kms_key_id: str = Field(description="KMS key (Ed25519) that signs session tokens.")
    public_origin: str = Field(
        "http://localhost:8000", description="Scheme, host and port that the browser sees."
    )
    allowed_origins: CommaSeparated = Field(
        (), description="Other origins that may call with credentials, comma separated."
    )
    session_hours: float = Field(12.0, description="Life of a session.")
    solana_chain_id: str = Field(
        "solana:mainnet", description="Chain id in the sign-in text (mainnet, devnet, localnet)."
    )
    upgrade_rate_per_minute: int = Field(5, description="Opens per minute, per IP and user.")
    auth_rate_per_minute: int = Field(60, description="Sign-in calls per minute, per IP.")
    trusted_proxy_hops: int = Field(
        1, description="How many proxies in front append to X-Forwarded-For."
    )


class RelaySettings(StorageSettings, KafkaSettings, SessionSettings):
    """The relay's door."""

    relay_host: str = Field("127.0.0.1", description="Address to listen on.")
    relay_port: int = Field(8080, description="Port to listen on.")
    relay_processes: int = Field(1, description="Processes that share the port, one per core.")
    relay_max_streams: int = Field(18_000, description="Streams per process.")
    relay_streams_per_user: int = Field(3, description="Streams per user; the oldest is closed.")
    relay_heartbeat_seconds: float = Field(15.0, description="Between comments on a stream.")
    relay_stream_seconds: float = Field(600.0, description="Life of a stream, times 0.8..1.")
    relay_drain_seconds: float = Field(20.0, description="Time for ending streams on SIGTERM.")
    relay_recheck_seconds: float = Field(
        120.0, description="How often every open stream is checked against the table."
    )
    relay_outage_recheck_seconds: float = Field(
        2.0, description="The same while Kafka does not answer."
    )
    relay_read_workers: int = Field(8, description="Table reads at a time, per process.")
    relay_ring_records: int = Field(
        65_536, description="Recent records kept to answer reconnects; 0: ask the table always."
    )
    relay_send_buffer_bytes: int = Field(
        65_536, description="Unsent bytes after which a stream that does not read is closed."
    )
    relay_trusted_hops: int = Field(
        0, description="Proxies in front whose X-Forwarded-For entries are believed, in the log."
    )
    relay_presence_seconds: float = Field(
        60.0, description="How long a user counts as watching after a mark; 0: no marks."
    )
    relay_metrics_seconds: float = Field(
        0.0, description="Between lines of embedded CloudWatch metrics; 0: none."
    )
    relay_head_seconds: float = Field(10.0, description="Time for a request's head to arrive.")


class MessageSettings(Group):
    """How mail and push leave."""

    notify_sender: str = Field("no-reply@nft.example", description="From address, SES-verified.")
    notify_configuration_set: str | None = Field(
        None, description="SES configuration set that reports bounces and complaints."
    )
    push_applications: str | None = Field(
        None, description="SNS platform applications: `apns=<ARN>,fcm=<ARN>`; unset: no push."
    )

    @field_validator("push_applications")
    @classmethod
    def _well_formed(cls, value: str | None) -> str | None:
        if value and not all("=" in pair for pair in value.split(",")):
            raise ValueError("push_applications: write name=ARN, comma separated")
        return value

    @property
    def applications(self) -> dict[str, str]:
        """Platform -> ARN."""
        pairs = (pair.split("=", 1) for pair in (self.push_applications or "").split(",") if pair)
        return {name.strip(): arn.strip() for name, arn in pairs}


class ApiSettings(
    StorageSettings,
    ChainSettings,
    MintSettings,
    WorkflowSettings,
    SessionSettings,
    MessageSettings,
):
    """The API function's door."""


class OperatorSettings(Group):
    """Who operates, and where the running parts' own figures are."""

    operator_wallets: CommaSeparated = Field(
        (), description="Wallets whose sessions may operate, comma separated; unset: none."
    )
    instruments_prefix: str | None = Field(
        None,
        description="What the functions' names begin with in CloudWatch, which knows relay streams "
        "and consumers' lag; unset: relay and Kafka are asked themselves.",
    )
    relay_metrics_url: str | None = Field(
        None, description="The relay's `/metrics`, where there is one relay to ask."
    )


class StepSettings(StorageSettings, ChainSettings, MintSettings):
    """The workflow's tasks: verify, prepare, submit, await, complete, mark retryable."""

    task_patience_seconds: float = Field(
        20.0, description="How long one task polls the chain before the workflow asks again."
    )


class SweepSettings(StepSettings, WorkflowSettings, KafkaSettings):
    """The scheduled sweep."""


class OpsSettings(StepSettings, WorkflowSettings, SessionSettings, OperatorSettings):
    """The operators' API."""


class IssueSettings(StepSettings):
    """`issue_nft`, for operators and the local faucet."""


class PublishSettings(StorageSettings, KafkaSettings):
    """The stream's publisher."""


class ConsumerSettings(StorageSettings, KafkaSettings):
    """A Kafka consumer's Lambda is handed records by its event source; it writes projections, and
    speaks to Kafka itself for dead letters alone."""


class NotifySettings(ConsumerSettings, MessageSettings):
    """Notification by e-mail and push."""

    public_origin: str = Field("http://localhost:8000", description="Used in links.")


class AuditSettings(ConsumerSettings):
    """The compliance record."""

    audit_bucket: str | None = Field(None, description="S3 bucket with object lock.")


class AuditCheckSettings(StorageSettings):
    """The check of the compliance record."""

    audit_bucket: str = Field(description="S3 bucket with object lock.")
    audit_check_seconds: float = Field(
        240.0, description="How long one run of the audit check goes on, before the next begins."
    )
