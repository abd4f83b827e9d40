"""An operator's statistics: `python -m nft_upgrade.stats days|rebuild|drop`.

    days --from 2026-11-01 --to 2026-11-30    one line of JSON per day
    rebuild [--source table|topics]           all figures again, then switch readers to them
    drop GENERATION                           delete what a rebuild has replaced

Needs `TABLE_PREFIX` and AWS credentials that may read and write `projections` and scan it and
`upgrades`; with `--source topics` Kafka's settings too, from inside the VPC.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from nft_upgrade import wiring_events
from nft_upgrade.config import StorageSettings
from nft_upgrade.consumers.stats_ports import Generations, HistoryIncomplete
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.stats import FUNNEL, DayStats, Step

MAX_DAYS = 366


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 with the reason on standard error when nothing was changed."""
    options = _parser().parse_args(arguments)
    generations = wiring_events.generations(StorageSettings().table_prefix)
    try:
        options.act(generations, options)
    except (HistoryIncomplete, VersionConflict, ValueError) as error:
        sys.stderr.write(f"nothing was changed: {error}\n")
        return 1
    return 0


def _days(generations: Generations, options: argparse.Namespace) -> None:
    if not timedelta(0) <= options.last - options.first < timedelta(days=MAX_DAYS):
        raise ValueError(f"--from and --to must span 1 to {MAX_DAYS} days.")
    store = generations.store(generations.pointer().current)
    for day in store.days(options.first, options.last):
        _write(_facts(day))


def _facts(day: DayStats) -> dict[str, Any]:
    quantiles = {
        step.value: {"p50Ms": day.quantile(step, 0.5), "p95Ms": day.quantile(step, 0.95)}
        for step in Step
    }
    counts = {name: day.count(name) for name in FUNNEL.values()}
    return {"day": day.day.isoformat(), **counts, **quantiles}


def _rebuild(generations: Generations, options: argparse.Namespace) -> None:
    before = generations.pointer().current
    rebuild = wiring_events.rebuild(from_topics=options.source == "topics", tell=_tell)
    report = rebuild.run()
    counts = {"read": report.read, "counted": report.counted}
    _write({"generation": report.generation, "replaced": before, **counts})


def _drop(generations: Generations, options: argparse.Namespace) -> None:
    _write({"generation": options.generation, "deleted": generations.drop(options.generation)})


def _tell(read: int) -> None:
    sys.stderr.write(f"{read} events read\n")


def _write(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nft_upgrade.stats", description=__doc__.split("\n")[0])
    acts = parser.add_subparsers(required=True)
    days = acts.add_parser("days", help="funnel and durations per day (UTC)")
    days.add_argument("--from", dest="first", type=date.fromisoformat, required=True)
    days.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
    days.set_defaults(act=_days)
    rebuild = acts.add_parser("rebuild", help="count all events again")
    rebuild.add_argument("--source", choices=("table", "topics"), default="table")
    rebuild.set_defaults(act=_rebuild)
    drop = acts.add_parser("drop", help="delete a replaced generation")
    drop.add_argument("generation", type=int)
    drop.set_defaults(act=_drop)
    return parser


if __name__ == "__main__":
    sys.exit(main())
