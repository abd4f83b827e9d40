"""What a stage costs when nobody uses it, so that nobody is surprised by the first bill.

us-east-1, on demand; a month has 730 hours. Traffic, requests, more storage than the first volume,
logs and Solana's fees come on top. Kafka's prices (`stages.SHAPES`, partitions) were checked in
2026-11. All others are estimates, and the output says so: NAT gateways and Fargate after third
parties' tables of early 2026, the rest from general knowledge; nobody has compared them with AWS's
pages or a bill. The event pollers are the largest of them.
"""

from typing import Final

from infra.rows import consumers
from infra.stages import Stage
from nft_upgrade.messages import ALL_TOPICS

HOURS: Final = 730
NAT_GATEWAY: Final = 0.045 * HOURS
ENDPOINT_PER_ZONE: Final = 0.01 * HOURS
BALANCER: Final = 0.0225 * HOURS
FARGATE_VCPU: Final = 0.03238 * HOURS
FARGATE_GIB: Final = 0.00356 * HOURS
BROKER_GIB: Final = 0.10
SERVERLESS_PARTITION: Final = 0.0015 * HOURS
WEB_ACL: Final = 5.0 + 4 * 1.0
KMS_KEYS: Final = 3 * 1.0
SECRETS: Final = 2 * 0.40
EVENT_POLLER: Final = 0.185 * HOURS
"""One event poller unit; an event source in provisioned mode uses at least a quarter of one, and
sources in one poller group share it."""


def monthly_minimum(stage: Stage) -> dict[str, float]:
    """US dollars per month, by part."""
    zones = len(stage.availability_zones)
    return {
        "kafka": _kafka(stage),
        "event pollers": len(list(consumers())) * EVENT_POLLER,
        "nat gateways": stage.nat_gateways * NAT_GATEWAY,
        "endpoints": 2 * zones * ENDPOINT_PER_ZONE if stage.has_kafka_endpoints else 0.0,
        "load balancer": BALANCER,
        "relay": stage.relay_tasks_min * _relay_task(stage),
        "web acl, keys, secrets": WEB_ACL + KMS_KEYS + SECRETS,
    }


def summary(stage: Stage) -> str:
    """One line for an output."""
    parts = monthly_minimum(stage)
    listed = ", ".join(f"{name} {usd:.0f}" for name, usd in parts.items() if usd)
    return f"about {sum(parts.values()):.0f} USD (checked: kafka; estimated: the rest; {listed})"


def _kafka(stage: Stage) -> float:
    shape = stage.kafka
    partitions = len(ALL_TOPICS) * stage.topic_partitions * SERVERLESS_PARTITION
    storage = shape.brokers * (shape.volume_gib or 0) * BROKER_GIB
    return shape.usd_per_hour * HOURS + storage + (partitions if shape.is_serverless else 0.0)


def _relay_task(stage: Stage) -> float:
    vcpus, gib = stage.relay_vcpu_units / 1024, stage.relay_memory_mib / 1024
    return vcpus * FARGATE_VCPU + gib * FARGATE_GIB
