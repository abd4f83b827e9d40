"""CloudFront's access log, without query strings and cookies: a stream's ticket is in the query."""

from aws_cdk import Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.parts.logs import log_group
from infra.stages import Stage

FIELDS = (
    "date",
    "time",
    "x-edge-location",
    "x-edge-request-id",
    "c-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-protocol-version",
    "cs-bytes",
    "sc-status",
    "sc-bytes",
    "x-edge-result-type",
    "time-taken",
)


class EdgeLogs(Construct):
    """Standard logging v2: it lets the fields be chosen, the older kind always logs the query."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        distribution: cloudfront.Distribution,
        data_key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        group = log_group(
            self,
            "Logs",
            stage=stage,
            data_key=data_key,
            name=f"/aws/vendedlogs/cloudfront/{stage.full_name}",
        )
        source = logs.CfnDeliverySource(
            self,
            "Source",
            name=f"{stage.full_name}-edge",
            log_type="ACCESS_LOGS",
            resource_arn=Stack.of(self).format_arn(
                service="cloudfront",
                region="",
                resource="distribution",
                resource_name=distribution.distribution_id,
            ),
        )
        destination = logs.CfnDeliveryDestination(
            self,
            "Destination",
            name=f"{stage.full_name}-edge",
            output_format="json",
            destination_resource_arn=group.log_group_arn,
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.attr_arn,
            record_fields=list(FIELDS),
        )
        delivery.node.add_dependency(source)
