"""The topics as code: made where they are missing, left alone where they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import NoError, TopicAlreadyExistsError, for_code

from nft_upgrade.adapters.kafka_dead_letters import LARGEST_DEAD_LETTER
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import KafkaSettings
from nft_upgrade.messages import ALL_TOPICS, TOPIC_DEAD_LETTERS


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How each topic is made. More partitions later would move users to other partitions and
    break their order, so the number is generous from the start."""

    partitions: int = 12
    replication: int = 3
    min_in_sync: int = 2
    """Replicas that must have a record before it counts as written (`acks=all`)."""
    retention_hours: int = 7 * 24
    max_message_bytes: int | None = None
    """Of one record; None: the cluster's own limit (1 MiB unless somebody changed it)."""

    @property
    def configs(self) -> dict[str, str]:
        """Kafka's names and units."""
        size = {"max.message.bytes": str(self.max_message_bytes)} if self.max_message_bytes else {}
        return {
            "min.insync.replicas": str(self.min_in_sync),
            "retention.ms": str(self.retention_hours * 3_600_000),
            "cleanup.policy": "delete",
            **size,
        }


DEAD_LETTER_HOURS = 30 * 24
"""People look at dead letters, and people are away."""


def plans(plan: TopicPlan) -> Mapping[str, TopicPlan]:
    """Every topic's plan, by name without prefix: the given one, and for dead letters more time
    and room for the largest record there can be, with its reason."""
    letters = replace(
        plan, retention_hours=DEAD_LETTER_HOURS, max_message_bytes=LARGEST_DEAD_LETTER
    )
    return {name: letters if name == TOPIC_DEAD_LETTERS else plan for name in ALL_TOPICS}


ONE_BROKER = TopicPlan(partitions=3, replication=1, min_in_sync=1)
"""For Apache Kafka on one machine."""


def ensure_topics(settings: KafkaSettings, plan: TopicPlan) -> list[str]:
    """Make the missing ones; the names made. Two callers at once are as good as one.

    Raises KafkaError when one can neither be made nor is there.
    """
    admin = KafkaAdminClient(**client_options(settings))
    try:
        prefix = settings.kafka_topic_prefix
        request = {prefix + name: _options(each) for name, each in plans(plan).items()}
        answer = admin.create_topics(request, raise_errors=False)
        made = [topic["name"] for topic in answer["topics"] if _was_made(topic)]
        admin.wait_for_topics(list(request))
        return made
    finally:
        admin.close()


def _options(plan: TopicPlan) -> dict[str, Any]:
    return {
        "num_partitions": plan.partitions,
        "replication_factor": plan.replication,
        "configs": plan.configs,
    }


def _was_made(topic: dict[str, Any]) -> bool:
    error = for_code(topic["error_code"])
    if error is TopicAlreadyExistsError:
        return False
    if error is not NoError:
        raise error(f"{topic['name']}: {topic['error_message']}")
    return True
