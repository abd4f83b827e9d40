"""The web pages: a bucket that CloudFront alone reads, filled with what `web/` holds."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infra.bundling import ROOT
from infra.parts.helpers import Helpers

LEFT_OUT = ["node_modules", "**/node_modules", "dist", "**/dist", ".*"]
"""So that the archive stays small; what is served of the rest, nft_upgrade.http.pages decides."""


class Pages(Construct):
    """`bucket`. What is in it can be made again from the repository at any time."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def fill(self, helpers: Helpers) -> None:
        """With every deployment that changes a file; emptied before the bucket is deleted."""
        archive = assets.Asset(self, "Web", path=str(ROOT / "web"), exclude=LEFT_OUT)
        source = archive.bucket.arn_for_objects(archive.s3_object_key)
        target = self.bucket.arn_for_objects("*")
        helpers.fill_pages(
            {
                "Bucket": self.bucket.bucket_name,
                "ArchiveBucket": archive.s3_bucket_name,
                "ArchiveKey": archive.s3_object_key,
            },
            [
                iam.PolicyStatement(actions=["s3:GetObject"], resources=[source]),
                iam.PolicyStatement(
                    actions=["s3:DeleteObject", "s3:PutObject"], resources=[target]
                ),
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn]),
            ],
        )
