"""What may be replaced any day: functions, API, workflow, relay, edge, alarms."""

from typing import Any

from aws_cdk import Annotations, CfnOutput, Stack
from constructs import Construct

from infra.costs import summary
from infra.foundation import Foundation
from infra.parts.alarms import Alarms, Watched
from infra.parts.audit_check import AuditCheck
from infra.parts.dashboard import Dashboard
from infra.parts.edge import Edge
from infra.parts.edge_logs import EdgeLogs
from infra.parts.event_sources import EventSources
from infra.parts.functions import Functions
from infra.parts.gauge import Gauge
from infra.parts.helpers import Helpers
from infra.parts.http_api import HttpApi
from infra.parts.layers import Layers
from infra.parts.mail_feedback import MailFeedback
from infra.parts.pages import Pages
from infra.parts.relay import Relay
from infra.parts.repair import Repair
from infra.parts.web_acl import WebAcl
from infra.parts.workflow import Workflow, state_machine_arn
from infra.resources import Resources
from infra.rows import concurrency_needed
from infra.settings import kafka_settings, settings
from infra.stages import Stage
from infra.unsettled import unsettled


class Service(Stack):
    """The upper stack of a stage."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation, **options: Any
    ) -> None:
        super().__init__(scope, id, **options)
        data_key = foundation.data_key
        resources = Resources(
            tables=foundation.tables,
            data_key=data_key,
            mint_key=foundation.mint_key,
            session_key=foundation.session_key,
            rpc_urls=foundation.rpc_urls,
            audit_bucket=foundation.audit.bucket,
            kafka=foundation.kafka,
            state_machine_arn=state_machine_arn(self, stage),
            notify_sender=stage.notify_sender,
            configuration_set=stage.full_name,
            push_applications=stage.push_applications,
        )
        layers = Layers(self, "Layers", wheels=stage.wheels).versions
        helpers = Helpers(self, "Helpers", stage=stage, data_key=data_key, layers=layers)
        brokers = helpers.brokers(foundation.kafka)
        wallet = helpers.wallet_address(foundation.mint_key)
        if stage.kafka.is_serverless:
            helpers.make_topics(foundation.kafka, foundation.vpc, kafka_settings(brokers))
        # The browser's origin is in the functions' settings, and the functions behind the origin:
        # the distribution therefore knows the API and the load balancer by address alone.
        api = HttpApi(self, "HttpApi", stage=stage, data_key=data_key)
        relay = Relay(self, "Relay", stage=stage, vpc=foundation.vpc)
        pages = Pages(self, "Pages")
        edge = Edge(
            self,
            "Edge",
            stage=stage,
            api_host=api.host,
            relay=relay.balancer,
            relay_has_tls=relay.has_tls,
            pages=pages.bucket,
            origin_secret=foundation.origin_secret,
            web_acl_arn=WebAcl(self, "WebAcl", stage=stage).arn,
        )
        pages.fill(helpers)
        EdgeLogs(self, "EdgeLogs", stage=stage, distribution=edge.distribution, data_key=data_key)
        known = settings(stage, resources, origin=edge.url, brokers=brokers)
        functions = Functions(
            self,
            "Functions",
            stage=stage,
            layers=layers,
            resources=resources,
            settings=known,
            vpc=foundation.vpc,
        )
        if not stage.is_protected:
            audit = foundation.audit
            emptied = helpers.empty_on_deletion(audit.bucket, audit.access_logs)
            functions.by_name["audit"].node.add_dependency(emptied)
        workflow = Workflow(self, "Workflow", stage=stage, data_key=data_key, steps=functions.steps)
        api.serve(
            functions.by_name["api"],
            functions.by_name["ops_api"],
            helpers.origin_check(foundation.origin_secret),
        )
        relay.serve(resources, known)
        sources = EventSources(
            self,
            "EventSources",
            functions=functions.by_name,
            upgrades=foundation.tables["upgrades"],
            kafka=foundation.kafka,
            data_key=data_key,
        )
        feedback = MailFeedback(
            self,
            "MailFeedback",
            name=resources.configuration_set,
            function=functions.by_name["mail_feedback"],
            data_key=data_key,
        )
        repair = Repair(
            self,
            "Repair",
            stage=stage,
            sweep=functions.by_name["sweep"],
            state_machine_arn=resources.state_machine_arn,
            data_key=data_key,
        )
        AuditCheck(self, "AuditCheck", verify_audit=functions.by_name["verify_audit"])
        Gauge(self, "Gauge", helpers=helpers, resources=resources, settings=known)
        alarms = Alarms(
            self,
            "Alarms",
            stage=stage,
            data_key=data_key,
            watched=Watched(
                functions=functions.by_name,
                machine=workflow.machine,
                queues={
                    "StreamFailures": sources.stream_failures,
                    "KafkaFailures": sources.kafka_failures,
                    "SweepFailures": repair.failures,
                    "MailFeedbackFailures": feedback.failures,
                },
                relay_targets=relay.target_group,
                api_errors=api.errors,
            ),
        )
        Dashboard(
            self,
            "Dashboard",
            stage=stage,
            alarms=alarms.alarms,
            functions=functions.by_name,
            machine=workflow.machine,
            relay=relay.balancer,
        )
        self._say(stage, edge.url, api.host, wallet, resources.state_machine_arn)
        self._remind(stage, alarms.topic.topic_arn)

    def _say(self, stage: Stage, url: str, api_host: str, wallet: str, machine: str) -> None:
        """What the operator reads when `cdk deploy` ends."""
        console = f"https://{self.region}.console.aws.amazon.com"
        said = {
            "Url": url,
            "HealthUrl": f"{url}/api/nft/upgrade/health",
            "DocumentationUrl": f"{url}/docs",
            "OperatorsUrl": f"{url}/ops/",
            "ApiHost": api_host,
            "DashboardUrl": f"{console}/cloudwatch/home#dashboards:name={stage.full_name}",
            "StateMachineArn": machine,
            "SystemWallet": wallet,
            "Next1FundTheWallet": f"send SOL to {wallet}; new upgrades are refused until then",
            "Next2FirstNft": f"aws lambda invoke --function-name {stage.full_name}-issue-nft "
            "--cli-read-timeout 0 --cli-binary-format raw-in-base64-out "
            """--payload '{"claimId": "first", "recipient": "WALLET"}' /dev/stdout""",
            "Next3RpcProviders": f"aws secretsmanager put-secret-value --secret-id "
            f"{stage.full_name}/solana-rpc-urls --secret-string URL,URL",
            "MonthlyMinimum": summary(stage),
        }
        for name, text in said.items():
            CfnOutput(self, name, value=text)

    def _remind(self, stage: Stage, alarm_topic: str) -> None:
        """Of what is still to be said; loudly where users are."""
        left = list(unsettled(stage))
        CfnOutput(self, "AlarmTopic", value=alarm_topic)
        if not stage.alarm_email:
            CfnOutput(
                self,
                "Next4WakeSomebody",
                value="nobody is subscribed to the alarms: aws sns subscribe --protocol email "
                f"--topic-arn {alarm_topic} --notification-endpoint ADDRESS, then confirm the mail",
            )
        if left:
            names = "; ".join(map(str, left))
            CfnOutput(self, "Next5Choose", value=f"in cdk.json, choices.{stage.name}: {names}")
        if stage.reserves_concurrency:
            CfnOutput(self, "ConcurrencyNeeded", value=str(concurrency_needed()))
        if stage.is_protected:
            for each in left:
                Annotations.of(self).add_warning_v2(f"nft-upgrade:{each.name}", str(each))
