"""cdk-nag and cfn-lint: nothing is found that is not explained."""

import subprocess
import sys
from pathlib import Path

from tests.infra.conftest import Stages
from tests.infra.synthesized import Assembly

IGNORED = {
    "W3005": "CDK writes DependsOn beside GetAtt; redundant, not wrong.",
    "W3010": "Zones are named on purpose: synthesis asks no account (infra/stages.py).",
}


def test_nag_packs_find_nothing_unexplained(assembly: Assembly) -> None:
    packs = {each["pluginName"]: each for each in assembly.report["pluginReports"]}
    assert {"AwsSolutions", "Serverless"} <= set(packs)
    violations = [each for pack in packs.values() for each in pack["violations"]]
    found = {
        violation["ruleName"]: [at["constructPath"] for at in violation["violatingConstructs"]]
        for violation in violations
    }
    assert found == {}


def test_cfn_lint_finds_nothing_unexplained(assemblies: Stages) -> None:
    files = [file for each in assemblies.values() for file in each.template_files]
    assert len(files) == 4
    linter = Path(sys.executable).with_name("cfn-lint")
    ignored = [f"--ignore-checks={rule}" for rule in IGNORED]
    answer = subprocess.run(
        [linter, *ignored, "--regions=us-east-1", "--", *files], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
