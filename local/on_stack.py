"""`python -m local.on_stack MODULE [ARGUMENT ...]`: an operator's command on this machine's stack.

Where the engines are the running stack itself tells; PORT is its public port (8000). For example
`python -m local.on_stack nft_upgrade.stats days --from 2026-11-01 --to 2026-11-30`.
"""

import json
import os
import runpy
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from local.settings import AUDIT_BUCKET, LOOPBACK, REGION


class NoStack(Exception):
    """None answers on the port."""


def environment(addresses: Mapping[str, Any]) -> dict[str, str]:
    """The variables of `/local/addresses` answered by a running stack."""
    version = addresses.get("kafkaApiVersion")
    return {
        "AWS_ENDPOINT_URL": addresses["awsEndpointUrl"],
        "AWS_ENDPOINT_URL_DYNAMODB": addresses["dynamoDbEndpointUrl"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AUDIT_BUCKET": AUDIT_BUCKET,
        "POWERTOOLS_METRICS_DISABLED": "true",
        "KAFKA_BOOTSTRAP_SERVERS": addresses["kafkaBootstrapServers"],
        **({"KAFKA_API_VERSION": version} if version else {}),
    }


def addresses_of(port: str) -> dict[str, Any]:
    """What the stack on this port tells. Raises NoStack."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}/local/addresses", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
    except urllib.error.URLError as problem:
        raise NoStack(
            f"No stack answers on port {port} (make run, or PORT=...): {problem}"
        ) from problem
    return told


def prepare() -> None:
    """This process's environment, for the stack on PORT. Raises NoStack."""
    os.environ.update(environment(addresses_of(os.environ.get("PORT", "8000"))))


def main(arguments: list[str]) -> int:
    """2 when there is no stack or no module; else the command ends the process itself."""
    if not arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        prepare()
    except NoStack as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
