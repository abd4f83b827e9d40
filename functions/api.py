"""The API behind API Gateway: the same application as behind uvicorn, reached through Mangum."""

from functools import cache
from typing import Any

from mangum import Mangum

from nft_upgrade import observability, wiring
from nft_upgrade.http.lambda_door import answered, logged_door_to


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An HTTP API event (payload 2.0) and its answer."""
    return answered(event, context, _door, observability.logger())


@cache
def _door() -> Mangum:
    """Built by the first call, kept for all others."""
    return logged_door_to(wiring.api_app(), observability.logger())
