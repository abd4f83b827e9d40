"""Settings, routes, events, topics and error codes are documented, or this fails."""

import re
from pathlib import Path
from typing import Any

import pytest

from nft_upgrade import config
from nft_upgrade.domain.burn_checks import __file__ as burn_checks
from nft_upgrade.domain.events import EventType
from nft_upgrade.domain.upgrade import EDGES
from nft_upgrade.http import routes_ops
from nft_upgrade.http.problems import ROWS
from nft_upgrade.messages import ALL_TOPICS
from nft_upgrade.ops.__main__ import __doc__ as COMMANDS
from tests.http.house import House

DOCS = Path(__file__).parent.parent / "docs"
README = DOCS.parent / "README.md"


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def settings() -> set[str]:
    groups = [
        g for g in vars(config).values() if isinstance(g, type) and issubclass(g, config.Group)
    ]
    return {field.upper() for group in groups for field in group.model_fields}


@pytest.mark.parametrize("variable", sorted(settings()))
def test_every_setting_is_documented(variable: str) -> None:
    assert f"`{variable}`" in text("api.md")


def test_no_setting_is_documented_that_is_not_there() -> None:
    section = text("api.md").split("## Settings")[1]
    assert set(re.findall(r"^\| `([A-Z_]+)`", section, re.MULTILINE)) == settings()


def test_every_route_is_documented() -> None:
    paths = set(House().app.openapi()["paths"])
    assert paths == set(
        re.findall(r"^\| (?:GET|POST|PUT|DELETE) `(/[^`]+)`", text("api.md"), re.MULTILINE)
    )


def test_every_operators_route_is_documented() -> None:
    documented = re.findall(
        r"^\| (GET|POST) `(/api/ops[^`]+)`", text("operations.md"), re.MULTILINE
    )
    routes: Any = routes_ops.router.routes
    assert set(documented) == {(method, each.path) for each in routes for method in each.methods}


def test_every_operators_command_is_documented() -> None:
    listed = re.findall(
        r"^    .venv/bin/python -m nft_upgrade.ops (\w+)", text("operations.md"), re.M
    )
    assert set(listed) == set(re.findall(r"[\w]+", COMMANDS.split("{")[1].split("}")[0]))


@pytest.mark.parametrize("row", ROWS.items(), ids=lambda row: row[0].__name__)
def test_every_error_is_documented_with_its_status(row: tuple[type, object]) -> None:
    error, answer = row
    if error.__name__ not in ("Refused", "EdgeError"):  # bases, never raised themselves
        wanted = rf"^\| `{error.code}` \| {answer.status} \| "  # type: ignore[attr-defined]
        assert re.search(wanted, text("api.md"), re.MULTILINE)


def test_every_reason_to_reject_a_burn_is_documented() -> None:
    codes = set(re.findall(r'\.fail\(\s*"([a-z_]+)"', Path(burn_checks).read_text("utf-8")))
    assert codes
    # The format is refused by the API before anything is claimed.
    missing = {c for c in codes - {"invalid_signature_format"} if f"`{c}`" not in text("api.md")}
    assert not missing


@pytest.mark.parametrize("type_", list(EventType))
def test_every_event_is_documented(type_: EventType) -> None:
    assert f"| `{type_}` |" in text("events.md")


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_every_topic_is_documented(topic: str) -> None:
    assert f"`{topic}`" in text("events.md")


def test_the_drawn_statuses_have_exactly_the_edges_of_the_table() -> None:
    drawn = re.findall(r"^    ([a-z_]+) --> ([a-z_]+)", text("architecture.md"), re.MULTILINE)
    assert set(drawn) == {(a.value, b.value) for a, after in EDGES.items() for b in after}


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for page in (README, *DOCS.rglob("*.md"), README.parent / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_decision_says_what_reversing_it_costs() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert pages
    for page in pages:
        assert "**Reversing it costs:**" in page.read_text(encoding="utf-8"), page.name
