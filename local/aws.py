"""`python -m local.aws --port N`: AWS on this machine.

An emulator (moto) on 127.0.0.1 with the product's tables, functions, state machine, audit bucket,
mail sender and push applications. Functions run in this process, so they see its environment;
whatever setting is not given there and concerns AWS itself is filled in. `--dynamodb-endpoint` puts
the tables elsewhere (DynamoDB Local). `--data-dir` keeps DynamoDB's items over a kill; see
`aws_journal`. `--functions` takes the functions and the state machine from another directory.
"""

import argparse
import os
import signal
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

from werkzeug.serving import BaseWSGIServer

from local.aws_journal import Journal
from local.aws_lambda import invoke
from local.aws_moto import prepare, restore, start_server
from local.aws_resources import (
    AUDIT_BUCKET,
    FUNCTIONS,
    STATE_MACHINE_ARN,
    create_resources,
    create_tables,
    push_applications,
)
from local.engines import NAMED
from local.process import READY, SWITCH_SECONDS


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    sys.setswitchinterval(SWITCH_SECONDS)
    arguments = _arguments()
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before any thread: all of them inherit it
    url = start(**vars(arguments))
    tables = "tables elsewhere" if arguments.dynamodb_endpoint else "DynamoDB included"
    print(f"{NAMED}AWS emulator, moto {version('moto')}, {tables}", flush=True)
    print(READY + url, flush=True)
    signal.sigwait(stop)


def start(
    port: int, data_dir: Path | None, dynamodb_endpoint: str | None, functions: Path = FUNCTIONS
) -> str:
    """Restore what was kept, create what is missing, then serve; the emulator's URL."""
    journal = Journal(data_dir) if data_dir else None
    prepare(invoke=partial(invoke, directory=functions), journal=journal)
    # Behind a port that nobody knows: until all is there nobody must be answered, since what is
    # read may be missing and what is written is not kept.
    private = start_server(0)
    if journal:
        create_tables(_url(private))
        restore(journal.open())
    create_resources(_url(private), dynamodb_endpoint=dynamodb_endpoint, functions=functions)
    private.shutdown()
    private.server_close()
    url = _url(start_server(port))
    _complete_environment(url, dynamodb_endpoint)
    return url


def _url(server: BaseWSGIServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def environment(url: str, dynamodb_endpoint: str | None = None) -> dict[str, str]:
    """What a process needs to use the emulator at `url`."""
    variables = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Else clients put the account into the host name of stream calls.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "STATE_MACHINE_ARN": STATE_MACHINE_ARN,
        "AUDIT_BUCKET": AUDIT_BUCKET,
        "PUSH_APPLICATIONS": push_applications(),
    }
    if dynamodb_endpoint:
        variables["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_endpoint
        variables["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] = dynamodb_endpoint
    return variables


def _complete_environment(url: str, dynamodb_endpoint: str | None) -> None:
    for name, text in environment(url, dynamodb_endpoint).items():
        os.environ.setdefault(name, text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="0: any free one")
    parser.add_argument("--data-dir", type=Path, help="keep DynamoDB's items in this directory")
    parser.add_argument("--dynamodb-endpoint", help="URL of another DynamoDB for the tables")
    parser.add_argument("--functions", type=Path, default=FUNCTIONS, help="directory of functions")
    return parser.parse_args()


if __name__ == "__main__":
    main()
