"""One Python function: arm64, traced, its own role, its own encrypted log group."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.parts.layers import ARCHITECTURE, RUNTIME
from infra.parts.logs import log_group
from infra.stages import Stage

VPC_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""AWSLambdaVPCAccessExecutionRole without its log permissions."""


class PythonFunction(Construct):
    """`function` and its `role`. The role may write one log group and send traces, no more."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        name: str,
        code: lambda_.Code,
        handler: str,
        layers: Sequence[lambda_.ILayerVersion],
        data_key: kms.IKey,
        memory_mib: int,
        timeout_seconds: int,
        environment: Mapping[str, str] | None = None,
        role_name: str | None = None,
        concurrency: int | None = None,
        vpc: ec2.IVpc | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
    ) -> None:
        super().__init__(scope, id)
        full_name = f"{stage.full_name}-{name.replace('_', '-')}"
        self._log_group = log_group(
            self, "Logs", stage=stage, data_key=data_key, name=f"/aws/lambda/{full_name}"
        )
        self.role = self._make_role(role_name, is_in_vpc=vpc is not None)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=full_name,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=code,
            handler=handler,
            layers=list(layers),
            role=self.role,
            environment=dict(environment or {}),
            environment_encryption=data_key,
            memory_size=memory_mib,
            timeout=Duration.seconds(timeout_seconds),
            reserved_concurrent_executions=concurrency if stage.reserves_concurrency else None,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            vpc=vpc,
            security_groups=list(security_groups) if security_groups else None,
        )

    def _make_role(self, name: str | None, *, is_in_vpc: bool) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            role_name=name,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self._log_group.grant_write(role)
        if is_in_vpc:
            role.add_to_policy(iam.PolicyStatement(actions=list(VPC_ACTIONS), resources=["*"]))
        return role
