"""WAF in front of CloudFront: Amazon's managed groups and a rate per address."""

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.stages import Stage

MANAGED = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
)
Rule = wafv2.CfnWebACL.RuleProperty


class WebAcl(Construct):
    """`arn`."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        super().__init__(scope, id)
        rules = [_rate_rule(stage.waf_requests_per_ip)]
        rules += [_managed_rule(name, priority) for priority, name in enumerate(MANAGED, start=1)]
        self.arn = wafv2.CfnWebACL(
            self,
            "Acl",
            name=stage.full_name,
            scope="CLOUDFRONT",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible(stage.full_name),
            rules=rules,
        ).attr_arn


def _rate_rule(limit: int) -> Rule:
    return Rule(
        name="RatePerAddress",
        priority=0,
        action=wafv2.CfnWebACL.RuleActionProperty(
            block=wafv2.CfnWebACL.BlockActionProperty(
                custom_response=wafv2.CfnWebACL.CustomResponseProperty(response_code=429)
            )
        ),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", evaluation_window_sec=300, limit=limit
            )
        ),
        visibility_config=_visible("RatePerAddress"),
    )


def _managed_rule(name: str, priority: int) -> Rule:
    return Rule(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=name
            )
        ),
        visibility_config=_visible(name),
    )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
