"""`python -m benchmarks [NAME ...]`: the named tables; without a name, all of them."""

import sys
from collections.abc import Callable, Mapping

from benchmarks import api, calls, chain, deploy, events, imports, page, stack, sweep

BENCHMARKS: Mapping[str, Callable[[], None]] = {
    "imports": imports.main,
    "calls": calls.main,
    "api": api.main,
    "stack": stack.main,
    "sweep": sweep.main,
    "chain": chain.main,
    "events": events.main,
    "page": page.main,
    "deploy": deploy.main,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks in order."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise SystemExit(
            f"no such benchmark: {', '.join(sorted(unknown))}; {', '.join(BENCHMARKS)}"
        )
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
