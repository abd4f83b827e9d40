"""Custom resource: the brokers of an MSK cluster, which no CloudFormation attribute tells."""

from typing import Any

import boto3
from cfn import answer  # type: ignore[import-not-found]


def handler(event: dict[str, Any], context: object) -> None:
    """`{ClusterArn}` -> `{Servers}`, host:port, comma separated, for SASL/IAM."""
    answer(event, lambda properties: {"Servers": _servers(properties["ClusterArn"])})


def _servers(cluster_arn: str) -> str:
    answered = boto3.client("kafka").get_bootstrap_brokers(ClusterArn=cluster_arn)
    return str(answered["BootstrapBrokerStringSaslIam"])
