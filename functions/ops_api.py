"""The operators' API behind API Gateway, with grants of its own: no user's call reaches it."""

from functools import cache
from typing import Any

from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from nft_upgrade import observability, wiring_ops
from nft_upgrade.http.problems import MEDIA_TYPE


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An HTTP API event (payload 2.0) and its answer."""
    call = event["requestContext"]
    with observability.logger().append_context_keys(
        request_id=call["requestId"], method=call["http"]["method"], path=call["http"]["path"]
    ):
        return _door()(event, context)


@cache
def _door() -> Mangum:
    """Problems are text, or Mangum would answer them in base64."""
    app = wiring_ops.ops_app()
    copy_config_to_registered_loggers(observability.logger(), include={"nft_upgrade"})
    return Mangum(app, lifespan="off", text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE])
