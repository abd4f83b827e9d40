"""Both stacks of the chosen stage."""

import os
from typing import Any

import aws_cdk as cdk

from infra.acknowledged import FOUNDATION, SERVICE, acknowledge
from infra.foundation import Foundation
from infra.service import Service
from infra.stages import OVERRIDES, REGION, SECRET, Stage, chosen


def new_app(**options: Any) -> cdk.App:
    """Without CDK's built-in validation, which takes more than half of a synthesis: cfn-lint and
    cdk-nag are run on both stages by the tests (docs/decisions/0036)."""
    return cdk.App(builtin_cloud_formation_validation=False, **options)


def build(app: cdk.App) -> tuple[Foundation, Service]:
    """Read the context, make the stacks. No account is asked for anything."""
    names = ("stage", "choices", "kafka", SECRET, *OVERRIDES)
    return build_stage(app, chosen({name: app.node.try_get_context(name) for name in names}))


def build_stage(app: cdk.App, stage: Stage) -> tuple[Foundation, Service]:
    """The two stacks of a stage."""
    place = cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=REGION)
    name = f"NftUpgrade-{stage.name}"
    foundation = Foundation(app, f"{name}-Foundation", stage=stage, env=place)
    service = Service(app, f"{name}-Service", stage=stage, foundation=foundation, env=place)
    acknowledge(foundation, FOUNDATION, stage.name)
    acknowledge(service, SERVICE, stage.name)
    for stack in (foundation, service):
        cdk.Tags.of(stack).add("product", "nft-upgrade")
        cdk.Tags.of(stack).add("stage", stage.name)
    return foundation, service
