"""The service: edge, API, relay, event sources, alarms, outputs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.bundling import ROOT
from infra.costs import monthly_minimum
from infra.parts.edge_logs import FIELDS
from infra.stages import DEV, PROD, SHAPES, UnknownChoice, chosen
from nft_upgrade.adapters.kafka_topics import TopicPlan
from nft_upgrade.config import RelaySettings
from nft_upgrade.http.pages import API_PATHS
from tests.infra.synthesized import Assembly


def distribution(assembly: Assembly) -> dict[str, Any]:
    config: dict[str, Any] = assembly.one("AWS::CloudFront::Distribution").properties[
        "DistributionConfig"
    ]
    return config


def test_distribution_speaks_http_2_and_3_behind_a_web_acl(assembly: Assembly) -> None:
    config = distribution(assembly)
    assert config["HttpVersion"] == "http2and3"
    assert "Fn::GetAtt" in config["WebACLId"]


def test_streams_go_to_the_relay_uncompressed_and_the_apis_paths_to_the_api(
    assembly: Assembly,
) -> None:
    config = distribution(assembly)
    streams, *others = config["CacheBehaviors"]
    assert streams["PathPattern"] == "/api/nft/upgrade/*/events"
    assert streams["Compress"] is False
    by_id = {origin["Id"]: origin for origin in config["Origins"]}
    relay = by_id[streams["TargetOriginId"]]
    assert (
        relay["VpcOriginConfig"]["OriginReadTimeout"]
        > RelaySettings.model_fields["relay_heartbeat_seconds"].default
    )
    assert [each["PathPattern"] for each in others] == [f"{path}*" for path in API_PATHS]
    (api,) = {each["TargetOriginId"] for each in others}
    assert by_id[api]["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"


def test_nothing_is_let_into_the_api_but_what_shows_the_secret(assembly: Assembly) -> None:
    routes = assembly.resources("AWS::ApiGatewayV2::Route")
    assert {route.properties["RouteKey"] for route in routes} == {
        "ANY /{path+}",
        "ANY /api/ops/{path+}",
    }
    assert {route.properties["AuthorizationType"] for route in routes} == {"CUSTOM"}
    authorizer = assembly.one("AWS::ApiGatewayV2::Authorizer").properties
    assert authorizer["IdentitySource"] == ["$request.header.x-origin-verify"]
    headers = [
        header
        for origin in distribution(assembly)["Origins"]
        for header in origin.get("OriginCustomHeaders", [])
    ]
    assert [header["HeaderName"] for header in headers] == ["x-origin-verify"]
    assert "resolve:secretsmanager" in json.dumps(headers[0]["HeaderValue"])


def test_no_query_string_is_logged(assembly: Assembly) -> None:
    assert not any("query" in field or "Cookie" in field for field in FIELDS)
    logged = assembly.one("AWS::Logs::Delivery").properties["RecordFields"]
    assert logged == list(FIELDS)
    stage = assembly.one("AWS::ApiGatewayV2::Stage").properties
    assert "querystring" not in stage["AccessLogSettings"]["Format"].lower()
    attributes = assembly.one("AWS::ElasticLoadBalancingV2::LoadBalancer").properties[
        "LoadBalancerAttributes"
    ]
    assert {"Key": "access_logs.s3.enabled", "Value": "true"} not in attributes


def test_api_is_throttled(prod: Assembly) -> None:
    settings = prod.one("AWS::ApiGatewayV2::Stage").properties["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == PROD.api_requests_per_second


def test_web_acl_has_amazons_groups_and_a_rate_per_address(assembly: Assembly) -> None:
    rules = assembly.one("AWS::WAFv2::WebACL").properties["Rules"]
    statements = [set(rule["Statement"]) for rule in rules]
    assert statements.count({"RateBasedStatement"}) == 1
    assert statements.count({"ManagedRuleGroupStatement"}) == 3


def test_relay_runs_without_rights_and_with_a_read_only_disk(assembly: Assembly) -> None:
    (container,) = assembly.one("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "10001"
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["StopTimeout"] > default("relay_drain_seconds")


def default(setting: str) -> float:
    """A relay setting's default."""
    return float(RelaySettings.model_fields[setting].default)


def test_relay_environment_reads_back_into_its_settings(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container,) = assembly.one("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]
    for variable in container["Environment"]:
        text = variable["Value"]
        monkeypatch.setenv(variable["Name"], text if isinstance(text, str) else "later")
    read = RelaySettings()
    assert (read.relay_host, read.relay_port) == ("0.0.0.0", 8080)
    assert read.kafka_sasl_mechanism == "AWS_MSK_IAM"
    assert read.trusted_proxy_hops == 2
    assert assembly.stage.relay_streams_per_task < read.relay_max_streams


def test_streams_outlive_idle_time_outs_and_deployments(assembly: Assembly) -> None:
    balancer = attributes(assembly, "LoadBalancer")
    group = attributes(assembly, "TargetGroup")
    fields = RelaySettings.model_fields
    assert (
        int(balancer["idle_timeout.timeout_seconds"])
        > 4 * fields["relay_heartbeat_seconds"].default
    )
    assert (
        int(group["deregistration_delay.timeout_seconds"]) > fields["relay_stream_seconds"].default
    )
    assert group["stickiness.enabled"] == "false"


def attributes(assembly: Assembly, what: str) -> dict[str, str]:
    properties = assembly.one(f"AWS::ElasticLoadBalancingV2::{what}").properties
    return {each["Key"]: each["Value"] for each in properties[f"{what}Attributes"]}


def test_balancer_is_reached_by_cloudfront_and_the_vpc_alone(assembly: Assembly) -> None:
    balancer = assembly.one("AWS::ElasticLoadBalancingV2::LoadBalancer").properties
    assert balancer["Scheme"] == "internal"
    (group_id,) = [each["Fn::GetAtt"][0] for each in balancer["SecurityGroups"]]
    group = next(
        each for each in assembly.resources("AWS::EC2::SecurityGroup") if each.id == group_id
    )
    assert "0.0.0.0/0" not in json.dumps(group.properties.get("SecurityGroupIngress", []))


def test_failed_relay_deployment_goes_back_by_itself(assembly: Assembly) -> None:
    service = assembly.one("AWS::ECS::Service").properties["DeploymentConfiguration"]
    assert service["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert service["MinimumHealthyPercent"] == 100


def test_relay_scales_on_processor_time_and_on_open_streams(assembly: Assembly) -> None:
    policies = assembly.resources("AWS::ApplicationAutoScaling::ScalingPolicy")
    text = json.dumps([each.properties for each in policies])
    assert "ECSServiceAverageCPUUtilization" in text
    assert "connections / 2 / tasks" in text


def test_kafka_sources_try_as_long_as_kafka_keeps_a_record_and_then_tell_a_queue(
    assembly: Assembly,
) -> None:
    sources = [
        each.properties
        for each in assembly.resources("AWS::Lambda::EventSourceMapping")
        if "AmazonManagedKafkaEventSourceConfig" in each.properties
    ]
    assert len(sources) == 12
    groups = {each["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"] for each in sources}
    assert len(groups) == 12
    for source in sources:
        assert source["MaximumRecordAgeInSeconds"] == TopicPlan().retention_hours * 3600
        assert source["MaximumRetryAttempts"] == 10_000
        assert source["BisectBatchOnFunctionError"] is True
        assert "OnFailure" in source["DestinationConfig"]
        assert source["ProvisionedPollerConfig"]["MinimumPollers"] == 1


def test_mail_and_push_wait_each_for_itself_on_pollers_paid_for_once(assembly: Assembly) -> None:
    pollers = {
        each.properties["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]: (
            each.properties["ProvisionedPollerConfig"]["PollerGroupName"]
        )
        for each in assembly.resources("AWS::Lambda::EventSourceMapping")
        if "AmazonManagedKafkaEventSourceConfig" in each.properties
    }
    mail = pollers["nft-notifications.nft-upgrade-completed"]
    assert pollers["nft-notifications-push.nft-upgrade-completed"] == mail
    assert len(set(pollers.values())) == 3


def test_what_stays_unsent_wakes_somebody(assembly: Assembly) -> None:
    watched = {
        (each.properties.get("MetricName"), dimension["Value"])
        for each in assembly.resources("AWS::CloudWatch::Alarm")
        for dimension in each.properties.get("Dimensions", ())
        if dimension["Name"] == "consumer"
    }
    for group in ("nft-notifications", "nft-notifications-push"):
        for metric in ("DeadLetters", "DeliveriesUncertain", "DeliveriesRefused"):
            assert (metric, group) in watched


def test_stream_source_reports_single_records_and_ends_before_the_stream_does(
    assembly: Assembly,
) -> None:
    source = next(
        each.properties
        for each in assembly.resources("AWS::Lambda::EventSourceMapping")
        if "AmazonManagedKafkaEventSourceConfig" not in each.properties
    )
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["MaximumRecordAgeInSeconds"] < 24 * 3600
    pattern = json.loads(source["FilterCriteria"]["Filters"][0]["Pattern"])
    assert pattern["dynamodb"]["Keys"]["entry"]["S"] == [{"prefix": "EVENT#"}]


def test_bad_ends_of_executions_start_the_sweep(assembly: Assembly) -> None:
    rule = next(
        each.properties
        for each in assembly.resources("AWS::Events::Rule")
        if "EventPattern" in each.properties
    )
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert assembly.function("sweep").id in json.dumps(rule["Targets"])
    assert "DeadLetterConfig" in rule["Targets"][0]


def test_every_alarm_wakes_somebody_and_names_an_existing_page(assembly: Assembly) -> None:
    alarms = [
        each.properties
        for each in assembly.resources("AWS::CloudWatch::Alarm")
        if "Runbook" in each.properties.get("AlarmDescription", "")
    ]
    assert len(alarms) >= 18
    for alarm in alarms:
        assert alarm["AlarmActions"]
        page, anchor = alarm["AlarmDescription"].rsplit("Runbook: ", 1)[1].split("#")
        assert anchor in anchors(ROOT / page), alarm["AlarmDescription"]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_outputs_say_where_it_is_what_it_costs_and_what_to_do_next(assembly: Assembly) -> None:
    outputs = assembly.service["Outputs"]
    wanted = {"Url", "HealthUrl", "DashboardUrl", "SystemWallet", "MonthlyMinimum"}
    assert wanted <= set(outputs)
    assert {"Next1FundTheWallet", "Next2FirstNft", "Next3RpcProviders"} <= set(outputs)
    assert "USD (checked: kafka; estimated: the rest" in outputs["MonthlyMinimum"]["Value"]


@pytest.mark.parametrize(
    ("shape", "usd"), [("serverless", 547.5), ("small", 66.58), ("standard", 447), ("express", 894)]
)
def test_kafka_costs_at_least_what_aws_lists(shape: str, usd: float) -> None:
    listed = SHAPES[shape].usd_per_hour * 730
    assert listed == pytest.approx(usd, rel=0.001)


def test_an_idle_stage_costs_what_its_parts_cost() -> None:
    assert 250 < sum(monthly_minimum(DEV).values()) < sum(monthly_minimum(PROD).values())


def test_stage_is_dev_unless_another_is_asked_for() -> None:
    assert chosen({}) == DEV
    assert chosen({"stage": "prod", "kafka": "express"}).kafka is SHAPES["express"]
    with pytest.raises(UnknownChoice, match="dev, prod"):
        chosen({"stage": "staging"})
