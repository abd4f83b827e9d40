"""Custom resource: the topics of a Serverless cluster, made with the product's own code."""

from typing import Any

from cfn import answer  # type: ignore[import-not-found]

from nft_upgrade.adapters.kafka_topics import TopicPlan, ensure_topics
from nft_upgrade.config import KafkaSettings


def handler(event: dict[str, Any], context: object) -> None:
    """`{Partitions, Replication, MinInSync}` -> `{Made}`; the brokers come from the environment."""

    def make(properties: dict[str, Any]) -> dict[str, str]:
        plan = TopicPlan(
            partitions=int(properties["Partitions"]),
            replication=int(properties["Replication"]),
            min_in_sync=int(properties["MinInSync"]),
        )
        return {"Made": ",".join(ensure_topics(KafkaSettings(), plan))}

    answer(event, make)
