"""The event functions as Lambda finds them: loaded by name, cached parts made anew."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from local.aws_lambda import LambdaContext, load_handler
from nft_upgrade import wiring_events

DEFAULTS = {
    "POWERTOOLS_METRICS_DISABLED": "true",
    # Consumers speak to Kafka for dead letters alone; nobody listens here.
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
}


@contextmanager
def loaded(name: str, environment: Mapping[str, str]) -> Iterator[Callable[[Any], Any]]:
    """The function's handler in this environment."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, text in {**DEFAULTS, **environment}.items():
            patch.setenv(variable, text)
        forget()
        handler = load_handler(name)
        yield lambda event: handler(event, LambdaContext(name))
        forget()


def forget() -> None:
    """Drop what earlier tests built from another environment."""
    if wiring_events.publisher.cache_info().currsize:
        wiring_events.publisher().close()  # type: ignore[attr-defined]
    for part in vars(wiring_events).values():
        if hasattr(part, "cache_clear"):
            part.cache_clear()
