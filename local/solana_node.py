"""`python -m local.solana_node --port 8899`: a Solana node on this machine, over a real SVM.

Prints `ready http://127.0.0.1:PORT` once it answers; SIGTERM ends it. What is to go wrong is
ordered by `POST /local/faults` (local/solana/controls.py), or from the start by `--scenario NAME`,
whose default is the variable SCENARIO (local/solana/scenarios.py). `/nodes/<name>` are other nodes
of the same chain, with faults of their own.
"""

import argparse
import os
import signal
import socket
from pathlib import Path

import uvicorn
import uvloop
from solders.pubkey import Pubkey

from local.solana.app import SolanaApp
from local.solana.journal import JournalBroken
from local.solana.node import Options, open_ledger
from local.solana.scenarios import Scenario
from local.solana.slots import SKIP_EVERY

HOST = "127.0.0.1"


def main(arguments: list[str] | None = None) -> None:
    """Run until ended."""
    given = _parser().parse_args(arguments)
    options = Options(
        slot_ms=given.slot_ms,
        confirmed_after=given.confirmed_after,
        finalized_after=given.finalized_after,
        skip_every=given.skip_every,
        data_dir=given.data_dir,
        seed=given.seed,
        programs={address: file.read_bytes() for address, file in given.bpf_program},
    )
    try:
        with open_ledger(options) as ledger, _listen(given.port) as listener:
            uvloop.run(_serve(SolanaApp(ledger, scenario=given.scenario), listener))
    except JournalBroken as error:
        raise SystemExit(f"cannot go on from this ledger: {error}") from error


def _listen(port: int) -> socket.socket:
    # Only sockets that name TCP get TCP_NODELAY from asyncio; without it answers take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        raise SystemExit(f"port {port} is in use: {error}") from error
    listener.listen(512)
    return listener


async def _serve(app: SolanaApp, listener: socket.socket) -> None:
    """The socket listens already, so whoever reads `ready` is answered."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,  # an answer that was ordered to stall is not waited for
    )
    # uvicorn raises SIGTERM again once it has shut down; the default handler would then kill us.
    signal.signal(signal.SIGTERM, lambda *_: None)
    print(f"ready http://{HOST}:{listener.getsockname()[1]}", flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local.solana_node", description=__doc__)
    parser.add_argument("--port", type=int, default=8899, help="0: any free one")
    parser.add_argument("--slot-ms", type=_positive, default=400, help="length of a slot")
    parser.add_argument("--confirmed-after", type=int, default=1, help="in blocks")
    parser.add_argument("--finalized-after", type=int, default=3, help="in blocks")
    parser.add_argument(
        "--skip-every", type=int, default=SKIP_EVERY, help="one slot in N has no block; 0: none"
    )
    parser.add_argument("--data-dir", type=Path, help="keep the ledger here, go on from it")
    parser.add_argument("--seed", help="genesis and faucet follow from it; random when left out")
    parser.add_argument(
        "--scenario",
        type=Scenario,
        default=os.environ.get("SCENARIO") or Scenario.NONE,
        help=", ".join(Scenario),
    )
    parser.add_argument(
        "--bpf-program",
        type=_program,
        action="append",
        default=[],
        metavar="ADDRESS=FILE",
        help="another program that the chain begins with, as an SBF shared object",
    )
    return parser


def _program(text: str) -> tuple[Pubkey, Path]:
    address, _, file = text.partition("=")
    return Pubkey.from_string(address), Path(file)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    main()
