"""An ASGI application behind API Gateway, for the functions that serve one."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from fastapi import FastAPI
from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from nft_upgrade.http.problems import MEDIA_TYPE


def door_to(app: FastAPI) -> Mangum:
    """Problems are text, or Mangum would answer them in base64."""
    return Mangum(app, lifespan="off", text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE])


def answered(
    event: dict[str, Any], context: Any, door: Callable[[], Mangum], logger: Any
) -> dict[str, Any]:
    """The answer to an HTTP API event (payload 2.0); every line logged meanwhile names the call."""
    call = event["requestContext"]
    with logger.append_context_keys(
        request_id=call["requestId"], method=call["http"]["method"], path=call["http"]["path"]
    ):
        return door()(event, context)


def logged_door_to(app: FastAPI, logger: Any) -> Mangum:
    """The same; the package's own log lines become JSON too. Its loggers exist once the
    application does."""
    copy_config_to_registered_loggers(logger, include={"nft_upgrade"})
    return door_to(app)
