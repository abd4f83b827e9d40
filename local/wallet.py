"""`python -m local.wallet NAME COMMAND`: a wallet for the command line, for trying the API by hand.

    address                 its address
    sign-in < answer        the body of POST /api/auth/verify for a challenge's answer
    send TRANSACTION        sign a base64 transaction, send it, wait until confirmed; its signature

TEST KEYS: the key is derived from NAME, so anybody can compute it. `SOLANA_RPC_URL` names the node.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence

from solders.keypair import Keypair

from local.client import Rpc, Unexpected, Wallet

DEFAULT_RPC = "http://localhost:8899"


def named(name: str) -> Wallet:
    """The wallet of that name; the same every time."""
    return Wallet(Keypair.from_seed(hashlib.sha256(f"TEST KEY wallet {name}".encode()).digest()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for; 1 with a message on standard error when it cannot be had."""
    given = _parser().parse_args(arguments)
    try:
        print(_answer(named(given.name), given))
    except (Unexpected, ValueError, KeyError, OSError) as problem:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    return 0


def _answer(wallet: Wallet, given: argparse.Namespace) -> str:
    match given.command:
        case "sign-in":
            return json.dumps(wallet.sign_in(json.load(sys.stdin)["input"]))
        case "send":
            return _send(wallet, given.transaction)
        case _:
            return wallet.address


def _send(wallet: Wallet, transaction: str) -> str:
    try:
        signed = wallet.signed(transaction)
    except ValueError as problem:
        raise ValueError(f"not a base64 transaction: {transaction[:40]}") from problem
    rpc = Rpc(os.environ.get("SOLANA_RPC_URL", DEFAULT_RPC))
    try:
        signature = rpc.send(signed)
        rpc.wait_for(signature, commitment="confirmed")
        return signature
    finally:
        rpc.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.wallet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("address")
    commands.add_parser("sign-in")
    commands.add_parser("send").add_argument("transaction")
    return parser


if __name__ == "__main__":
    sys.exit(main())
