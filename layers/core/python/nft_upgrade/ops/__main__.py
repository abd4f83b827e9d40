"""`python -m nft_upgrade.ops {status,waiting,show,audit,journal,pause,resume,retry,review,accept,
refuse,register,rebuild}`.

The same use cases as the operators' API and its page: same figures, same journal. Settings and
credentials come from the environment, as for every other door; `AWS_ENDPOINT_URL` leads to an
emulator. Exit codes: 0 done, 1 refused or unavailable, 2 wrong arguments.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from nft_upgrade import wiring, wiring_events, wiring_ops
from nft_upgrade.consumers.audit import verdict_on
from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.domain.upgrade import Review
from nft_upgrade.ops.files import FilePages, read_registered
from nft_upgrade.ops.lines import (
    case_line,
    case_lines,
    entry_line,
    overview_lines,
    proof_lines,
    record_lines,
)
from nft_upgrade.use_cases.rebuilding import RebuildReport
from nft_upgrade.use_cases.scanning import NoPages


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except UpgradeError as problem:
        sys.stderr.write(f"{problem.code}: {problem.detail}\n")
        return 1
    except ValidationError as problem:
        sys.stderr.write(f"{_unset(problem)}\n")
        return 1
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return code


def _unset(problem: ValidationError) -> str:
    """Settings are the environment's: their names, and where they come from."""
    wrong = (f"{each['loc'][0]}".upper() + f": {each['msg']}" for each in problem.errors())
    return (
        "\n".join(wrong)
        + "\ndocs/operations.md says how a shell gets what is deployed, or what runs here."
    )


def status(options: argparse.Namespace) -> int:
    """What an operator asks first."""
    for line in overview_lines(wiring_ops.watching().overview()):
        say(line)
    return 0


def waiting(options: argparse.Namespace) -> int:
    """A page of those who wait, the longest wait first."""
    people, page = wiring_ops.watching().waiting(limit=options.limit, after=options.after)
    for upgrade in page:
        say(case_line(upgrade, people.now))
    say(f"{len(page)} of {len(people.waiting)}")
    return 0


def show(options: argparse.Namespace) -> int:
    """One upgrade: history, mint attempts, and the kept proof of its burn."""
    for line in case_lines(wiring_ops.watching().case(options.upgrade)):
        say(line)
    return 0


def audit(options: argparse.Namespace) -> int:
    """The audit record of one upgrade; 1 when it is empty or not whole."""
    entries = wiring_events.audit_record().entries(options.upgrade)
    verdict = verdict_on(entries)
    for line in record_lines(entries):
        say(line)
    if not entries:
        say("nothing is recorded")
    elif verdict.missing:
        say(f"NOT WHOLE: missing {', '.join(map(str, verdict.missing))}")
    elif verdict.broken_at:
        say(f"NOT WHOLE: entry {verdict.broken_at} was changed")
    else:
        say(f"{len(entries)} entries, unbroken")
    return 0 if entries and verdict.is_sound else 1


def journal(options: argparse.Namespace) -> int:
    """What operators asked for, newest first; 1 when it was tampered with."""
    entries, is_sound = wiring_ops.watching().entries(limit=options.limit, before=options.before)
    for entry in entries:
        say(entry_line(entry))
    say("unbroken" if is_sound else "BROKEN: an entry was changed or removed")
    return 0 if is_sound else 1


def pause(options: argparse.Namespace) -> int:
    """New requests answer 503 from now on."""
    wiring_ops.operating().pause(_by(options))
    return status(options)


def resume(options: argparse.Namespace) -> int:
    """Minting is on again."""
    wiring_ops.operating().resume(_by(options))
    return status(options)


def retry(options: argparse.Namespace) -> int:
    """Another go for a failed mint."""
    upgrade = wiring_ops.operating().retry(options.upgrade, _by(options))
    say(f"{upgrade.id}: {upgrade.status}, run {upgrade.run}")
    return 0


def review(options: argparse.Namespace) -> int:
    """The burn as it stands now, check by check."""
    for line in proof_lines(wiring.reviewing().proof(options.upgrade).as_json()):
        say(line)
    return 0


def accept(options: argparse.Namespace) -> int:
    """The successor is owed to the request's wallet."""
    upgrade = wiring_ops.operating().accept(options.upgrade, _by(options))
    say(f"{upgrade.id}: {upgrade.status}, for {upgrade.user_id}")
    return 0


def refuse(options: argparse.Namespace) -> int:
    """No successor for this burn; the reason is shown to the user."""
    upgrade = wiring_ops.operating().refuse(options.upgrade, _by(options))
    say(f"{upgrade.id}: {upgrade.status}; the next sweep ends it")
    return 0


def register(options: argparse.Namespace) -> int:
    """One foreign NFT. The line printed is what `rebuild --registered` reads."""
    base = wiring.signer().address()
    nft = wiring_ops.registering().register(options.mint, options.level, mint_base=base)
    say(json.dumps({"mint": nft.mint, "level": nft.level}))
    return 0


def rebuild(options: argparse.Namespace) -> int:
    """1 when something needs a second run or a human's eye."""
    registered = read_registered(options.registered) if options.registered else {}
    pages = FilePages(options.journal) if options.journal else NoPages()
    rebuilding = wiring_ops.rebuilding(pages, parallel=options.parallel, tell=say)
    report = rebuilding.run(
        options.base or wiring.signer().address(),
        registered=registered,
        writes=options.write,
        from_history=options.source in ("history", "both"),
        from_members=options.source in ("members", "both"),
    )
    tell(report, writes=options.write)
    return 1 if report.faults or report.differs else 0


def tell(report: RebuildReport, *, writes: bool) -> None:
    """The report, a line for each thing."""
    lines: Mapping[str, Sequence[object]] = {
        "wrote" if writes else "would write": report.wrote,
        "DIFFERS, left alone": report.differs,
        "other texts than today's": report.remarks,
        "not taken in": [f"{each.mint}: {each.reason}" for each in report.refused],
        "FAULT": report.faults,
    }
    for what, several in lines.items():
        for each in several:
            say(f"{what}: {each}")
    say(
        f"{report.found} NFTs on chain; {len(report.wrote)} to write, {report.kept} as they were, "
        f"{len(report.differs)} differ, {len(report.refused)} not taken in, "
        f"{len(report.faults)} faults" + ("" if writes else " (nothing was written)")
    )


def _by(options: argparse.Namespace) -> Review:
    """Who and why. On the command line nobody is signed in: the shell's user, unless told."""
    reason: str = options.reason.strip()
    if not reason:
        raise ValueError("--reason must say why")
    return Review(options.operator, reason)


def say(text: str) -> None:
    """A line of output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nft_upgrade.ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(
        name: str, command: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text)
        made.set_defaults(command=command)
        return made

    add("status", status, "people, wallet, minting, events, streams")
    paged = add("waiting", waiting, "who waits after a burn, the longest wait first")
    paged.add_argument("--limit", type=int, default=50)
    paged.add_argument("--after", metavar="UPGRADE", help="the last one of the page before")
    add("show", show, "one upgrade with all that is known").add_argument("upgrade")
    add("audit", audit, "one upgrade's audit record, with its evidence").add_argument("upgrade")
    entries = add("journal", journal, "what operators asked for, newest first")
    entries.add_argument("--limit", type=int, default=50)
    entries.add_argument("--before", type=int, metavar="NUMBER")
    pausing = add("pause", pause, "refuse new requests")
    pausing.add_argument("reason", help="shown to users")
    _add_operator(pausing)
    resuming = add("resume", resume, "take new requests again")
    resuming.add_argument("reason", nargs="?", default="resumed", help="why; kept")
    _add_operator(resuming)
    add("review", review, "a burn that only a human may accept").add_argument("upgrade")
    for name, command, text in (
        ("retry", retry, "try a failed mint again, now"),
        ("accept", accept, "mint its successor"),
        ("refuse", refuse, "no successor; the reason is shown to the user"),
    ):
        deciding = add(name, command, text)
        deciding.add_argument("upgrade")
        deciding.add_argument("--reason", required=True, help="why; audited")
        _add_operator(deciding)
    registering = add("register", register, "take in an NFT that others minted")
    registering.add_argument("--mint", required=True)
    registering.add_argument("--level", type=int, required=True)
    _rebuild_options(add("rebuild", rebuild, "make registry and redeemed marks from the chain"))
    return parser


def _add_operator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--operator", default=getpass.getuser(), help="who asks; audited")


def _rebuild_options(parser: argparse.ArgumentParser) -> None:
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--dry-run", action="store_true", help="only say so (the default)")
    either.add_argument("--write", action="store_true", help="write what is missing")
    parser.add_argument("--registered", type=Path, help="the lines that `register` printed")
    parser.add_argument("--journal", type=Path, help="keep the scan here; a second run goes on")
    parser.add_argument("--source", choices=("history", "members", "both"), default="history")
    parser.add_argument("--base", help="the system wallet's address; default: the mint key's")
    parser.add_argument("--parallel", type=int, default=8, help="RPC questions at a time")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
