"""The client on the running stack: its README, every accident, the product's own client."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.local.running_stack import RunningStack
from tests.web.node import CLIENT, node

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]
PAGE = ("--experimental-eventsource", "--import", "./e2e/as-page.js")


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    stack = RunningStack()
    yield stack
    stack.part.stop(30)


def test_the_ten_lines_that_the_readme_begins_with_work_as_they_are(stack: RunningStack) -> None:
    readme = (CLIENT / "README.md").read_text(encoding="utf-8")
    begins = re.match(r"```js\n(.*?)```", readme, re.DOTALL)
    assert begins, "the README begins with code"
    script = begins[1]
    assert len([line for line in script.splitlines() if line]) <= 10
    said = node(*PAGE, "--input-type=module", "-e", script, ORIGIN=stack.origin)
    assert "event Your NFT upgrade is complete!" in said
    assert "Level 2: " in said


def test_upgrades_survive_every_accident(stack: RunningStack) -> None:
    """Cut and held streams, closed tabs, wallets that are wrong, four tabs; see e2e/whole.js."""
    options = ("--test", "--test-reporter=spec", "--experimental-eventsource")
    node(*options, "e2e/whole.js", seconds=360, ORIGIN=stack.origin)


def test_the_products_own_client_works_unchanged(stack: RunningStack) -> None:
    assert node(*PAGE, "e2e/product.js", ORIGIN=stack.origin).endswith("done\n")


def test_an_upgrade_is_watched_to_its_end_though_the_relay_is_killed(stack: RunningStack) -> None:
    watching = subprocess.Popen(
        ["node", "--no-warnings", "e2e/relay-killed.js"],
        cwd=CLIENT,
        env={**os.environ, "ORIGIN": stack.origin},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert watching.stdout is not None
    with watching, watching.stdout as lines:
        assert lines.readline() == "kill the relay\n"
        stack.kill("relay.app")
        rest = lines.read()
        assert watching.wait(120) == 0, rest
    assert rest.endswith("done\n")
