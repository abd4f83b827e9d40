"""The state machine, from the same file that the local stack executes."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.bundling import ROOT
from infra.parts.logs import log_group
from infra.stages import Stage

DEFINITION = ROOT / "functions/upgrade.asl.json"


def state_machine_name(stage: Stage) -> str:
    """Fixed, so that the functions it calls can know its ARN without a circle."""
    return f"{stage.full_name}-upgrade"


def state_machine_arn(scope: Construct, stage: Stage) -> str:
    """The ARN it will have."""
    return Stack.of(scope).format_arn(
        service="states",
        resource="stateMachine",
        resource_name=state_machine_name(stage),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class Workflow(Construct):
    """`machine`: Standard, logged, traced."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        data_key: kms.IKey,
        steps: Mapping[str, lambda_.IFunction],
    ) -> None:
        """`steps`: the function of each Task state, by the state's name."""
        super().__init__(scope, id)
        self.machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=state_machine_name(stage),
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions={
                state: function.function_arn for state, function in steps.items()
            },
            logs=sfn.LogOptions(
                destination=log_group(
                    self,
                    "Logs",
                    stage=stage,
                    data_key=data_key,
                    name=f"/aws/vendedlogs/states/{state_machine_name(stage)}",
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
            tracing_enabled=True,
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[function.function_arn for function in steps.values()],
            )
        )
