"""Which parts the local stack has, in which order they start, and what each is told."""

import sys
from pathlib import Path

from local.settings import LOOPBACK, DynamoDb, Kafka, LocalSettings, Ports
from local.supervisor import Plan


def plans(settings: LocalSettings, ports: Ports, state: Path, *, keep: bool) -> list[Plan]:
    """Every part of the stack.

    `state` is where the AWS emulator journals, so that it heals after a crash; with `keep`, the
    other parts put their state there too and a later start goes on from it.
    """
    return [
        *_dynamodb(settings, ports, state, keep=keep),
        _plan("aws", ports.aws, *_aws(settings, ports, state), needs=_tables(settings)),
        _plan("kms", ports.kms, *_kept("kms", state, keep=keep)),
        _plan("solana", ports.solana, *_kept("solana", state, keep=keep), module="solana_node"),
        _kafka(settings, ports, state, keep=keep),
        _plan("api", ports.api),
        Plan("relay", _python("relay.app", ports.relay), needs=("aws", "kafka", "kms")),
        Plan("streams", _python("local.streams", 0), needs=("aws", "kafka")),
        _plan("gateway", ports.public, *_gateway(settings, ports)),
    ]


def _plan(
    name: str, port: int, *arguments: str, module: str = "", needs: tuple[str, ...] = ()
) -> Plan:
    return Plan(name, _python(f"local.{module or name}", port, *arguments), needs=needs)


def _python(module: str, port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-u", "-m", module, "--port", str(port), *arguments]


def _kept(name: str, state: Path, *, keep: bool) -> tuple[str, ...]:
    return ("--data-dir", str(state / name)) if keep else ()


def _tables(settings: LocalSettings) -> tuple[str, ...]:
    return ("dynamodb",) if settings.dynamodb is DynamoDb.LOCAL else ()


def _dynamodb(settings: LocalSettings, ports: Ports, state: Path, *, keep: bool) -> list[Plan]:
    if settings.dynamodb is not DynamoDb.LOCAL:
        return []
    arguments = _kept("dynamodb", state, keep=keep)
    return [_plan("dynamodb", ports.dynamodb, *arguments, module="dynamodb_local")]


def _aws(settings: LocalSettings, ports: Ports, state: Path) -> list[str]:
    arguments = ["--data-dir", str(state / "aws")]
    if settings.dynamodb is DynamoDb.LOCAL:
        arguments += ["--dynamodb-endpoint", f"http://{LOOPBACK}:{ports.dynamodb}"]
    return arguments


def _kafka(settings: LocalSettings, ports: Ports, state: Path, *, keep: bool) -> Plan:
    if settings.kafka is Kafka.APACHE:
        arguments = _kept("kafka", state, keep=keep)
        return _plan("kafka", ports.kafka, *arguments, module="apache_kafka")
    return _plan("kafka", ports.kafka)


def _gateway(settings: LocalSettings, ports: Ports) -> list[str]:
    tables = ports.dynamodb if settings.dynamodb is DynamoDb.LOCAL else ports.aws
    return [
        *("--api", f"http://{LOOPBACK}:{ports.api}"),
        *("--relay", f"http://{LOOPBACK}:{ports.relay}"),
        *("--solana", f"http://{LOOPBACK}:{ports.solana}"),
        *("--aws", f"http://{LOOPBACK}:{ports.aws}"),
        *("--kafka", f"{LOOPBACK}:{ports.kafka}"),
        *("--dynamodb", f"http://{LOOPBACK}:{tables}"),
    ]
