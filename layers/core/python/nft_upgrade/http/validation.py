"""What FastAPI refuses, as our errors. No value from the request is repeated."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from nft_upgrade.domain.errors import InvalidTargetLevel, UpgradeError
from nft_upgrade.http import errors as edge
from nft_upgrade.http.edge import answer_problem

_LONGEST_NAME = 64
_QUERY_ERRORS: Mapping[str, type[UpgradeError]] = {
    "targetLevel": InvalidTargetLevel,
    "status": edge.InvalidStatus,
    "limit": edge.InvalidLimit,
    "cursor": edge.InvalidCursor,
}


async def answer_validation_error(request: Request, error: Exception) -> JSONResponse:
    """Exception handler of RequestValidationError."""
    assert isinstance(error, RequestValidationError)
    return await answer_problem(request, from_validation(error.errors()))


async def answer_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Exception handler of what Starlette itself refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    return await answer_problem(request, from_http_exception(error))


def from_validation(found: Sequence[Mapping[str, Any]]) -> UpgradeError:
    """One of them: an unknown field first, because it is what a client misunderstands."""
    first = min(found, key=lambda fault: fault["type"] != "extra_forbidden")
    place: tuple[Any, ...] = tuple(first["loc"])
    name = str(place[-1])[:_LONGEST_NAME]
    if place == ("body",) or first["type"] == "json_invalid":
        return edge.MalformedJson("This route takes a JSON object.")
    if first["type"] == "extra_forbidden":
        return edge.UnknownField("The body has a field that this route does not know.", field=name)
    if first["type"] == "missing":
        return edge.MissingField(f"{name} is missing.", field=name)
    if place[0] == "query":
        return _QUERY_ERRORS.get(name, edge.InvalidField)(f"{name} is not valid.", field=name)
    return edge.InvalidField(f"{name} is not valid.", field=name)


def from_http_exception(error: HTTPException) -> UpgradeError:
    """404 and 405 by their own names; whatever else it is, the request's fault."""
    if error.status_code == 404:
        return edge.RouteNotFound("There is nothing at this address.")
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        return edge.MethodNotAllowed("This address does not take that method.", allow=allow)
    return edge.MalformedJson("The request cannot be read.")
