"""Which NFTs are ours, and at which level: addresses decide, texts are compared."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from nft_upgrade.domain.descent import Expected, Traced, trace
from nft_upgrade.domain.nft_account import (
    CLASSIC_PROGRAM,
    TOKEN_2022_PROGRAM,
    Creation,
    Metadata,
    NftAccount,
)

NAMES = {1: "Chicken", 2: "Ape", 3: "Hunter"}


def expected(level: int) -> Expected:
    return Expected(name=NAMES[level], symbol="S", uri=f"u{level}", collection="group")


def account(mint: str, level: int, **changes: object) -> NftAccount:
    made = NftAccount(
        mint=mint,
        slot=1,
        token_program=TOKEN_2022_PROGRAM,
        supply=1,
        decimals=0,
        mint_authority=None,
        freeze_authority=None,
        extensions=(18, 22, 19, 23),
        metadata=metadata(level),
        collection="group",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def metadata(level: int, **changes: object) -> Metadata:
    made = Metadata(None, NAMES[level], "S", f"u{level}", (("level", str(level)),))
    return replace(made, **changes)  # type: ignore[arg-type]


def traced(
    accounts: Mapping[str, NftAccount | None], registered: Mapping[str, int] | None = None
) -> Traced:
    """Every account was created under our key but those that are registered."""
    registered = registered or {}
    creations = [Creation(mint, f"tx {mint}", "alice", None) for mint in accounts]
    return trace(
        [each for each in creations if each.mint not in registered],
        registered,
        accounts,
        successor_of=lambda mint: f"{mint}+",
        expected_at=expected,
        top=3,
    )


def test_levels_follow_the_line_whatever_the_order_they_are_found_in() -> None:
    lineage = traced({"a++": account("a++", 3), "a": account("a", 1), "a+": account("a+", 2)})
    assert {mint: found.level for mint, found in lineage.ours.items()} == {
        "a": 1,
        "a+": 2,
        "a++": 3,
    }
    assert lineage.ours["a++"].predecessor == "a+"
    assert lineage.refused == []


def test_a_line_goes_on_from_a_registered_nft() -> None:
    foreign = account("f", 1, token_program=CLASSIC_PROGRAM, extensions=(), metadata=None)
    lineage = traced({"f": foreign, "f+": account("f+", 3)}, {"f": 2})
    assert (lineage.ours["f"].level, lineage.ours["f+"].level) == (2, 3)
    assert lineage.ours["f"].creation is None


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": metadata(2)},  # says level 2, descends as 1
        {"metadata": metadata(1, fields=())},
        {"metadata": metadata(1, fields=(("level", "1"), ("level", "5")))},
        {"metadata": metadata(1, update_authority="somebody")},
        {"metadata": None},
        {"supply": 2},
        {"decimals": 1},
        {"mint_authority": "somebody"},
        {"freeze_authority": "somebody"},
        {"token_program": CLASSIC_PROGRAM},
        {"extensions": (18, 22, 19, 23, 3)},  # could be closed and made again
        {"extensions": (18, 19, 23)},
        {"extensions": (18, 22, 19, 23, 19)},
    ],
)
def test_what_is_not_as_we_make_it_is_not_taken_in(changes: dict[str, object]) -> None:
    lineage = traced({"a": account("a", 1, **changes)})
    assert not lineage.ours
    assert [refusal.mint for refusal in lineage.refused] == ["a"]


def test_nothing_descends_from_what_is_not_taken_in() -> None:
    lineage = traced({"a": account("a", 1, supply=7), "a+": account("a+", 2)})
    assert not lineage.ours
    assert "predecessor" in {r.mint: r.reason for r in lineage.refused}["a+"]


def test_there_is_nothing_above_the_top_level() -> None:
    accounts = {f"a{'+' * n}": account(f"a{'+' * n}", min(n + 1, 3)) for n in range(4)}
    assert set(traced(accounts).ours) == {"a", "a+", "a++"}


def test_an_address_without_a_mint_is_not_taken_in() -> None:
    assert [refusal.mint for refusal in traced({"a": None}).refused] == ["a"]


def test_other_texts_than_todays_are_remarked_and_taken_in_all_the_same() -> None:
    old = metadata(1, name="Old Chicken")
    lineage = traced({"a": account("a", 1, metadata=old), "b": account("b", 1)})
    assert lineage.ours["a"].remark == "Old Chicken (today Chicken)"
    assert lineage.ours["b"].remark is None


def test_our_own_nft_keeps_its_level_whatever_an_operators_file_says() -> None:
    creations = [Creation("a", "tx", "alice", None)]
    lineage = trace(
        creations,
        {"a": 3},
        {"a": account("a", 1)},
        successor_of=lambda mint: f"{mint}+",
        expected_at=expected,
        top=3,
    )
    assert lineage.ours["a"].level == 1
