"""The operators' API behind API Gateway, with grants of its own: no user's call reaches it."""

from functools import cache
from typing import Any

from mangum import Mangum

from nft_upgrade import observability, wiring_ops
from nft_upgrade.http.lambda_door import answered, logged_door_to


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An HTTP API event (payload 2.0) and its answer."""
    return answered(event, context, _door, observability.logger())


@cache
def _door() -> Mangum:
    """Built by the first call, kept for all others."""
    return logged_door_to(wiring_ops.ops_app(), observability.logger())
