"""KMS keys: one that encrypts what lies still, and two that sign."""

from collections.abc import Sequence

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.stages import REGION, Stage

ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:GetKeyPolicy",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""Everything an administrator needs, and neither `kms:Sign` nor `kms:CreateGrant`: an IAM policy
cannot hand out what the key's own policy does not."""
READING = ("kms:GetPublicKey", "kms:Verify")


class SigningKey(Construct):
    """An Ed25519 key. Its own policy names the roles that may sign: no IAM policy can add one.

    The roles are named by ARN in a condition, not as principals: KMS refuses principals that do
    not exist yet, and the roles belong to the stack above.
    """

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, purpose: str, signers: Sequence[str]
    ) -> None:
        """`purpose` ends the alias; `signers` are role names."""
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{stage.full_name}/{purpose}",
            description=f"{stage.full_name}: {purpose} (Ed25519)",
            key_spec=kms.KeySpec.ECC_NIST_EDWARDS25519,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            policy=_policy(self, signers),
            removal_policy=RemovalPolicy.RETAIN if stage.is_protected else RemovalPolicy.DESTROY,
        )


class DataKey(Construct):
    """The symmetric key of tables, bucket, queues, topics, logs, secrets and Kafka's volumes."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{stage.full_name}/data",
            description=f"{stage.full_name}: data at rest",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if stage.is_protected else RemovalPolicy.DESTROY,
        )
        for service in (
            f"logs.{REGION}.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "ses.amazonaws.com",
            # A topic's message that nobody took goes to an encrypted queue.
            "sns.amazonaws.com",
            "events.amazonaws.com",
            "scheduler.amazonaws.com",
            "delivery.logs.amazonaws.com",
        ):
            self.key.add_to_resource_policy(_use_by(service))


def _use_by(service: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=[
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ],
        resources=["*"],
        conditions=None
        if service.startswith("logs.")
        else {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )


def _policy(scope: Construct, signers: Sequence[str]) -> iam.PolicyDocument:
    account = iam.AccountRootPrincipal()
    roles = [
        Stack.of(scope).format_arn(service="iam", region="", resource="role", resource_name=name)
        for name in signers
    ]
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                sid="Administration",
                principals=[account],
                actions=list(ADMINISTRATION),
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="PublicKey", principals=[account], actions=list(READING), resources=["*"]
            ),
            iam.PolicyStatement(
                sid="OnlyTheseRolesSign",
                principals=[account],
                actions=["kms:Sign"],
                resources=["*"],
                conditions={
                    "ArnEquals": {"aws:PrincipalArn": roles},
                    "StringEquals": {"kms:SigningAlgorithm": "ED25519_SHA_512"},
                },
            ),
        ]
    )
