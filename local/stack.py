"""Which parts the local stack has, in which order they start, and what each is told."""

import sys
from pathlib import Path

from local.settings import EMBEDDED_KAFKA, LOOPBACK, DynamoDb, Kafka, LocalSettings, Ports
from local.supervisor import Plan


def plans(settings: LocalSettings, ports: Ports, state: Path, *, keep: bool) -> list[Plan]:
    """Every part of the stack.

    `state` is where the AWS emulator, the KMS stand-in and the Solana node keep what a crash of
    theirs must not take: a restarted part with other keys or another ledger would be another world.
    With `keep`, the other parts put their state there too, and a later start goes on from it.
    """
    tables = ("dynamodb",) if settings.dynamodb is DynamoDb.LOCAL else ()
    return [
        *_dynamodb(settings, ports, state, keep=keep),
        Plan(
            "aws",
            _python("local.aws", ports.aws, *_aws(settings, ports, state)),
            needs=tables,
            uses=("kms", "solana", "kafka"),  # the handlers run inside it
        ),
        Plan("kms", _python("local.kms", ports.kms, *_kept("kms", state, keep=True))),
        Plan(
            "solana",
            _python("local.solana_node", ports.solana, *_kept("solana", state, keep=True)),
        ),
        _kafka(settings, ports, state, keep=keep),
        Plan("api", _python("local.api", ports.api), uses=("aws", "kms", "solana", *tables)),
        # Its port is a setting of its own, as in its container; it waits for its parts itself.
        Plan("relay", [sys.executable, "-u", "-m", "relay.app"], uses=("aws", "kms", "kafka")),
        Plan(
            "streams",
            _python("local.streams", 0),
            needs=("aws", "kafka"),
            uses=("kms", "solana"),  # the sweep runs inside it
        ),
        Plan(
            "gateway",
            _python("local.gateway", ports.public, *_gateway(settings, ports)),
            uses=("api", "relay", "streams"),
        ),
    ]


def _python(module: str, port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-u", "-m", module, "--port", str(port), *arguments]


def _kept(name: str, state: Path, *, keep: bool) -> tuple[str, ...]:
    return ("--data-dir", str(state / name)) if keep else ()


def _dynamodb(settings: LocalSettings, ports: Ports, state: Path, *, keep: bool) -> list[Plan]:
    if settings.dynamodb is not DynamoDb.LOCAL:
        return []
    arguments = _kept("dynamodb", state, keep=keep)
    return [Plan("dynamodb", _python("local.dynamodb_local", ports.dynamodb, *arguments))]


def _aws(settings: LocalSettings, ports: Ports, state: Path) -> list[str]:
    arguments = ["--data-dir", str(state / "aws")]
    if settings.dynamodb is DynamoDb.LOCAL:
        arguments += ["--dynamodb-endpoint", f"http://{LOOPBACK}:{ports.dynamodb}"]
    return arguments


def _kafka(settings: LocalSettings, ports: Ports, state: Path, *, keep: bool) -> Plan:
    if settings.kafka is Kafka.APACHE:
        arguments = _kept("kafka", state, keep=keep)
        return Plan("kafka", _python("local.apache_kafka", ports.kafka, *arguments))
    return Plan("kafka", _python("local.kafka", ports.kafka))


def _gateway(settings: LocalSettings, ports: Ports) -> list[str]:
    tables = ports.dynamodb if settings.dynamodb is DynamoDb.LOCAL else ports.aws
    return [
        *("--api", f"http://{LOOPBACK}:{ports.api}"),
        *("--relay", f"http://{LOOPBACK}:{ports.relay}"),
        *("--solana", f"http://{LOOPBACK}:{ports.solana}"),
        *("--aws", f"http://{LOOPBACK}:{ports.aws}"),
        *("--kafka", f"{LOOPBACK}:{ports.kafka}"),
        *("--dynamodb", f"http://{LOOPBACK}:{tables}"),
        *(("--kafka_version", EMBEDDED_KAFKA) if settings.kafka is Kafka.EMBEDDED else ()),
        "--supervised",
    ]
