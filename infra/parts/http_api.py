"""The API: an HTTP API in front of the users' and the operators' function, let in through
CloudFront alone."""

import json

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.parts.logs import log_group
from infra.stages import Stage

ORIGIN_HEADER = "x-origin-verify"
OPERATORS_PATH = "/api/ops/{path+}"
"""More specific than everything, so API Gateway prefers it."""
LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "ip": "$context.identity.sourceIp",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
}
"""The path without its query: no query string is ever logged."""


class HttpApi(Construct):
    """`api` and its `host` at once; after `serve` also the `alias` that a canary moves."""

    alias: lambda_.Alias
    errors: cloudwatch.Alarm

    def __init__(self, scope: Construct, id: str, *, stage: Stage, data_key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self.api = apigatewayv2.HttpApi(
            self, "Api", api_name=stage.full_name, create_default_stage=False
        )
        self._add_stage(data_key)

    def serve(
        self,
        function: lambda_.Function,
        operators: lambda_.Function,
        origin_check: lambda_.IFunction,
    ) -> None:
        """Route everything to `function`, operators' calls to `operators`, if `origin_check` lets
        them in."""
        self.alias = lambda_.Alias(
            self, "Live", alias_name="live", version=function.current_version
        )
        through_cloudfront = authorizers.HttpLambdaAuthorizer(
            "ThroughCloudFront",
            origin_check,
            identity_source=[f"$request.header.{ORIGIN_HEADER}"],
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            results_cache_ttl=Duration.hours(1),
        )
        for path, name, target in (
            ("/{path+}", "Function", self.alias),
            (OPERATORS_PATH, "Operators", operators),
        ):
            self.api.add_routes(
                path=path,
                integration=integrations.HttpLambdaIntegration(
                    name,
                    target,
                    payload_format_version=apigatewayv2.PayloadFormatVersion.VERSION_2_0,
                ),
                authorizer=through_cloudfront,
            )
        self._add_canary()

    @property
    def host(self) -> str:
        """Without scheme."""
        return f"{self.api.api_id}.execute-api.{self.api.stack.region}.amazonaws.com"

    def _add_stage(self, data_key: kms.IKey) -> None:
        group = log_group(
            self,
            "AccessLogs",
            stage=self._stage,
            data_key=data_key,
            name=f"/aws/vendedlogs/apis/{self._stage.full_name}",
        )
        made = apigatewayv2.HttpStage(
            self,
            "Default",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=self._stage.api_requests_per_second, burst_limit=self._stage.api_burst
            ),
        )
        plain = made.node.default_child
        assert isinstance(plain, apigatewayv2.CfnStage)
        plain.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=group.log_group_arn,
            format=apigateway.AccessLogFormat.custom(json.dumps(LOGGED)).to_string(),
        )

    def _add_canary(self) -> None:
        """A tenth of the calls first; back to the old version when they fail."""
        self.errors = cloudwatch.Alarm(
            self,
            "Errors",
            metric=self.alias.metric_errors(period=Duration.minutes(1)),
            threshold=1,
            evaluation_periods=2,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="The API's function fails. Runbook: docs/deployment.md#rollback",
        )
        codedeploy.LambdaDeploymentGroup(
            self,
            "Canary",
            application=codedeploy.LambdaApplication(
                self, "Application", application_name=f"{self._stage.full_name}-api"
            ),
            alias=self.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.from_lambda_deployment_config_name(
                self, "Pace", f"CodeDeployDefault.{self._stage.canary}"
            ),
            alarms=[self.errors],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )
