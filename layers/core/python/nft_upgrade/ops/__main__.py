"""`python -m nft_upgrade.ops {status,pause,resume,review,accept,refuse,register,rebuild}`.

Settings and credentials come from the environment, as for every other door; `AWS_ENDPOINT_URL`
leads to an emulator. Exit codes: 0 done, 1 refused or unavailable, 2 wrong arguments.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nft_upgrade import wiring, wiring_ops
from nft_upgrade.domain.burn import Outcome
from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.domain.upgrade import Review
from nft_upgrade.ops.files import FilePages, read_registered
from nft_upgrade.use_cases.rebuilding import RebuildReport
from nft_upgrade.use_cases.scanning import NoPages

MOST_COUNTED = 1_000_000


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except UpgradeError as problem:
        sys.stderr.write(f"{problem.code}: {problem.detail}\n")
        return 1
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return code


def status(options: argparse.Namespace) -> int:
    """What an operator asks first."""
    reason = wiring.switch().paused()
    wallet = wiring.signer().address()
    say(f"minting: {'on' if reason is None else f'paused: {reason}'}")
    say(f"system wallet: {wallet}")
    say(f"lamports: {wiring.chain().balance(wallet)}")
    say(f"active requests: {wiring.upgrades().count_active(at_most=MOST_COUNTED)}")
    return 0


def pause(options: argparse.Namespace) -> int:
    """New requests answer 503 from now on."""
    wiring.switch().set_paused(options.reason, at=wiring.clock().now())
    return status(options)


def resume(options: argparse.Namespace) -> int:
    """Minting is on again."""
    wiring.switch().set_paused(None, at=wiring.clock().now())
    return status(options)


def review(options: argparse.Namespace) -> int:
    """The burn as it stands now, check by check."""
    proof = wiring.reviewing().proof(options.upgrade)
    say(f"{proof.signature} burned {proof.mint}, held by {proof.owner}: {proof.verdict}")
    for check in proof.checks:
        say(f"  {check.rule:<4} {check.outcome:<8} {check.reason}")
        if check.outcome is not Outcome.PASS:
            say(f"       {json.dumps(dict(check.evidence))}")
    return 0


def accept(options: argparse.Namespace) -> int:
    """The successor is owed to the request's wallet."""
    decision = Review(options.operator, options.reason)
    upgrade = wiring.reviewing().accept(options.upgrade, decision)
    say(f"{upgrade.id}: {upgrade.status}, for {upgrade.user_id}")
    return 0


def refuse(options: argparse.Namespace) -> int:
    """No successor for this burn; the reason is shown to the user."""
    decision = Review(options.operator, options.reason)
    upgrade = wiring.reviewing().refuse(options.upgrade, decision)
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

    add("status", status, "the pause switch, the system wallet, open requests")
    add("pause", pause, "refuse new requests").add_argument("reason", help="shown to users")
    add("resume", resume, "take new requests again")
    add("review", review, "a burn that only a human may accept").add_argument("upgrade")
    for name, command, text in (
        ("accept", accept, "mint its successor"),
        ("refuse", refuse, "no successor; the reason is shown to the user"),
    ):
        deciding = add(name, command, text)
        deciding.add_argument("upgrade")
        deciding.add_argument("--operator", required=True, help="who decides; audited")
        deciding.add_argument("--reason", required=True, help="why; audited")
    registering = add("register", register, "take in an NFT that others minted")
    registering.add_argument("--mint", required=True)
    registering.add_argument("--level", type=int, required=True)
    _rebuild_options(add("rebuild", rebuild, "make registry and redeemed marks from the chain"))
    return parser


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
