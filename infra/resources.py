"""What functions and the relay are granted, as one bundle and a vocabulary of grants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from infra.parts.kafka import Kafka
from nft_upgrade.adapters.dynamodb_tables import TABLES, TRANSIENT
from nft_upgrade.messages import TOPIC_DEAD_LETTERS, TOPICS

READING = ("dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query")
WRITING = (
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
DECRYPTING = ("kms:Decrypt", "kms:DescribeKey")
ENCRYPTING = (
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that a grant may speak of."""

    tables: Mapping[str, dynamodb.Table]
    data_key: kms.IKey
    mint_key: kms.IKey
    session_key: kms.IKey
    rpc_urls: secretsmanager.ISecret
    audit_bucket: s3.IBucket
    kafka: Kafka
    state_machine_arn: str
    notify_sender: str
    configuration_set: str
    push_applications: str | None

    def places(self, table: str) -> list[str]:
        """ARNs of a table and of its indexes, each by name."""
        arn = self.tables[table].table_arn
        indexes = next(each.indexes for each in TABLES if each.name == table)
        return [arn, *(f"{arn}/index/{index.name}" for index in indexes)]


Grant = Callable[[Resources, iam.IGrantable], None]


def reads(*tables: str) -> Grant:
    """Items and indexes; no scans."""

    def grant(resources: Resources, grantee: iam.IGrantable) -> None:
        resources.data_key.grant(grantee, *DECRYPTING)
        for name in tables:
            _allow(grantee, READING, resources.places(name))

    return grant


def walks(table: str) -> Grant:
    """Every item, page by page: only for whom that is the very work."""
    return lambda resources, grantee: _allow(
        grantee, ["dynamodb:Scan"], [resources.tables[table].table_arn]
    )


def reads_many(table: str) -> Grant:
    """Many items in one call."""
    return lambda resources, grantee: _allow(
        grantee, ["dynamodb:BatchGetItem"], [resources.tables[table].table_arn]
    )


def writes(*tables: str) -> Grant:
    """Reads and writes, alone and in transactions."""

    def grant(resources: Resources, grantee: iam.IGrantable) -> None:
        resources.data_key.grant(grantee, *DECRYPTING, *ENCRYPTING)
        for name in tables:
            _allow(grantee, READING, resources.places(name))
            _allow(grantee, WRITING, [resources.tables[name].table_arn])

    return grant


def knows_wallet(resources: Resources, grantee: iam.IGrantable) -> None:
    """The system wallet's address, not its signature."""
    resources.mint_key.grant(grantee, "kms:GetPublicKey")


def signs_mints(resources: Resources, grantee: iam.IGrantable) -> None:
    """Only for roles that the key's own policy names as well."""
    resources.mint_key.grant(grantee, "kms:GetPublicKey", "kms:Sign")


def knows_sessions(resources: Resources, grantee: iam.IGrantable) -> None:
    """Verify session tokens."""
    resources.session_key.grant(grantee, "kms:GetPublicKey")


def signs_sessions(resources: Resources, grantee: iam.IGrantable) -> None:
    """Issue session tokens."""
    resources.session_key.grant(grantee, "kms:GetPublicKey", "kms:Sign")


def speaks_to_solana(resources: Resources, grantee: iam.IGrantable) -> None:
    """Read the providers' URLs."""
    read_secret(resources.rpc_urls, resources.data_key, grantee)


def read_secret(
    secret: secretsmanager.ISecret, data_key: kms.IKey, grantee: iam.IGrantable
) -> None:
    """CDK's own grant writes into the key's policy: the lower stack would depend on the upper."""
    data_key.grant(grantee, *DECRYPTING)
    _allow(grantee, ["secretsmanager:GetSecretValue"], [secret.secret_arn])


def starts_upgrades(resources: Resources, grantee: iam.IGrantable) -> None:
    """Start the state machine, and ask whether an execution runs."""
    arn = resources.state_machine_arn
    executions = arn.replace(":stateMachine:", ":execution:") + ":*"
    _allow(grantee, ["states:StartExecution"], [arn])
    _allow(grantee, ["states:DescribeExecution"], [executions])


def publishes(resources: Resources, grantee: iam.IGrantable) -> None:
    """Write events."""
    resources.kafka.grant_write(grantee, *TOPICS)


def buries(resources: Resources, grantee: iam.IGrantable) -> None:
    """Write dead letters, no events."""
    resources.kafka.grant_write(grantee, TOPIC_DEAD_LETTERS)


def replays(resources: Resources, grantee: iam.IGrantable) -> None:
    """Read dead letters, and write each back to where it came from or to the end."""
    resources.kafka.grant_read(grantee, TOPIC_DEAD_LETTERS)
    resources.kafka.grant_write(grantee, *TOPICS, TOPIC_DEAD_LETTERS)


def archives(resources: Resources, grantee: iam.IGrantable) -> None:
    """Add audit objects; there is no permission to read, replace or delete one."""
    resources.data_key.grant(grantee, *DECRYPTING, *ENCRYPTING)
    _allow(grantee, ["s3:PutObject"], [resources.audit_bucket.arn_for_objects("audit/*")])


def reads_archive(resources: Resources, grantee: iam.IGrantable) -> None:
    """Read every version of every audit object, and add none."""
    resources.data_key.grant(grantee, *DECRYPTING)
    bucket = resources.audit_bucket
    _allow(grantee, ["s3:ListBucket", "s3:ListBucketVersions"], [bucket.bucket_arn])
    _allow(grantee, ["s3:GetObject", "s3:GetObjectVersion"], [bucket.arn_for_objects("audit/*")])


def sends_mail(resources: Resources, grantee: iam.IGrantable) -> None:
    """From the one sender: its address or its domain is the identity that SES has verified."""
    stack = Stack.of(resources.tables[TRANSIENT])
    domain = resources.notify_sender.rpartition("@")[2]
    names = {
        f"identity/{resources.notify_sender}",
        f"identity/{domain}",
        f"configuration-set/{resources.configuration_set}",
    }
    arns = [
        f"arn:{stack.partition}:ses:{stack.region}:{stack.account}:{name}" for name in sorted(names)
    ]
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["ses:SendEmail"],
            resources=arns,
            conditions={"StringEquals": {"ses:FromAddress": resources.notify_sender}},
        )
    )


def registers_devices(resources: Resources, grantee: iam.IGrantable) -> None:
    """Make and mend endpoints of the operator's platform applications; nothing without any.

    AWS does not say whether it checks SetEndpointAttributes against the endpoint or against its
    application (the Service Authorization Reference has no resource for either action).
    """
    if applications := _applications(resources):
        _allow(grantee, ["sns:CreatePlatformEndpoint"], applications)
        _allow(
            grantee,
            ["sns:SetEndpointAttributes"],
            [*applications, *_endpoints(applications)],
        )


def pushes(resources: Resources, grantee: iam.IGrantable) -> None:
    """To endpoints of the operator's platform applications; nothing without any."""
    if endpoints := _endpoints(_applications(resources)):
        _allow(grantee, ["sns:Publish"], endpoints)


def reads_metrics(resources: Resources, grantee: iam.IGrantable) -> None:
    """Figures of CloudWatch; there are no ARNs of them."""
    _allow(grantee, ["cloudwatch:GetMetricData"], ["*"])


def marks_presence(resources: Resources, grantee: iam.IGrantable) -> None:
    """Many marks in one call."""
    _allow(grantee, ["dynamodb:BatchWriteItem"], [resources.tables[TRANSIENT].table_arn])


def _applications(resources: Resources) -> list[str]:
    pairs = (resources.push_applications or "").split(",")
    return [pair.split("=", 1)[1] for pair in pairs if pair]


def _endpoints(applications: Sequence[str]) -> list[str]:
    """All that these applications have."""
    return [arn.replace(":app/", ":endpoint/") + "/*" for arn in applications]


def _allow(grantee: iam.IGrantable, actions: Sequence[str], resources: Sequence[str]) -> None:
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources))
    )
