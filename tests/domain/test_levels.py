import pytest

from nft_upgrade.domain.errors import InvalidTargetLevel, MaxLevel
from nft_upgrade.domain.levels import Catalogue, Qualification, default_catalogue

NOTHING = Qualification(0, 0)


def enforced() -> Catalogue:
    shipped = default_catalogue()
    return Catalogue(shipped.symbol, shipped.levels, requirements_enforced=True)


def test_the_shipped_catalogue_has_the_products_five_levels() -> None:
    names = [level.name for level in default_catalogue().levels]
    assert names == [
        "Tech Chicken",
        "Quant Ape",
        "On-chain Hunter",
        "Alpha Alchemist",
        "Quantum Alchemist",
    ]


@pytest.mark.parametrize("target", [-1, 0, 1, 2, 4, 5, 99])
def test_only_the_next_level_can_be_reached(target: int) -> None:
    with pytest.raises(InvalidTargetLevel):
        default_catalogue().check_target(current=2, target=target)


def test_the_next_level_can_be_reached() -> None:
    default_catalogue().check_target(current=2, target=3)


@pytest.mark.parametrize("target", [1, 5, 6])
def test_the_top_level_is_final(target: int) -> None:
    with pytest.raises(MaxLevel):
        default_catalogue().check_target(current=5, target=target)


def test_requirements_are_off_in_the_shipped_catalogue() -> None:
    assert default_catalogue().blockers(5, NOTHING) == []


def test_enforced_requirements_name_everything_that_is_missing() -> None:
    assert len(enforced().blockers(2, NOTHING)) == 2
    assert enforced().blockers(2, Qualification(500_000, 2)) == []
    assert len(enforced().blockers(2, Qualification(499_999, 2))) == 1


def test_a_catalogue_with_a_hole_is_refused() -> None:
    document = {
        "symbol": "X",
        "requirementsEnforced": False,
        "levels": [
            {"level": 1, "name": "a", "tradingVolumeUsdt": 0, "badges": 0},
            {"level": 3, "name": "c", "tradingVolumeUsdt": 0, "badges": 0},
        ],
    }
    with pytest.raises(ValueError, match="without a hole"):
        Catalogue.from_json(document)


def test_there_is_no_level_zero() -> None:
    with pytest.raises(KeyError):
        default_catalogue()[0]
