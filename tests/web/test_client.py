"""The client for pages and Node (`web/client`): its own tests, types, size, README and example."""

import gzip
import json
import re
from pathlib import Path

import pytest

from nft_upgrade.domain.upgrade import ACTIVE, TERMINAL
from tests.web import api_types, client_vectors
from tests.web.node import CLIENT, WEB, node, tool

README = (CLIENT / "README.md").read_text(encoding="utf-8")
TYPES = (CLIENT / "index.d.ts").read_text(encoding="utf-8")
MOST_BYTES = 12 * 1024


def test_its_unit_tests_pass() -> None:
    tests = sorted(str(path) for path in (CLIENT / "test").glob("*.test.js"))
    assert len(tests) >= 8
    node("--test", "--test-reporter=spec", *tests)


def test_its_types_of_requests_and_answers_are_the_apis() -> None:
    assert api_types.FILE.read_text(encoding="utf-8") == api_types.types(), (
        "the API changed: .venv/bin/python -m tests.web.api_types"
    )


def test_its_vectors_are_what_solders_and_the_api_say() -> None:
    assert client_vectors.FILE.read_text(encoding="utf-8") == client_vectors.vectors()


def test_it_knows_the_statuses() -> None:
    script = 'import("./index.js").then((c) => console.log(JSON.stringify([c.ACTIVE, c.TERMINAL])))'
    active, terminal = json.loads(node("-e", script))
    assert sorted(active) == sorted(ACTIVE)
    assert sorted(terminal) == sorted(TERMINAL)


def test_its_types_are_sound_and_refuse_misuse() -> None:
    tool("tsc", "-p", ".")


def test_every_name_it_exports_has_a_type() -> None:
    exported = node("-e", 'import("./index.js").then((c) => console.log(Object.keys(c).join()))')
    typed = re.findall(r"^export (?:const|function|class|namespace) (\w+)", TYPES, re.MULTILINE)
    assert sorted(exported.strip().split(",")) == sorted(typed)


METHODS = """
const { createClient } = await import("./index.js");
const client = createClient();
const names = (object) => Object.getOwnPropertyNames(Object.getPrototypeOf(object)).sort();
console.log(JSON.stringify({
  Client: names(client), Upgrades: names(client.upgrades), Preferences: names(client.preferences),
}));
"""


def test_every_method_it_has_is_typed_and_no_other() -> None:
    methods = json.loads(node("--input-type=module", "-e", METHODS))
    for interface, names in methods.items():
        (body,) = re.findall(rf"export interface {interface} \{{\n(.*?)\n\}}", TYPES, re.DOTALL)
        typed = set(re.findall(r"^  (\w+)\(", body, re.MULTILINE))
        assert typed == set(names) - {"constructor", "session"}, interface


def test_it_is_small(tmp_path: Path) -> None:
    """Minified and gzipped, everything in it: what a page with a bundler sends at most."""
    bundle = tmp_path / "client.js"
    tool(
        "esbuild", "client/index.js", "--bundle", "--minify", "--format=esm", f"--outfile={bundle}"
    )
    assert len(gzip.compress(bundle.read_bytes())) < MOST_BYTES


def test_it_depends_on_nothing() -> None:
    package = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
    assert not {"dependencies", "peerDependencies", "optionalDependencies"} & set(package)
    imported = {
        name
        for path in (CLIENT / "src").glob("*.js")
        for name in re.findall(r'from "([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert imported
    assert all(name.startswith("./") for name in imported)


def test_the_react_example_of_its_readme_is_built(tmp_path: Path) -> None:
    example = CLIENT / "examples" / "react"
    (shown,) = re.findall(r"```tsx\n(.*?)```", README, re.DOTALL)
    assert shown == (example / "src" / "main.tsx").read_text(encoding="utf-8")
    tool("vite", "build", "--outDir", str(tmp_path), "--emptyOutDir", cwd=example)
    scripts = [path.read_text(encoding="utf-8") for path in tmp_path.glob("assets/*.js")]
    assert any("/api/nft/upgrade" in script for script in scripts)
    (upgrading,) = (script for script in scripts if "burn_sent" in script)
    assert "createRoot" not in upgrading, "what an upgrade alone needs is a chunk of its own"


# --- its README says what is ----------------------------------------------------------------------


def union(name: str) -> set[str]:
    """The texts of a union type in index.d.ts."""
    (text,) = re.findall(rf"export type {name} =(.*?);", TYPES, re.DOTALL)
    return set(re.findall(r'"(\w+)"', text))


def own_codes() -> set[str]:
    """Codes that the client's own errors have, from their types."""
    errors = TYPES.split("// --- errors")[1]
    return set(re.findall(r'"([a-z_]+)"', errors))


def error_rows() -> list[list[str]]:
    section = README.split("## Errors")[1].split("## Wallets")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return cells[1:]


def test_every_state_of_a_stream_is_described() -> None:
    assert union("StreamState") == set(re.findall(r"^\| `(\w+)` \| ", README, re.MULTILINE)) & (
        union("StreamState")
    )


def test_every_step_of_a_run_is_described() -> None:
    steps = set(re.findall(r'type: "(\w+)"', TYPES.split("export type Progress")[1].split(");")[0]))
    described = set(re.findall(r"^\| `(\w+)` \| ", README.split("## Events")[0], re.MULTILINE))
    assert steps
    assert steps == described


def test_every_code_of_its_own_is_in_the_errors_table_and_the_others_are_the_apis() -> None:
    codes = {code for row in error_rows() for code in re.findall(r"`([a-z_]+)`", row[1])}
    assert own_codes() <= codes
    apis = set(re.findall(r'"(\w+)"', api_types.types().split("export type ProblemCode")[1]))
    ended = {"upgrade_cancelled", "upgrade_expired", "upgrade_failed_permanent"}
    burns = {"burn_not_found", "burn_tx_failed"}
    assert codes - own_codes() - ended - burns <= apis


@pytest.mark.parametrize("page", [README], ids=["README.md"])
def test_its_links_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page)
    assert targets
    for target in targets:
        assert (CLIENT / target).exists(), target


def test_what_it_installs_is_pinned() -> None:
    packages = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    ours = {"nft-upgrade-client": "file:./client"}
    versions = {name: version for name, version in packages.items() if name not in ours}
    assert all(re.fullmatch(r"[0-9.]+", version) for version in versions.values())
