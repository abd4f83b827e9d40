"""The network: public subnets for NAT alone, private ones for what speaks to Kafka."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.parts.logs import log_group
from infra.stages import NETWORK_RANGE, Stage


class Network(Construct):
    """A VPC over three zones. Zones are named, so that synthesis asks no account."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, data_key: kms.IKey) -> None:
        super().__init__(scope, id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(NETWORK_RANGE),
            availability_zones=list(stage.availability_zones),
            nat_gateways=stage.nat_gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=26,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=22
                ),
            ],
        )
        self._add_gateway_endpoints()
        if stage.has_kafka_endpoints:
            self._add_kafka_endpoints()
        self._add_flow_log(stage, data_key)

    def _add_gateway_endpoints(self) -> None:
        """They cost nothing and keep table and bucket traffic off the NAT gateways."""
        for name in ("dynamodb", "s3"):
            self.vpc.add_gateway_endpoint(name, service=ec2.GatewayVpcEndpointAwsService(name))

    def _add_kafka_endpoints(self) -> None:
        """What a Kafka event source calls from inside the VPC.

        https://docs.aws.amazon.com/lambda/latest/dg/with-msk-cluster-network.html
        """
        for name in ("lambda", "sts"):
            self.vpc.add_interface_endpoint(
                name, service=ec2.InterfaceVpcEndpointAwsService(name), private_dns_enabled=True
            )

    def _add_flow_log(self, stage: Stage, data_key: kms.IKey) -> None:
        group: logs.ILogGroup = log_group(self, "FlowLogs", stage=stage, data_key=data_key)
        role = iam.Role(
            self, "FlowLogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com")
        )
        self.vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
