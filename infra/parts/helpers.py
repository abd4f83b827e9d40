"""Functions that serve the infrastructure itself: custom resources and the authorizer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_cdk import CustomResource, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.bundling import ROOT
from infra.environment import environment
from infra.parts.kafka import Kafka
from infra.parts.python_function import PythonFunction
from infra.resources import read_secret
from infra.stages import Stage
from nft_upgrade.config import KafkaSettings


class Helpers(Construct):
    """Makes them from `infra/handlers`, on the same layers as everything else."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        data_key: kms.IKey,
        layers: Sequence[lambda_.ILayerVersion],
    ) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._data_key = data_key
        self._layers = layers
        self._code = lambda_.Code.from_asset(str(ROOT / "infra/handlers"), exclude=["__pycache__"])

    def function(self, id: str, name: str, **options: Any) -> PythonFunction:
        """`infra/handlers/<name>.py`."""
        return PythonFunction(
            self,
            id,
            stage=self._stage,
            name=f"infra-{name}",
            code=self._code,
            handler=f"{name}.handler",
            layers=self._layers,
            data_key=self._data_key,
            memory_mib=512,
            timeout_seconds=60,
            **options,
        )

    def wallet_address(self, key: kms.IKey) -> str:
        """The key's address on Solana."""
        return self._looked_up(
            "Wallet",
            "wallet",
            {"KeyId": key.key_id},
            "Address",
            lambda role: key.grant(role, "kms:GetPublicKey"),
        )

    def brokers(self, kafka: Kafka) -> str:
        """host:port, comma separated."""
        statement = iam.PolicyStatement(
            actions=["kafka:GetBootstrapBrokers"], resources=[kafka.cluster_arn]
        )
        properties = {"ClusterArn": kafka.cluster_arn}
        return self._looked_up(
            "Brokers", "brokers", properties, "Servers", lambda role: role.add_to_policy(statement)
        )

    def make_topics(self, kafka: Kafka, vpc: ec2.IVpc, settings: Mapping[str, str]) -> None:
        """For Serverless; provisioned clusters have them as resources."""
        made = self.function(
            "Topics",
            "topics",
            vpc=vpc,
            security_groups=[kafka.security_group],
            environment=environment(KafkaSettings, settings),
        )
        kafka.grant_make_topics(made.role)
        plan = kafka.plan
        self._resource(
            "TopicsMade",
            made,
            {
                "Partitions": str(plan.partitions),
                "Replication": str(plan.replication),
                "MinInSync": str(plan.min_in_sync),
            },
        )

    def fill_pages(
        self, properties: Mapping[str, str], statements: Sequence[iam.PolicyStatement]
    ) -> None:
        """See `infra/parts/pages.py`."""
        made = self.function("Pages", "pages")
        for statement in statements:
            made.role.add_to_policy(statement)
        self._resource("PagesFilled", made, properties)

    def empty_on_deletion(self, locked: s3.IBucket, plain: s3.IBucket) -> CustomResource:
        """See `infra/handlers/empty.py`; what writes to them must depend on the answer."""
        made = self.function("Empty", "empty")
        for bucket, actions in ((locked, ["s3:BypassGovernanceRetention"]), (plain, [])):
            made.role.add_to_policy(
                iam.PolicyStatement(
                    actions=[*actions, "s3:DeleteObject", "s3:DeleteObjectVersion"],
                    resources=[bucket.arn_for_objects("*")],
                )
            )
            made.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["s3:ListBucketVersions"], resources=[bucket.bucket_arn]
                )
            )
        properties = {"Locked": locked.bucket_name, "Plain": plain.bucket_name}
        return self._resource("Emptied", made, properties)

    def origin_check(self, secret: secretsmanager.ISecret) -> lambda_.Function:
        """The API's authorizer."""
        made = self.function("Origin", "origin", environment={"ORIGIN_SECRET": secret.secret_arn})
        read_secret(secret, self._data_key, made.role)
        return made.function

    def _looked_up(
        self,
        id: str,
        name: str,
        properties: Mapping[str, str],
        attribute: str,
        grant: Callable[[iam.Role], object],
    ) -> str:
        made = self.function(id, name)
        grant(made.role)
        return self._resource(f"{id}Fact", made, properties).get_att_string(attribute)

    def _resource(
        self, id: str, made: PythonFunction, properties: Mapping[str, str]
    ) -> CustomResource:
        resource = CustomResource(
            self,
            id,
            service_token=made.function.function_arn,
            properties=dict(properties),
            removal_policy=RemovalPolicy.DESTROY,
        )
        # The function may be called only when its role may do what it does.
        resource.node.add_dependency(made)
        return resource
