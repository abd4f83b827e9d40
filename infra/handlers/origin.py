"""The API's authorizer: lets in what came through CloudFront, which alone knows the secret.

HTTP APIs can have no web ACL, so whoever calls the API directly would go round it. API Gateway
keeps the answer for an hour per secret, so this runs about once an hour.
"""

import hmac
import os
from functools import cache
from typing import Any

import boto3

HEADER = "x-origin-verify"


def handler(event: dict[str, Any], context: object) -> dict[str, bool]:
    """A payload 2.0 authorizer event -> a simple response."""
    shown = event.get("headers", {}).get(HEADER, "")
    return {"isAuthorized": hmac.compare_digest(shown.encode(), _secret().encode())}


@cache
def _secret() -> str:
    client = boto3.client("secretsmanager")
    return str(client.get_secret_value(SecretId=os.environ["ORIGIN_SECRET"])["SecretString"])
