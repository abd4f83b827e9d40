"""The local stack's settings, its ports and the environment that its parts and handlers get."""

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from local.operator import OPERATOR
from nft_upgrade.config import METRICS_NAMESPACE

LOOPBACK = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "123456789012"
AUDIT_BUCKET = "nft-upgrade-audit"
MAILBOX_PATH = "/_local/mailbox"
"""Where the AWS emulator shows the messages it took (local/aws_mailbox.py)."""
STATE_MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:upgrade"
PUSH_APPLICATIONS = (
    f"apns=arn:aws:sns:{REGION}:{ACCOUNT}:app/APNS/local,"
    f"fcm=arn:aws:sns:{REGION}:{ACCOUNT}:app/GCM/local"
)


class Kafka(StrEnum):
    """Which Kafka the stack runs."""

    EMBEDDED = "embedded"
    """librdkafka's in-process cluster: nothing to install, the real protocol."""
    APACHE = "apache"
    """One Apache Kafka node on Java."""


class DynamoDb(StrEnum):
    """Which DynamoDB the stack runs."""

    EMBEDDED = "embedded"
    """The AWS emulator's own."""
    LOCAL = "local"
    """Amazon's DynamoDB Local, on Java."""


class LocalSettings(BaseSettings):
    """What a person may choose; a field's name in upper case is the variable's. Port 0: any."""

    model_config = SettingsConfigDict(frozen=True)

    port: Annotated[int, Field(description="The public origin: page, API and streams.")] = 8000
    solana_port: Annotated[int, Field(description="Solana JSON-RPC.")] = 8899
    kafka_port: Annotated[int, Field(description="Kafka.")] = 9092
    aws_port: Annotated[int, Field(description="AWS emulator.")] = 4566
    kafka: Annotated[Kafka, Field(description="`embedded` or `apache`.")] = Kafka.EMBEDDED
    dynamodb: Annotated[DynamoDb, Field(description="`embedded` or `local`.")] = DynamoDb.EMBEDDED
    operator_wallets: Annotated[
        str, Field(description="Wallets that may operate besides the test key's.")
    ] = ""
    data_dir: Annotated[
        Path | None, Field(description="Where state survives a restart; unset: a fresh start.")
    ] = None


class PortBusy(Exception):
    """Somebody else listens on a port we were told to use; the message names the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every part's port, none of them 0. The last four are nobody's business outside."""

    public: int
    solana: int
    kafka: int
    aws: int
    api: int
    relay: int
    kms: int
    dynamodb: int

    @classmethod
    def chosen(cls, settings: LocalSettings) -> Self:
        """The settings' ports and free ones for the rest; raises PortBusy."""
        named = {
            "PORT": settings.port,
            "SOLANA_PORT": settings.solana_port,
            "KAFKA_PORT": settings.kafka_port,
            "AWS_PORT": settings.aws_port,
        }
        for variable, port in named.items():
            check_free(variable, port)
        check_distinct(named)
        free = iter(free_ports(8))
        public, solana, kafka, aws = (port or next(free) for port in named.values())
        return cls(
            public=public,
            solana=solana,
            kafka=kafka,
            aws=aws,
            api=next(free),
            relay=next(free),
            kms=next(free),
            dynamodb=next(free),
        )


def check_free(variable: str, port: int) -> None:
    """Raise PortBusy when something listens on this port of either loopback address."""
    if not 0 <= port <= 65535:
        raise PortBusy(f"{variable}={port} is not a port: 0 (any free one) to 65535.")
    for family, host in ((socket.AF_INET, LOOPBACK), (socket.AF_INET6, "::1")):
        if port and not _can_listen(family, host, port):
            raise PortBusy(
                f"Port {port} cannot be used, most likely something else listens on it: "
                f"end that, or choose another with {variable}=..."
            )


def check_distinct(ports: Mapping[str, int]) -> None:
    """Raise PortBusy when two variables name the same port."""
    owners: dict[int, str] = {}
    for variable, port in ports.items():
        if port and port in owners:
            raise PortBusy(f"{owners[port]} and {variable} are both {port}: choose two ports.")
        owners[port] = variable


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, all different. Another process may still be faster."""
    with_sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in with_sockets]
    for listener in with_sockets:
        listener.close()
    return ports


def _can_listen(family: int, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen()
    except OSError as error:
        return family == socket.AF_INET6 and not _is_in_use(error)
    return True


def _is_in_use(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE


def handler_environment(settings: LocalSettings, ports: Ports) -> dict[str, str | None]:
    """What every part and every Lambda handler finds in its environment.

    The fields are those of `nft_upgrade.config`; None takes away what the caller's shell holds.
    """
    aws = f"http://{LOOPBACK}:{ports.aws}"
    return {
        **_foreign_aws_configuration(),
        "AWS_ENDPOINT_URL": aws,
        "AWS_ENDPOINT_URL_KMS": f"http://{LOOPBACK}:{ports.kms}",
        **_dynamodb_endpoints(settings, ports),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Endpoints with an account id in their name cannot be a port on this machine.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SOLANA_RPC_URLS": f"http://{LOOPBACK}:{ports.solana}",
        "SOLANA_CHAIN_ID": "solana:localnet",
        "MINT_KMS_KEY_ID": "alias/mint",
        "SESSION_KMS_KEY_ID": "alias/session",
        "STATE_MACHINE_ARN": STATE_MACHINE_ARN,
        "AUDIT_BUCKET": AUDIT_BUCKET,
        "PUSH_APPLICATIONS": PUSH_APPLICATIONS,
        "PUBLIC_ORIGIN": f"http://localhost:{ports.public}",
        "OPERATOR_WALLETS": ",".join((OPERATOR, settings.operator_wallets)),
        "RELAY_METRICS_URL": f"http://{LOOPBACK}:{ports.relay}/metrics",
        "INSTRUMENTS_PREFIX": None,
        "TRUSTED_PROXY_HOPS": "1",
        **_kafka(settings, ports),
        "RELAY_HOST": LOOPBACK,
        "RELAY_PORT": str(ports.relay),
        "RELAY_DRAIN_SECONDS": "2",
        "POWERTOOLS_SERVICE_NAME": "nft-upgrade",
        "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }


def _foreign_aws_configuration() -> dict[str, str | None]:
    """A developer's real profile must neither be used nor be needed."""
    names = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
    return {
        **dict.fromkeys(names),
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def _dynamodb_endpoints(settings: LocalSettings, ports: Ports) -> dict[str, str | None]:
    own = settings.dynamodb is DynamoDb.LOCAL
    url = f"http://{LOOPBACK}:{ports.dynamodb}" if own else None
    return {"AWS_ENDPOINT_URL_DYNAMODB": url, "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": url}


EMBEDDED_KAFKA = "2.0"
"""The embedded broker's version, which clients cannot negotiate with it."""


def _kafka(settings: LocalSettings, ports: Ports) -> dict[str, str | None]:
    embedded = settings.kafka is Kafka.EMBEDDED
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{ports.kafka}",
        # The embedded broker's answer to newer negotiation cannot be read, and it holds new
        # records back until a fetch's longest wait is over.
        "KAFKA_API_VERSION": EMBEDDED_KAFKA if embedded else None,
        "KAFKA_FETCH_MAX_WAIT_MS": "10" if embedded else None,
    }
