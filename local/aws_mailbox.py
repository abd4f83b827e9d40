"""The messages that the emulator's SES and SNS took, for people to read; beside moto's own classes.

moto keeps one body per mail and no headers, so the requests themselves are kept. In memory, the
last 200 of them.
"""

import functools
import json
from collections import deque
from collections.abc import Iterable
from typing import Any

from moto.sesv2.responses import SESV2Response
from moto.sns.models import PlatformEndpoint

from local.settings import MAILBOX_PATH

KEPT = 200
Wsgi = Any
"""A WSGI application; moto's has no types."""


class Mailbox:
    """WSGI around the emulator: answers `/_local/mailbox` itself, passes on everything else."""

    def __init__(self, emulator: Wsgi) -> None:
        self._emulator = emulator
        self._messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._watch_mail()
        self._watch_push()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != MAILBOX_PATH:
            answered: Iterable[bytes] = self._emulator(environ, start_response)
            return answered
        body = json.dumps({"messages": list(self._messages)}).encode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]

    def _watch_mail(self) -> None:
        original = SESV2Response.send_email

        @functools.wraps(original)
        def send_email(response: SESV2Response) -> str:
            answer = original(response)
            self._messages.append(_mail(json.loads(response.body)))
            return answer

        SESV2Response.send_email = send_email  # type: ignore[assignment, method-assign]

    def _watch_push(self) -> None:
        original = PlatformEndpoint.publish

        @functools.wraps(original)
        def publish(endpoint: PlatformEndpoint, message: str) -> str:
            message_id = original(endpoint, message)
            self._messages.append(_push(endpoint, message))
            return message_id

        PlatformEndpoint.publish = publish  # type: ignore[assignment, method-assign]


def _push(endpoint: PlatformEndpoint, message: str) -> dict[str, Any]:
    """`text`: what SNS would hand to the endpoint's own platform."""
    try:
        forms = json.loads(message)
        text = forms.get(endpoint.application.platform, forms["default"])
    except (ValueError, KeyError, AttributeError):
        text = message
    return {"kind": "push", "to": endpoint.arn, "text": text}


def _mail(request: dict[str, Any]) -> dict[str, Any]:
    simple = request["Content"]["Simple"]
    return {
        "kind": "email",
        "to": ", ".join(request["Destination"]["ToAddresses"]),
        "subject": simple["Subject"]["Data"],
        "text": simple["Body"]["Text"]["Data"],
        "html": simple["Body"]["Html"]["Data"],
        "headers": {header["Name"]: header["Value"] for header in simple.get("Headers", ())},
    }
