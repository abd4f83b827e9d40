"""MSK: a provisioned or a Serverless cluster, reached with IAM over TLS, and nothing else."""

import base64

from aws_cdk import ArnFormat, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_msk as msk
from constructs import Construct

from infra.parts.logs import log_group
from infra.stages import Stage
from nft_upgrade.adapters.kafka_topics import TopicPlan, plans
from nft_upgrade.messages import ALL_TOPICS

KAFKA_VERSION = "3.9.x"
IAM_PORT = 9098
SERVER_PROPERTIES = """\
auto.create.topics.enable=false
default.replication.factor={replication}
min.insync.replicas={min_in_sync}
unclean.leader.election.enable=false
log.retention.hours={retention_hours}
"""
"""Every topic's settings, set once for the cluster."""


class Kafka(Construct):
    """`cluster_arn`, `security_group` (whoever is in it reaches the brokers) and the grants."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, vpc: ec2.IVpc, data_key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._vpc = vpc
        self._data_key = data_key
        self.security_group = self._make_security_group()
        self.cluster_arn = self._serverless() if stage.kafka.is_serverless else self._provisioned()

    @property
    def plan(self) -> TopicPlan:
        """How topics are made, on either kind of cluster (`plans` has what differs)."""
        shape = self._stage.kafka
        return TopicPlan(
            partitions=self._stage.topic_partitions,
            replication=shape.replication,
            min_in_sync=shape.min_in_sync,
        )

    def grant_write(self, grantee: iam.IGrantable, *topics: str) -> None:
        """Write with an idempotent producer."""
        self._grant_connect(grantee, "kafka-cluster:WriteDataIdempotently")
        actions = ("kafka-cluster:DescribeTopic", "kafka-cluster:WriteData")
        _allow(grantee, actions, [self._arn("topic", topic) for topic in topics])

    def grant_read(self, grantee: iam.IGrantable, *topics: str) -> None:
        """Read without a consumer group, as the relay does."""
        self._grant_connect(grantee)
        actions = ("kafka-cluster:DescribeTopic", "kafka-cluster:ReadData")
        _allow(grantee, actions, [self._arn("topic", topic) for topic in topics])

    def grant_group(self, grantee: iam.IGrantable, group: str) -> None:
        """Be a member of one consumer group."""
        actions = ("kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup")
        _allow(grantee, actions, [self._arn("group", group)])

    def grant_make_topics(self, grantee: iam.IGrantable) -> None:
        """Make and describe the product's topics, no others."""
        self._grant_connect(grantee)
        actions = ("kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic")
        _allow(grantee, actions, [self._arn("topic", topic) for topic in ALL_TOPICS])

    def _grant_connect(self, grantee: iam.IGrantable, *more: str) -> None:
        actions = ("kafka-cluster:Connect", "kafka-cluster:DescribeCluster", *more)
        _allow(grantee, actions, [self.cluster_arn])

    def _arn(self, kind: str, name: str) -> str:
        """`arn:...:cluster/<name>/<id>` -> `arn:...:topic/<name>/<id>/<topic>`."""
        place = Fn.select(1, Fn.split(":cluster/", self.cluster_arn))
        return Stack.of(self).format_arn(
            service="kafka",
            resource=kind,
            resource_name=Fn.join("/", [place, name]),
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    def _make_security_group(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self, "Members", vpc=self._vpc, description="Kafka brokers and who speaks to them"
        )
        group.add_ingress_rule(group, ec2.Port.tcp(IAM_PORT), "Kafka, SASL/IAM over TLS")
        group.add_ingress_rule(group, ec2.Port.tcp(443), "Lambda and STS endpoints")
        return group

    def _subnet_ids(self) -> list[str]:
        """One subnet per broker at most: MSK wants the brokers to be a multiple of the zones."""
        subnets = [subnet.subnet_id for subnet in self._vpc.private_subnets]
        return subnets[: self._stage.kafka.brokers] if self._stage.kafka.brokers else subnets

    def _serverless(self) -> str:
        cluster = msk.CfnServerlessCluster(
            self,
            "Serverless",
            cluster_name=self._stage.full_name,
            client_authentication=msk.CfnServerlessCluster.ClientAuthenticationProperty(
                sasl=msk.CfnServerlessCluster.SaslProperty(
                    iam=msk.CfnServerlessCluster.IamProperty(enabled=True)
                )
            ),
            vpc_configs=[
                msk.CfnServerlessCluster.VpcConfigProperty(
                    subnet_ids=self._subnet_ids(),
                    security_groups=[self.security_group.security_group_id],
                )
            ],
        )
        return cluster.attr_arn

    def _provisioned(self) -> str:
        shape = self._stage.kafka
        assert shape.instance_type
        cluster = msk.CfnCluster(
            self,
            "Cluster",
            cluster_name=self._stage.full_name,
            kafka_version=KAFKA_VERSION,
            number_of_broker_nodes=shape.brokers,
            broker_node_group_info=msk.CfnCluster.BrokerNodeGroupInfoProperty(
                instance_type=shape.instance_type,
                client_subnets=self._subnet_ids(),
                security_groups=[self.security_group.security_group_id],
                storage_info=self._storage(),
            ),
            client_authentication=msk.CfnCluster.ClientAuthenticationProperty(
                sasl=msk.CfnCluster.SaslProperty(iam=msk.CfnCluster.IamProperty(enabled=True)),
                unauthenticated=msk.CfnCluster.UnauthenticatedProperty(enabled=False),
            ),
            encryption_info=msk.CfnCluster.EncryptionInfoProperty(
                encryption_at_rest=msk.CfnCluster.EncryptionAtRestProperty(
                    data_volume_kms_key_id=self._data_key.key_arn
                ),
                encryption_in_transit=msk.CfnCluster.EncryptionInTransitProperty(
                    client_broker="TLS", in_cluster=True
                ),
            ),
            configuration_info=self._configuration() if shape.is_configurable else None,
            enhanced_monitoring="PER_TOPIC_PER_BROKER",
            logging_info=self._broker_logs(),
        )
        for name, plan in plans(self.plan).items():
            self._topic(cluster, name, plan)
        return cluster.attr_arn

    def _storage(self) -> msk.CfnCluster.StorageInfoProperty | None:
        size = self._stage.kafka.volume_gib
        if size is None:
            return None
        return msk.CfnCluster.StorageInfoProperty(
            ebs_storage_info=msk.CfnCluster.EBSStorageInfoProperty(volume_size=size)
        )

    def _configuration(self) -> msk.CfnCluster.ConfigurationInfoProperty:
        shape = self._stage.kafka
        made = msk.CfnConfiguration(
            self,
            "Configuration",
            name=self._stage.full_name,
            kafka_versions_list=[KAFKA_VERSION],
            server_properties=SERVER_PROPERTIES.format(
                replication=shape.replication,
                min_in_sync=shape.min_in_sync,
                retention_hours=self.plan.retention_hours,
            ),
        )
        return msk.CfnCluster.ConfigurationInfoProperty(
            arn=made.attr_arn, revision=made.attr_latest_revision_revision
        )

    def _broker_logs(self) -> msk.CfnCluster.LoggingInfoProperty:
        group = log_group(self, "BrokerLogs", stage=self._stage, data_key=self._data_key)
        return msk.CfnCluster.LoggingInfoProperty(
            broker_logs=msk.CfnCluster.BrokerLogsProperty(
                cloud_watch_logs=msk.CfnCluster.CloudWatchLogsProperty(
                    enabled=True, log_group=group.log_group_name
                )
            )
        )

    def _topic(self, cluster: msk.CfnCluster, name: str, plan: TopicPlan) -> None:
        msk.CfnTopic(
            self,
            f"Topic-{name}",
            cluster_arn=cluster.attr_arn,
            topic_name=name,
            partition_count=plan.partitions,
            replication_factor=plan.replication,
            configs=self._configs(plan),
        )

    def _configs(self, plan: TopicPlan) -> str:
        """The plan's settings as MSK takes them: properties, in base64.

        https://docs.aws.amazon.com/msk/latest/developerguide/describe-topic-cli.html
        """
        fixed = set() if self._stage.kafka.is_configurable else {"min.insync.replicas"}
        lines = [f"{name}={text}" for name, text in plan.configs.items() if name not in fixed]
        return base64.b64encode("\n".join(lines).encode()).decode()


def _allow(grantee: iam.IGrantable, actions: tuple[str, ...], resources: list[str]) -> None:
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=resources)
    )
