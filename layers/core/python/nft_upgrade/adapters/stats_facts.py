"""Analytics' facts as JSON text, both directions."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nft_upgrade.domain.events import iso, parse_iso
from nft_upgrade.domain.stats import First, Journey, Milestone, Step, StepTimes, UserStats

_COUNTS = (
    "level",
    "upgrades_opened",
    "burns_confirmed",
    "upgrades_completed",
    "upgrades_given_up",
    "mint_failures",
    "version",
)
_MOMENTS = ("last_opened_at", "last_completed_at", "last_event_at")


def journey_text(journey: Journey) -> str:
    facts = {
        "through": journey.through,
        "beyond": sorted(journey.beyond),
        "at": {milestone: iso(moment) for milestone, moment in sorted(journey.at.items())},
        "version": journey.version,
    }
    return _text(facts)


def journey_of(upgrade_id: str, text: str) -> Journey:
    facts = json.loads(text)
    return Journey(
        upgrade_id=upgrade_id,
        through=facts["through"],
        beyond=frozenset(facts["beyond"]),
        at={Milestone(name): parse_iso(moment) for name, moment in facts["at"].items()},
        version=facts["version"],
    )


def user_text(stats: UserStats) -> str:
    """The user's id is in the key."""
    facts: dict[str, Any] = {name: getattr(stats, name) for name in _COUNTS}
    facts |= {name: _moment(getattr(stats, name)) for name in _MOMENTS}
    facts["reached"] = {str(level): iso(at) for level, at in sorted(stats.reached.items())}
    facts["times"] = {
        step: [times.count, times.total_ms, times.shortest_ms]
        for step, times in sorted(stats.times.items())
    }
    return _text(facts)


def user_of(user_id: str, text: str) -> UserStats:
    facts = json.loads(text)
    moments: dict[str, Any] = {name: facts[name] and parse_iso(facts[name]) for name in _MOMENTS}
    return UserStats(
        user_id=user_id,
        reached={int(level): parse_iso(at) for level, at in facts["reached"].items()},
        times={Step(name): StepTimes(*times) for name, times in facts["times"].items()},
        **{name: facts[name] for name in _COUNTS},
        **moments,
    )


def first_text(first: First) -> str:
    facts = {"user": first.user_id, "upgrade": first.upgrade_id, "at": iso(first.at)}
    return _text({"level": first.level, **facts})


def first_of(text: str) -> First:
    facts = json.loads(text)
    return First(facts["level"], facts["user"], facts["upgrade"], parse_iso(facts["at"]))


def _moment(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
