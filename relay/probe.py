"""`python -m relay.probe URL [options]`: does this server stream events as browsers need it?

A black box: any server-sent events server that resumes by Last-Event-ID can be asked. URL is one
stream; it should have a history (resumed from every place in it) and stay open meanwhile. What an
option is needed for is left out without it, and the report says so.

Exit code: 0 when every check that was made passed, 1 otherwise.
"""

import argparse
import sys
from collections.abc import Sequence

from relay.probe_checks import Options, Row, probe


def report(options: Options, rows: Sequence[Row]) -> str:
    """The rows as text, with a count."""
    lines = [f"{row.outcome:8}  {row.name:27}{row.text}" for row in rows]
    counts = {
        name: sum(row.outcome == name for row in rows) for name in ("pass", "FAIL", "left out")
    }
    total = ", ".join(f"{count} {name}" for name, count in counts.items())
    return "\n".join([options.url, *lines, total]) + "\n"


def _parsed_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("NAME: VALUE")
    return name.strip(), value.strip()


def options_of(arguments: Sequence[str]) -> Options:
    """The command line; SystemExit for one that is wrong."""
    parser = argparse.ArgumentParser(prog="relay.probe", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("url", help="one stream, with a history and still open")
    add = parser.add_argument
    pair = _parsed_header
    add("--header", action="append", type=pair, default=[], help="NAME: VALUE, credentials")
    add("--ended-session", action="append", type=pair, default=[], help="the same, of an ended one")
    add("--ended-url", default="", help="a stream whose story has ended")
    add("--origin", default="", help="another origin that may read")
    add("--streams-per-user", type=int, default=0, help="the limit; that many and one are opened")
    add("--heartbeat", type=float, default=20.0, help="longest silence, seconds")
    add("--quiet", type=float, default=1.0, help="seconds without a byte that end a history")
    found = vars(parser.parse_args(arguments))
    headers, ended = dict(found.pop("header")), dict(found.pop("ended_session"))
    return Options(headers=headers, ended_session=ended, **found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report."""
    options = options_of(sys.argv[1:] if arguments is None else arguments)
    rows = probe(options)
    sys.stdout.write(report(options, rows))
    return int(any(row.outcome == "FAIL" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
