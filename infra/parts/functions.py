"""All functions of `functions/`, from `infra/rows.py`, in one loop."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundling import ROOT
from infra.environment import environment
from infra.parts.python_function import PythonFunction
from infra.resources import Resources
from infra.rows import ROWS, Row, role_name
from infra.stages import Stage


class Functions(Construct):
    """`by_name["submit_mint"]` and so on."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        layers: Sequence[lambda_.ILayerVersion],
        resources: Resources,
        settings: Mapping[str, str],
        vpc: ec2.IVpc,
    ) -> None:
        """`settings`: what the models of `nft_upgrade.config` may ask for, by field name."""
        super().__init__(scope, id)
        code = lambda_.Code.from_asset(
            str(ROOT / "functions"), exclude=["__pycache__", "*.json", ".*"]
        )
        self.by_name: dict[str, lambda_.Function] = {}
        for row in ROWS:
            made = PythonFunction(
                self,
                row.state,
                stage=stage,
                name=row.name,
                code=code,
                handler=f"{row.name}.handler",
                layers=layers,
                data_key=resources.data_key,
                memory_mib=row.memory_mib,
                timeout_seconds=row.timeout_seconds,
                environment=environment(row.settings, settings),
                role_name=role_name(stage, row.name) if row.signs else None,
                concurrency=row.concurrency,
                vpc=vpc if row.in_vpc else None,
                security_groups=_groups(row, resources),
            )
            for grant in row.grants:
                grant(resources, made.role)
            self.by_name[row.name] = made.function

    @property
    def steps(self) -> dict[str, lambda_.Function]:
        """By the name of their state: `VerifyBurn`."""
        return {row.state: self.by_name[row.name] for row in ROWS if row.is_step}


def _groups(row: Row, resources: Resources) -> list[ec2.ISecurityGroup] | None:
    return [resources.kafka.security_group] if row.in_vpc else None
