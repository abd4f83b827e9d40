"""The level catalogue: which levels exist and what each asks for. Data, not code."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nft_upgrade.domain.errors import InvalidTargetLevel, MaxLevel


@dataclass(frozen=True, slots=True)
class Level:
    """One rung. Volume is in whole USDT, badges are a count of activated ones."""

    number: int
    name: str
    trading_volume_usdt: int
    badges: int


@dataclass(frozen=True, slots=True)
class Qualification:
    """What a user has shown so far, in the catalogue's own measures."""

    trading_volume_usdt: int
    badges: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All levels from 1 upwards without a hole, and whether their requirements are enforced."""

    symbol: str
    levels: Sequence[Level]
    requirements_enforced: bool

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read the shape of `levels.json`; raises ValueError when a level is missing."""
        levels = tuple(
            Level(row["level"], row["name"], row["tradingVolumeUsdt"], row["badges"])
            for row in document["levels"]
        )
        if [level.number for level in levels] != list(range(1, len(levels) + 1)):
            raise ValueError("levels must count up from 1 without a hole")
        return cls(document["symbol"], levels, document["requirementsEnforced"])

    @property
    def top(self) -> int:
        """The number of the final level."""
        return len(self.levels)

    def __getitem__(self, number: int) -> Level:
        if not 1 <= number <= self.top:
            raise KeyError(number)
        return self.levels[number - 1]

    def name_of(self, number: int) -> str:
        """The level's name, also for a level that is not in the catalogue (any more)."""
        return self[number].name if 1 <= number <= self.top else f"Level {number}"

    def check_target(self, *, current: int, target: int) -> None:
        """Raise unless `target` is the one level that follows `current`."""
        if current >= self.top:
            raise MaxLevel(f"Level {current} is the final level.")
        if target != current + 1:
            raise InvalidTargetLevel(f"From level {current} only level {current + 1} follows.")

    def blockers(self, target: int, shown: Qualification) -> list[str]:
        """Why a user may not reach `target` yet, as sentences; empty when nothing is in the way."""
        if not self.requirements_enforced:
            return []
        wanted = self[target]
        missing = []
        if shown.trading_volume_usdt < wanted.trading_volume_usdt:
            missing.append(
                f"Trading volume {shown.trading_volume_usdt} of {wanted.trading_volume_usdt} USDT."
            )
        if shown.badges < wanted.badges:
            missing.append(f"{shown.badges} of {wanted.badges} badges activated.")
        return missing


def default_catalogue() -> Catalogue:
    """The product's catalogue as shipped in `levels.json`."""
    path = Path(__file__).parent.parent / "levels.json"
    return Catalogue.from_json(json.loads(path.read_text(encoding="utf-8")))
