"""URLs that may contain access tokens, kept in Secrets Manager rather than in the environment."""

from collections.abc import Sequence

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nft_upgrade.domain.errors import ChainUnavailable

SECRET = "secret:"
_PATIENCE = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})


def revealed(urls: Sequence[str]) -> tuple[str, ...]:
    """The URLs as they are, or, for the one entry `secret:<name or ARN>`, what that secret holds:
    URLs, comma separated. ChainUnavailable when it cannot be read now."""
    if len(urls) != 1 or not urls[0].startswith(SECRET):
        return tuple(urls)
    return tuple(url.strip() for url in _text(urls[0].removeprefix(SECRET)).split(","))


def _text(name: str) -> str:
    try:
        client = boto3.client("secretsmanager", config=_PATIENCE)
        return str(client.get_secret_value(SecretId=name)["SecretString"])
    except (ClientError, BotoCoreError) as error:
        raise ChainUnavailable(f"The RPC providers' URLs could not be read: {error}") from error
