"""The audit record's second copy: written once, locked, never shortened."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.stages import Stage


class AuditBucket(Construct):
    """`bucket`, and `access_logs` where who read it is written down."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, data_key: kms.IKey) -> None:
        super().__init__(scope, id)
        removal = RemovalPolicy.RETAIN if stage.is_protected else RemovalPolicy.DESTROY
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            # S3 delivers access logs under its own key only.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(stage.log_days))],
            removal_policy=removal,
        )
        retention = Duration.days(stage.audit_days)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=data_key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=s3.ObjectLockRetention.compliance(retention)
            if stage.audit_is_final
            else s3.ObjectLockRetention.governance(retention),
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix="audit/",
            removal_policy=removal,
        )
