"""Every combination of what registry, chain and requests can say is decided, and by whom."""

import re
from itertools import product
from pathlib import Path

import pytest

from nft_upgrade.domain.comparison import (
    RULES,
    Decision,
    Facts,
    Heir,
    Held,
    Request,
    Supply,
    decide,
)
from nft_upgrade.domain.nft import NftStatus

ALL = [
    Facts(registry=a, supply=b, redeemed=c, heir=d, request=e, held=f)
    for a, b, c, d, e, f in product(NftStatus, Supply, (True, False), Heir, Request, Held)
]


def facts(**given: object) -> Facts:
    """An active NFT at rest, changed by `given`."""
    at_rest = {
        "registry": NftStatus.ACTIVE,
        "supply": Supply.ONE,
        "redeemed": False,
        "heir": Heir.ABSENT,
        "request": Request.NONE,
        "held": Held.OWNER,
    }
    return Facts(**{**at_rest, **given})  # type: ignore[arg-type]


def test_every_combination_is_decided() -> None:
    assert len(ALL) == 1080
    assert all(decide(each) in RULES for each in ALL)


def test_every_rule_decides_something_under_a_code_of_its_own() -> None:
    assert {decide(each).code for each in ALL} == {rule.code for rule in RULES}
    assert len({rule.code for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        ({}, Decision.LEGAL),
        ({"registry": NftStatus.UPGRADING}, Decision.FREE_ROW),
        ({"registry": NftStatus.UPGRADING, "request": Request.BEFORE_BURN}, Decision.LEGAL),
        ({"request": Request.BEFORE_BURN}, Decision.HOLD_ROW),
        ({"supply": Supply.ZERO}, Decision.FREE_OWNER),  # burned outside: waits for its claim
        ({"registry": NftStatus.BURNED, "redeemed": True}, Decision.PAGE),
        ({"held": Held.OTHER}, Decision.FOLLOW_HOLDER),
        ({"held": Held.NOBODY}, Decision.LEGAL),
        (
            {
                "held": Held.OTHER,
                "registry": NftStatus.UPGRADING,
                "request": Request.BEFORE_BURN,
            },
            Decision.LEGAL,
        ),
        ({"request": Request.STALE}, Decision.RELEASE_LOCK),
    ],
)
def test_what_is_done_about_a_combination(given: dict[str, object], decision: Decision) -> None:
    assert decide(facts(**given)).decision is decision


def test_two_of_one_nft_are_never_repaired_by_ourselves() -> None:
    """A successor beside a living NFT, a successor without its mark, more than one of it."""
    for each in ALL:
        doubled = each.supply is Supply.OTHER or each.heir is Heir.ODD
        beside = each.heir is Heir.PRESENT and (each.supply is Supply.ONE or not each.redeemed)
        if (doubled or beside) and each.request is not Request.STALE:
            assert decide(each).decision is Decision.PAGE, each


def test_a_living_nft_never_becomes_burned_by_a_repair() -> None:
    for each in ALL:
        if each.supply is not Supply.ZERO:
            assert decide(each).decision is not Decision.MARK_BURNED, each


def test_a_row_is_marked_burned_only_with_the_mark_that_forbids_a_second_successor() -> None:
    for each in ALL:
        if decide(each).decision is Decision.MARK_BURNED:
            assert each.redeemed


def test_nobody_who_is_owed_a_successor_is_passed_over() -> None:
    """Burned, marked, no successor, no request: only a human can help."""
    for each in ALL:
        is_owed = each.supply is Supply.ZERO and each.redeemed and each.heir is Heir.ABSENT
        if is_owed and each.request is Request.NONE:
            assert decide(each).decision is Decision.PAGE


def test_the_documented_table_is_the_table() -> None:
    page = Path(__file__).parents[2] / "docs/operations.md"
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.read_text("utf-8").splitlines()
        if re.match(r"\| `[a-z_]+` \| .*( \| .*){7} \|$", line)
    ]
    documented = [(row[0].strip("`"), row[7], row[8]) for row in cells]
    assert documented == [(rule.code, rule.decision.value, rule.means) for rule in RULES]
