"""What /docs says about errors: every route lists its problems, by the classes it can raise."""

from http import HTTPStatus
from typing import Any

from nft_upgrade.domain.errors import StorageUnavailable, UpgradeError
from nft_upgrade.http import errors as edge
from nft_upgrade.http.problems import MEDIA_TYPE, problem, row_of

EXAMPLE_REQUEST_ID = "JKJaXmPLvHcESHA="
_TEXT = {"type": "string"}
_REQUIRED: dict[str, Any] = {
    "type": {**_TEXT, "format": "uri"},
    "title": _TEXT,
    "status": {"type": "integer"},
    "detail": _TEXT,
    "code": {**_TEXT, "description": "Stable; what a program decides by."},
    "errorType": {**_TEXT, "description": "One of the product's eleven."},
    "retryable": {"type": "boolean", "description": "The same call may succeed later."},
    "requestId": _TEXT,
    "success": {"const": False},
    "error": {**_TEXT, "description": "The same sentence as `detail`."},
}
_OPTIONAL: dict[str, Any] = {
    "upgradeRequestId": {**_TEXT, "description": "With `upgrade_active`: the running one."},
    "retryAfter": {"type": "integer", "description": "With `rate_limited`: seconds to wait."},
    "burnProof": {"type": "object", "description": "With `burn_refused`: all checks."},
    "field": {**_TEXT, "description": "Which field is at fault."},
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details with the product's own members.",
    "required": list(_REQUIRED),
    "properties": {**_REQUIRED, **_OPTIONAL},
}
ANY_BODY = (
    edge.MalformedJson,
    edge.UnknownField,
    edge.MissingField,
    edge.InvalidField,
    edge.BodyTooLarge,
    edge.UnsupportedMediaType,
)
"""What every POST may answer, whoever calls."""
ANY_ACT = (
    *ANY_BODY,
    edge.InvalidToken,
    edge.WrongOrigin,
    edge.InvalidIdempotencyKey,
    edge.IdempotencyKeyReused,
    edge.IdempotencyInProgress,
)
"""What every POST of a signed-in user may answer."""


def problems(*kinds: type[UpgradeError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses, one per status, with an example per code."""
    by_status: dict[int | str, dict[str, Any]] = {}
    always: tuple[type[UpgradeError], ...] = (
        edge.TokenInUrl,
        StorageUnavailable,
        edge.InternalError,
    )
    for kind in (*kinds, *always):
        row = row_of(kind)
        entry = by_status.setdefault(row.status, _entry(row.status))
        entry["content"][MEDIA_TYPE]["examples"][kind.code] = {"value": _example(kind)}
    return by_status


def _entry(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _example(kind: type[UpgradeError]) -> dict[str, Any]:
    sentence = (kind.__doc__ or row_of(kind).title).split("\n")[0]
    return problem(kind(sentence), EXAMPLE_REQUEST_ID)
