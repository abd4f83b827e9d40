"""Structured logs with the upgrade's id in every line (Powertools)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from aws_lambda_powertools import Logger

from nft_upgrade.domain.errors import Unavailable


@cache
def logger() -> Logger:
    """The process's logger; JSON lines on standard output."""
    return Logger(service="nft-upgrade", utc=True)


@contextmanager
def step(name: str, subject: str, **facts: str) -> Iterator[None]:
    """Log how a step ended. A retryable fault is a warning: the workflow asks again."""
    with logger().append_context_keys(step=name, upgrade_request_id=subject, **facts):
        try:
            yield
        except Unavailable as fault:
            logger().warning("fault", extra={"fault": type(fault).__name__, "why": fault.detail})
            raise
        except Exception:
            logger().exception("failed")
            raise
        logger().info("done")
