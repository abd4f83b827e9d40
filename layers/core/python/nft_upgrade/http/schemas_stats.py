"""The JSON of statistics and leaderboard."""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field

from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.domain.stats import (
    Badge,
    First,
    LeaderboardPage,
    RankedUser,
    Step,
    StepTimes,
    UserStats,
    badges,
)
from nft_upgrade.http.schemas import Moment, Success
from nft_upgrade.http.schemas_in import WALLET, Wire


class BadgeView(Wire):
    """Something the user was first in."""

    name: str = Field(examples=["first_upgrade", "top_level", "first_to_level_3"])
    earned_at: Moment

    @classmethod
    def of(cls, badge: Badge) -> Self:
        return cls(name=badge.name, earned_at=badge.at)


class StepView(Wire):
    """How long one step took, over all of the user's upgrades; milliseconds."""

    count: int
    mean_ms: int
    shortest_ms: int

    @classmethod
    def of(cls, times: StepTimes) -> Self:
        return cls(count=times.count, mean_ms=times.mean_ms, shortest_ms=times.shortest_ms)


class UpgradeCounts(Wire):
    opened: int
    burned: int
    completed: int
    given_up: int
    mint_failures: int


class StepsView(Wire):
    """Null: not yet."""

    opened_to_burned: StepView | None
    burned_to_completed: StepView | None
    opened_to_completed: StepView | None

    @classmethod
    def of(cls, times: Mapping[Step, StepTimes]) -> Self:
        return cls(**{step: StepView.of(times[step]) if step in times else None for step in Step})


class StatsAnswer(Success):
    """`level` 0: nothing is known of an NFT. Seconds behind the upgrades themselves."""

    level: int
    level_name: str | None
    reached_at: Moment | None = Field(description="When an upgrade first led to the best level.")
    upgrades: UpgradeCounts
    steps: StepsView
    badges: Sequence[BadgeView]
    last_event_at: Moment | None

    @classmethod
    def of(cls, stats: UserStats, firsts: Sequence[First], catalogue: Catalogue) -> Self:
        return cls(
            level=stats.level,
            level_name=_name(stats.level, catalogue),
            reached_at=stats.reached_at,
            upgrades=UpgradeCounts(
                opened=stats.upgrades_opened,
                burned=stats.burns_confirmed,
                completed=stats.upgrades_completed,
                given_up=stats.upgrades_given_up,
                mint_failures=stats.mint_failures,
            ),
            steps=StepsView.of(stats.times),
            badges=[BadgeView.of(badge) for badge in badges(stats, firsts, top=catalogue.top)],
            last_event_at=stats.last_event_at,
        )


class RankView(Wire):
    """One place. A wallet's address is public on the chain, and so is its NFT's level."""

    position: int
    wallet: str = Field(examples=[WALLET])
    level: int
    level_name: str | None
    reached_at: Moment
    upgrades_completed: int

    @classmethod
    def of(cls, ranked: RankedUser, catalogue: Catalogue) -> Self:
        stats = ranked.stats
        assert stats.reached_at is not None, "only who reached a level is ranked"
        return cls(
            position=ranked.position,
            wallet=stats.user_id,
            level=stats.ranked_level,
            level_name=_name(stats.ranked_level, catalogue),
            reached_at=stats.reached_at,
            upgrades_completed=stats.upgrades_completed,
        )


class LeaderboardAnswer(Success):
    """Best first; `nextCursor` is null on the last page."""

    users: Sequence[RankView]
    next_cursor: str | None

    @classmethod
    def of(cls, page: LeaderboardPage, catalogue: Catalogue) -> Self:
        users = [RankView.of(ranked, catalogue) for ranked in page.rows]
        return cls(users=users, next_cursor=page.next_cursor)


def _name(level: int, catalogue: Catalogue) -> str | None:
    return catalogue[level].name if 1 <= level <= catalogue.top else None
