"""What must survive: network, tables, Kafka, keys, audit bucket, secrets."""

from typing import Any

from aws_cdk import SecretValue, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.parts.audit_bucket import AuditBucket
from infra.parts.kafka import Kafka
from infra.parts.keys import DataKey, SigningKey
from infra.parts.network import Network
from infra.parts.tables import Tables
from infra.rows import role_name, signers
from infra.stages import Stage


class Foundation(Stack):
    """The lower stack of a stage."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, **options: Any) -> None:
        super().__init__(scope, id, termination_protection=stage.is_protected, **options)
        self.data_key = DataKey(self, "Data", stage=stage).key
        self.mint_key = SigningKey(
            self,
            "MintKey",
            stage=stage,
            purpose="mint",
            signers=[role_name(stage, name) for name in signers("mint")],
        ).key
        self.session_key = SigningKey(
            self,
            "SessionKey",
            stage=stage,
            purpose="session",
            signers=[role_name(stage, name) for name in signers("session")],
        ).key
        self.tables = Tables(self, "Tables", stage=stage, data_key=self.data_key).by_name
        self.audit = AuditBucket(self, "Audit", stage=stage, data_key=self.data_key)
        self.vpc = Network(self, "Network", stage=stage, data_key=self.data_key).vpc
        self.kafka = Kafka(self, "Kafka", stage=stage, vpc=self.vpc, data_key=self.data_key)
        self.rpc_urls = secretsmanager.Secret(
            self,
            "RpcUrls",
            secret_name=f"{stage.full_name}/solana-rpc-urls",
            description="RPC providers, comma separated; their URLs may hold access tokens.",
            encryption_key=self.data_key,
            # Public ones to begin with. Operators put their own in, outside CloudFormation.
            secret_string_value=SecretValue.unsafe_plain_text(stage.solana_rpc_urls),
        )
        self.origin_secret = secretsmanager.Secret(
            self,
            "OriginSecret",
            secret_name=f"{stage.full_name}/origin",
            description="What CloudFront shows to the API, and nobody else knows.",
            encryption_key=self.data_key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=48
            ),
        )
