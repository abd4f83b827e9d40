"""How a custom resource answers CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, str]


def answer(
    event: Mapping[str, Any],
    look_up: Callable[[Mapping[str, Any]], Facts],
    forget: Callable[[Mapping[str, Any]], None] = lambda properties: None,
) -> None:
    """Answer with what `look_up(properties)` says; with its error when it raises. A deletion is
    granted after `forget(properties)`: mostly nothing was made that could be deleted."""
    try:
        if event["RequestType"] == "Delete":
            forget(event["ResourceProperties"])
            data: Facts = {}
        else:
            data = look_up(event["ResourceProperties"])
    except Exception as error:  # noqa: BLE001 - CloudFormation waits an hour for an answer
        _send(event, Status="FAILED", Reason=f"{type(error).__name__}: {error}")
    else:
        _send(event, Status="SUCCESS", Data=dict(data))


def _send(event: Mapping[str, Any], **outcome: Any) -> None:
    body = {
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        **outcome,
    }
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urllib.request.urlopen(request, timeout=10):
        pass
