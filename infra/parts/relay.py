"""The relay on Fargate behind a load balancer that only CloudFront reaches."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from infra.bundling import ROOT
from infra.environment import environment
from infra.parts.logs import log_group
from infra.resources import Resources, knows_sessions, marks_presence, reads, reads_many, writes
from infra.stages import CLOUDFRONT_PREFIX_LIST, NETWORK_RANGE, REGION, Stage
from nft_upgrade.adapters.dynamodb_tables import TRANSIENT, UPGRADES
from nft_upgrade.config import RelaySettings
from nft_upgrade.messages import TOPIC_CONTROL, TOPICS

PORT = 8080
TRUSTED_HOPS = 2
"""CloudFront and the load balancer."""
IDLE = Duration.seconds(120)
"""The stream's heartbeat comes every 15 s."""
DEREGISTRATION = Duration.seconds(660)
"""Longer than a stream's life (RELAY_STREAM_SECONDS): ECS sends SIGTERM only afterwards, to a
process whose streams have moved on."""
STOP = Duration.seconds(120)
"""Fargate's longest; above RELAY_DRAIN_SECONDS."""
NOT_IN_THE_IMAGE = (
    ".*",
    "*.md",
    "app.py",
    "benchmarks",
    "cdk.*",
    "docs",
    "functions",
    "infra",
    "local",
    "node_modules",
    "test-artifacts",
    "tests",
    "web",
    "**/__pycache__",
    "**/*.egg-info",
    "layers/dependencies",
)
"""What may change without the image changing; also keeps the build's context small."""


class Relay(Construct):
    """`balancer` for the distribution at once; after `serve` the `service` behind it."""

    service: ecs.FargateService

    def __init__(self, scope: Construct, id: str, *, stage: Stage, vpc: ec2.IVpc) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._vpc = vpc
        self.balancer = self._make_balancer()
        self.target_group = self._make_target_group()

    def serve(self, resources: Resources, settings: Mapping[str, str]) -> None:
        """Run the tasks."""
        self._resources = resources
        cluster = ecs.Cluster(
            self, "Cluster", vpc=self._vpc, container_insights_v2=ecs.ContainerInsights.ENABLED
        )
        self.service = self._make_service(cluster, self._make_task(settings))
        self.target_group.add_target(self.service)
        self._scale()

    def _make_balancer(self) -> elb.ApplicationLoadBalancer:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self._vpc,
            internet_facing=False,
            idle_timeout=IDLE,
            client_keep_alive=Duration.hours(1),
            drop_invalid_header_fields=True,
            deletion_protection=self._stage.is_protected,
        )
        for source in (
            ec2.Peer.prefix_list(CLOUDFRONT_PREFIX_LIST),
            ec2.Peer.ipv4(NETWORK_RANGE),
        ):
            balancer.connections.allow_from(
                source, ec2.Port.tcp(443 if self.has_tls else 80), "CloudFront's VPC origin"
            )
        return balancer

    @property
    def has_tls(self) -> bool:
        """Between CloudFront and the balancer, inside AWS's network."""
        return self._stage.relay_certificate_arn is not None

    def _make_target_group(self) -> elb.ApplicationTargetGroup:
        group = elb.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=self._vpc,
            port=PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            deregistration_delay=DEREGISTRATION,
            load_balancing_algorithm_type=(
                elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS
            ),
            # Not /readyz: it says 503 while Kafka is away, and ECS replaces what is unhealthy.
            health_check=elb.HealthCheck(
                path="/healthz",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(3),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        arn = self._stage.relay_certificate_arn
        elb.ApplicationListener(
            self,
            "Listener",
            load_balancer=self.balancer,
            port=443 if arn else 80,
            protocol=elb.ApplicationProtocol.HTTPS if arn else elb.ApplicationProtocol.HTTP,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", arn)]
            if arn
            else None,
            ssl_policy=elb.SslPolicy.TLS13_13 if arn else None,
            open=False,
            default_target_groups=[group],
        )
        return group

    def _make_task(self, settings: Mapping[str, str]) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=self._stage.relay_vcpu_units,
            memory_limit_mib=self._stage.relay_memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        own = {
            "relay_host": "0.0.0.0",
            "relay_port": str(PORT),
            "relay_trusted_hops": str(TRUSTED_HOPS),
            "relay_max_streams": str(self._stage.relay_max_streams),
            "relay_metrics_seconds": "60",
        }
        task.add_container(
            "Relay",
            image=ecs.ContainerImage.from_asset(
                str(ROOT),
                file="relay/Dockerfile",
                exclude=list(NOT_IN_THE_IMAGE),
                platform=ecr_assets.Platform.LINUX_ARM64,
            ),
            # kafka-python's MSK login takes the region from this variable alone.
            environment={
                **environment(RelaySettings, {**settings, **own}),
                "AWS_DEFAULT_REGION": REGION,
            },
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            readonly_root_filesystem=True,
            user="10001",
            stop_timeout=STOP,
            ulimits=[ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=65_536, hard_limit=65_536)],
            linux_parameters=self._no_capabilities(),
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix="relay",
                log_group=log_group(
                    self, "Logs", stage=self._stage, data_key=self._resources.data_key
                ),
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            ),
        )
        reads(UPGRADES)(self._resources, task.task_role)
        reads_many(UPGRADES)(self._resources, task.task_role)
        writes(TRANSIENT)(self._resources, task.task_role)
        marks_presence(self._resources, task.task_role)
        knows_sessions(self._resources, task.task_role)
        self._resources.kafka.grant_read(task.task_role, *TOPICS, TOPIC_CONTROL)
        self._resources.kafka.grant_write(task.task_role, TOPIC_CONTROL)
        return task

    def _no_capabilities(self) -> ecs.LinuxParameters:
        parameters = ecs.LinuxParameters(self, "Linux", init_process_enabled=False)
        parameters.drop_capabilities(ecs.Capability.ALL)
        return parameters

    def _make_service(
        self, cluster: ecs.Cluster, task: ecs.FargateTaskDefinition
    ) -> ecs.FargateService:
        own_group = ec2.SecurityGroup(self, "Tasks", vpc=self._vpc, description="Relay tasks")
        own_group.connections.allow_from(self.balancer, ec2.Port.tcp(PORT), "Load balancer")
        return ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=self._stage.relay_tasks_min,
            security_groups=[own_group, self._kafka_group()],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=Duration.seconds(30),
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
        )

    def _kafka_group(self) -> ec2.ISecurityGroup:
        """Unchangeable here, or the balancer's rule would go into the lower stack's group too."""
        group_id = self._resources.kafka.security_group.security_group_id
        return ec2.SecurityGroup.from_security_group_id(
            self, "KafkaMembers", group_id, mutable=False
        )

    def _scale(self) -> None:
        """On processor time, and on open streams: a stream is idle nearly always, so neither
        requests nor processor time tell how many there are."""
        target = self.service.auto_scale_task_count(
            min_capacity=self._stage.relay_tasks_min, max_capacity=self._stage.relay_tasks_max
        )
        target.scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=60, scale_in_cooldown=Duration.minutes(15)
        )
        autoscaling.CfnScalingPolicy(
            self,
            "Streams",
            policy_name=f"{self._stage.full_name}-relay-streams",
            policy_type="TargetTrackingScaling",
            scaling_target_id=_scalable_target_id(target),
            target_tracking_scaling_policy_configuration=self._streams_target(),
        )

    def _streams_target(
        self,
    ) -> autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty:
        """Every stream is two connections of the balancer: CloudFront's and its own."""
        policy = autoscaling.CfnScalingPolicy
        return policy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=self._stage.relay_streams_per_task,
            scale_in_cooldown=900,
            scale_out_cooldown=60,
            customized_metric_specification=policy.CustomizedMetricSpecificationProperty(
                metrics=[
                    policy.TargetTrackingMetricDataQueryProperty(
                        id="streams",
                        expression="connections / 2 / tasks",
                        label="streams per task",
                        return_data=True,
                    ),
                    self._query("connections", "ActiveConnectionCount", "Sum", {}),
                    self._query(
                        "tasks",
                        "HealthyHostCount",
                        "Average",
                        {"TargetGroup": self.target_group.target_group_full_name},
                    ),
                ]
            ),
        )

    def _query(
        self, id: str, name: str, statistic: str, more: Mapping[str, str]
    ) -> autoscaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty:
        policy = autoscaling.CfnScalingPolicy
        dimensions = {"LoadBalancer": self.balancer.load_balancer_full_name, **more}
        return policy.TargetTrackingMetricDataQueryProperty(
            id=id,
            return_data=False,
            metric_stat=policy.TargetTrackingMetricStatProperty(
                stat=statistic,
                metric=policy.TargetTrackingMetricProperty(
                    namespace="AWS/ApplicationELB",
                    metric_name=name,
                    dimensions=[
                        policy.TargetTrackingMetricDimensionProperty(name=key, value=text)
                        for key, text in dimensions.items()
                    ],
                ),
            ),
        )


def _scalable_target_id(tasks: ecs.ScalableTaskCount) -> str:
    made = tasks.node.find_child("Target")
    assert isinstance(made, autoscaling.ScalableTarget)
    return made.scalable_target_id
