"""The stacks of a stage as CloudFormation would get them, synthesized once per test run.

`Resource` reads a template by meaning: by type, by what is in the properties, never by logical id.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.app import build_stage, new_app
from infra.bundling import ROOT
from infra.stages import Stage


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template."""

    id: str
    type: str
    properties: Mapping[str, Any]
    whole: Mapping[str, Any]


@dataclass(frozen=True)
class Assembly:
    """What `cdk synth` writes for one stage."""

    stage: Stage
    directory: Path

    @cached_property
    def foundation(self) -> dict[str, Any]:
        return self._template("Foundation")

    @cached_property
    def service(self) -> dict[str, Any]:
        return self._template("Service")

    @property
    def template_files(self) -> list[str]:
        return sorted(str(path) for path in self.directory.glob("*.template.json"))

    @cached_property
    def report(self) -> dict[str, Any]:
        """cdk-nag's findings that nobody explained."""
        report: dict[str, Any] = json.loads((self.directory / "validation-report.json").read_text())
        return report

    def resources(self, type_: str) -> list[Resource]:
        """All of one type, in both stacks."""
        return list(self._resources(type_))

    def one(self, type_: str, **properties: Any) -> Resource:
        """The only resource of a type that has these properties."""
        found = [
            each
            for each in self.resources(type_)
            if all(each.properties.get(name) == wanted for name, wanted in properties.items())
        ]
        assert len(found) == 1, f"{type_} {properties}: {[each.id for each in found]}"
        return found[0]

    def function(self, name: str) -> Resource:
        """The Lambda function of `functions/<name>.py`."""
        return self.one("AWS::Lambda::Function", Handler=f"{name}.handler")

    def statements(self, name: str) -> list[dict[str, Any]]:
        """What a function's role may do."""
        role_id = self.function(name).properties["Role"]["Fn::GetAtt"][0]
        return self.statements_of(role_id)

    def statements_of(self, role_id: str) -> list[dict[str, Any]]:
        """What a role may do, by its logical id."""
        return [
            statement
            for policy in self.resources("AWS::IAM::Policy")
            if {"Ref": role_id} in policy.properties["Roles"]
            for statement in policy.properties["PolicyDocument"]["Statement"]
        ]

    def actions(self, name: str) -> set[str]:
        """All actions that a function's role may do."""
        return {action for each in self.statements(name) for action in listed(each["Action"])}

    def _resources(self, type_: str) -> Iterator[Resource]:
        for template in (self.foundation, self.service):
            for id_, whole in template["Resources"].items():
                if whole["Type"] == type_:
                    yield Resource(id_, type_, whole.get("Properties", {}), whole)

    def _template(self, which: str) -> dict[str, Any]:
        (file,) = self.directory.glob(f"*-{which}.template.json")
        template: dict[str, Any] = json.loads(file.read_text())
        return template


def listed(one_or_many: Any) -> list[Any]:
    """CloudFormation writes a list of one as that one."""
    return one_or_many if isinstance(one_or_many, list) else [one_or_many]


def synthesize(stage: Stage, directory: Path, *, with_nag: bool) -> Assembly:
    """Without bundling: the templates do not depend on what is in a layer."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = new_app(context={**context, "aws:cdk:bundling-stacks": []}, outdir=str(directory))
    if with_nag:
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    build_stage(app, stage)
    try:
        app.synth()
    except RuntimeError as error:
        # Findings are for the test that asks for them; templates are written all the same.
        if "ValidationFailed" not in str(error):
            raise
    return Assembly(stage, directory)
