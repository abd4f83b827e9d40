"""What moves events: the table's stream to Kafka, and Kafka to the consumers."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.kafka import Kafka
from infra.rows import Row, consumers

READ_ACTIONS = ("kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers")
VPC_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
"""What the poller needs of the function's role.

https://docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html
"""

MOST_RETRIES = 10_000
"""All that Lambda allows, so that what ends it is the record's age, when Kafka drops it anyway.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""


def consumer_group(name: str, topic: str) -> str:
    """Lambda wants a group of its own per event source, and an event source has one topic."""
    return f"{name}.{topic}"


class EventSources(Construct):
    """`stream_failures` and `kafka_failures`: queues with what was given up."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        functions: Mapping[str, lambda_.Function],
        upgrades: dynamodb.Table,
        kafka: Kafka,
        data_key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self._kafka = kafka
        self.stream_failures = dead_letter_queue(self, "StreamFailures", data_key)
        self.kafka_failures = dead_letter_queue(self, "KafkaFailures", data_key)
        self._add_stream(functions["publish_events"], upgrades)
        for row in consumers():
            self._add_consumer(functions[row.name], row)

    def _add_stream(self, function: lambda_.Function, table: dynamodb.Table) -> None:
        """Only inserted events; what is given up after a day the sweep publishes."""
        is_event = {
            "eventName": lambda_.FilterRule.is_equal("INSERT"),
            "dynamodb": {"Keys": {"entry": {"S": lambda_.FilterRule.begins_with("EVENT#")}}},
        }
        function.add_event_source(
            sources.DynamoEventSource(
                table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                parallelization_factor=2,
                bisect_batch_on_error=True,
                report_batch_item_failures=True,
                retry_attempts=1_000,
                max_record_age=Duration.hours(23),
                on_failure=sources.SqsDlq(self.stream_failures),
                filters=[lambda_.FilterCriteria.filter(is_event)],
            )
        )

    def _add_consumer(self, function: lambda_.Function, row: Row) -> None:
        """As long as Kafka keeps the record, then the queue: an outage of our tables for days loses
        nothing, and what a consumer can never take it sets aside itself (dead letters)."""
        role, group = function.role, row.group
        assert role and group
        self._let_poller_in(role, group, row.topics)
        for topic in row.topics:
            # The plain mapping: `ManagedKafkaEventSource` would add a managed policy to the role.
            lambda_.EventSourceMapping(
                self,
                f"{group}-{topic}",
                target=function,
                event_source_arn=self._kafka.cluster_arn,
                kafka_topic=topic,
                kafka_consumer_group_id=consumer_group(group, topic),
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                max_batching_window=Duration.seconds(1),
                bisect_batch_on_error=True,
                retry_attempts=MOST_RETRIES,
                max_record_age=Duration.hours(self._kafka.plan.retention_hours),
                on_failure=sources.SqsDlq(self.kafka_failures),
                provisioned_poller_config=lambda_.ProvisionedPollerConfig(
                    minimum_pollers=1, maximum_pollers=2, poller_group_name=row.pollers
                ),
            ).node.add_dependency(role)

    def _let_poller_in(self, role: iam.IRole, group: str, topics: Sequence[str]) -> None:
        self._kafka.grant_read(role, *topics)
        for topic in topics:
            self._kafka.grant_group(role, consumer_group(group, topic))
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(READ_ACTIONS), resources=[self._kafka.cluster_arn])
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(VPC_ACTIONS), resources=["*"])
        )


def dead_letter_queue(scope: Construct, id: str, data_key: kms.IKey) -> sqs.Queue:
    """Encrypted, TLS only, kept for 14 days."""
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=data_key,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
