"""`python -m local.audit_verify`: check the audit record of the stack that runs on this machine.

Where its engines are the stack itself tells; PORT is its public port (8000). What is checked, and
how, is `nft_upgrade.audit_verify`.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from local.settings import AUDIT_BUCKET, LOOPBACK, REGION


def environment(addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables of `/local/addresses` answered by a running stack."""
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
    }


def main() -> int:
    """The check's exit code; 2 when no stack answers."""
    from nft_upgrade import audit_verify

    port = os.environ.get("PORT", "8000")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}/local/addresses", timeout=10) as answer:
            os.environ.update(environment(json.load(answer)))
    except urllib.error.URLError as problem:
        sys.stderr.write(f"No stack answers on port {port} (make run, or PORT=...): {problem}\n")
        return 2
    return audit_verify.main()


if __name__ == "__main__":
    sys.exit(main())
